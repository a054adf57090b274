"""One peer, in a process tree of its own: wall, CPU seconds of the whole tree, peak memory.

Everything a peer starts is adopted by this process when its parent ends, so that no CPU second goes uncounted;
whatever a peer leaves running is named, and ended. What must not live here: what the peers do.
"""

import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import psutil

Json = dict[str, Any]

ROOT = Path(__file__).parent.parent
SAMPLE_EVERY_S = 0.05
STEP = 1.02
PATIENCE_S = 5.0
_PR_SET_CHILD_SUBREAPER = 36


class PeerFailed(Exception):
    """A peer did not come to its end; its figures do not count."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What one run of one peer took.

    Attributes:
        wall_s: From its start, imports included, to its end.
        cpu_s: User and system time of all its processes.
        peak_bytes: Most anonymous memory of all its processes at one time (shared pages once), sampled.
        workers_bytes: The same without its first process.
        result: What the peer says about itself.
    """

    wall_s: float
    cpu_s: float
    peak_bytes: int
    workers_bytes: int
    result: Json


def run_peer(function: str, job: Json, folder: Path) -> Measured:
    """Run `function` (`package.module:name`) on `job` in a fresh Python.

    Args:
        function: Takes the job, returns JSON.
        job: JSON.
        folder: Empty; its output goes there.

    Raises:
        PeerFailed: It raised.
    """
    _adopt_orphans()
    (folder / "job.json").write_text(json.dumps({"function": function, "job": job}), encoding="utf-8")
    before, began = _reaped_cpu_s(), time.perf_counter()
    with (folder / "log.txt").open("wb") as log:
        argv = [sys.executable, "-m", "benchmarks.peer", str(folder)]
        child = subprocess.Popen(argv, cwd=ROOT, env=_environment(), stdout=log, stderr=subprocess.STDOUT)
        with _MemoryWatch(child.pid) as watch:
            child.wait()
            wall_s = time.perf_counter() - began
    _reap_all()
    if child.returncode:
        tail = (folder / "log.txt").read_text(encoding="utf-8", errors="replace")[-3000:]
        raise PeerFailed(f"{function} ended with {child.returncode}:\n{tail}")
    result: Json = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    return Measured(wall_s, _reaped_cpu_s() - before, watch.peak_bytes, watch.workers_bytes, result)


def _environment() -> dict[str, str]:
    """Ours, but with bytecode kept: other packages are compiled when they are installed, this project is as it lies."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _adopt_orphans() -> None:
    if sys.platform != "linux":
        raise PeerFailed("processes are measured with what Linux tells about them; run this on Linux")
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _reaped_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _reap_all() -> None:
    """Wait for adopted processes; end those that do not end by themselves."""
    left = psutil.Process().children(recursive=True)
    _, alive = psutil.wait_procs(left, PATIENCE_S)
    for process in alive:
        print(f"left behind, ended now: {process}", file=sys.stderr)
        process.send_signal(signal.SIGKILL)
    psutil.wait_procs(alive, PATIENCE_S)
    try:
        while True:
            os.waitpid(-1, 0)
    except ChildProcessError:
        return


class _MemoryWatch:
    """Samples the memory of a process and all its descendants while the block runs."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.peak_bytes = self.workers_bytes = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        highest = 0
        while not self._over.wait(SAMPLE_EVERY_S):
            tree = _tree(self._pid)
            if (about := sum(unshared_bytes(pid) for pid in tree)) > highest:
                highest = int(about * STEP)  # exact figures cost what they measure: only at new heights
                first, *others = [anonymous_bytes(pid) for pid in tree] or [0]
                self.peak_bytes = max(self.peak_bytes, first + sum(others))
                self.workers_bytes = max(self.workers_bytes, sum(others))


def _tree(pid: int) -> list[int]:
    try:
        return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
    except psutil.NoSuchProcess:
        return []


def unshared_bytes(pid: int) -> int:
    """About the same, at no cost: pages that were inherited by forking count for each process."""
    try:
        resident, shared = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1:3]
    except OSError:
        return 0
    return (int(resident) - int(shared)) * resource.getpagesize()


def anonymous_bytes(pid: int) -> int:
    """Anonymous memory of a process; a page that it shares with others counts in parts (PSS)."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith("Pss_Anon:"))
