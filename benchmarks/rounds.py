"""Several rounds of all peers, taking turns, so that whatever else the machine does hits them alike."""

import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.measure import Json, Measured, run_peer


@dataclass(frozen=True, slots=True)
class Peer:
    """One way to do the work.

    Attributes:
        name: As the table calls it.
        function: What its process runs.
        job: What it is given, besides `folder` (its own, empty).
        check: Told the job and what it cost; raises if the work was not done.
        prepare: What a process of its own runs on the same job before the clock runs.
    """

    name: str
    function: str
    job: Json
    check: Callable[[Json, Measured], None]
    prepare: str | None = None


@dataclass(frozen=True, slots=True)
class Figures:
    """All rounds of one peer."""

    runs: tuple[Measured, ...]

    @property
    def wall_s(self) -> float:
        """Median."""
        return median(run.wall_s for run in self.runs)

    @property
    def best_wall_s(self) -> float:
        """Of the fastest round."""
        return min(run.wall_s for run in self.runs)

    @property
    def cpu_s(self) -> float:
        """Median."""
        return median(run.cpu_s for run in self.runs)

    @property
    def peak_mb(self) -> float:
        """Of the worst round."""
        return max(run.peak_bytes for run in self.runs) / 2**20

    @property
    def workers_mb(self) -> float:
        """Of the worst round, without the first process."""
        return max(run.workers_bytes for run in self.runs) / 2**20

    def median_of(self, name: str) -> float:
        """Median of a number that the peer reports."""
        return float(median(run.result[name] for run in self.runs))


def interleave(peers: Sequence[Peer], rounds: int, workdir: Path) -> dict[str, Figures]:
    """Run all peers once a round; the figures of each by its name."""
    runs: dict[str, list[Measured]] = {peer.name: [] for peer in peers}
    for number in range(rounds):
        for peer in peers:
            measured = run_once(peer, workdir / "peer")
            said = f"{measured.wall_s:.2f} s, {measured.cpu_s:.2f} CPU-s, {measured.peak_bytes / 2**20:.0f} MB"
            print(f"round {number + 1}: {peer.name}: {said}", file=sys.stderr, flush=True)
            runs[peer.name].append(measured)
    return {name: Figures(tuple(done)) for name, done in runs.items()}


def run_once(peer: Peer, folder: Path) -> Measured:
    """Run one peer in an empty folder, check its work, and clear the folder away."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    job = {**peer.job, "folder": str(folder)}
    if peer.prepare:
        run_peer(peer.prepare, job, folder)
    measured = run_peer(peer.function, job, folder)
    peer.check(job, measured)
    shutil.rmtree(folder)
    return measured
