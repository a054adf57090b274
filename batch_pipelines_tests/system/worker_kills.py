"""Kills at random moments of a lane with real workers: the lane, a worker, the fork server, all of them at once.

Afterwards nothing of it is alive, and a resumed run comes to the undisturbed table. What must not live here: kills at
named points (kill_sweep.py), Dagster (test_dagster_kills.py).
"""

import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from batch_pipelines_tests.processes import eventually, marked, parent_of
from batch_pipelines_tests.system import sweep_home

VICTIMS = ("lane", "worker", "fork server", "all")
WORKERS = os.cpu_count() or 1
MARK = "BP_SWEEP_MARK"
ROWS = 150
IN_TRIAL = 3
PATIENCE_S = 60
HUNG = 1000  # in place of an exit code


@dataclass
class WorkerFigures:
    """What the kills came to."""

    seed: int
    trials: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    redone: int = 0
    orphans: int = 0
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """One line."""
        return (
            f"seed {self.seed}: {self.kills.total()} kills in {self.trials} trials ({dict(self.kills)}), "
            f"{self.redone} chunks redone, {self.orphans} orphans swept, {len(self.wrong)} wrong"
        )


class WorkerKills:
    """Trials over one home.

    Args:
        folder: Where homes and data folders are made.
        seed: Of input and dice.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self.figures = WorkerFigures(seed)
        self._dice = random.Random(seed)
        self._folder = folder
        self._pause = threading.Event()
        self._home = sweep_home.make_home(folder / "home", seed, ROWS)
        data = self._fresh()
        assert self._launch(data, "undisturbed").wait(PATIENCE_S) == 0
        self._files = len(list((data / "datasets" / "orders").glob("*/*.parquet")))
        self._reference = folder / "reference.json"
        self._reference.write_text(json.dumps(self._inspect(data, None)["content"]))

    def trial(self, *victims: str) -> None:
        """Start, kill, resume until it is through; then look at everything."""
        data = self._fresh()
        kills = 0
        for n, victim in enumerate(victims):
            mark = f"bp-{os.getpid()}-{self.figures.trials}-{n}"
            lane = self._launch(data, mark)
            killed = self._kill(victim, lane, mark, data)
            kills += killed
            self.figures.kills[victim] += killed
            code = self._ended(lane)
            if not killed or victim in {"worker", "fork server"}:
                self._expect(code == 0, f"{victim}: the lane ended with {code}")
            eventually(lambda mark=mark: not marked(MARK, mark))  # type: ignore[misc]
        lane = self._launch(data, "last")
        self._expect(self._ended(lane) == 0, f"{victims}: it could not be resumed")
        found = self._inspect(data, self._reference)
        self.figures.redone += max(0, found["redone"])
        self.figures.orphans += found["orphans"]
        self._expect(found["redone"] <= WORKERS * kills, f"{victims}: {found['redone']} redone after {kills} kills")
        self.figures.wrong += [f"{victims}: {what}" for what in found["wrong"]]

    def trials(self, kills: int) -> WorkerFigures:
        """Trials with random victims until there were so many kills."""
        while self.figures.kills.total() < kills:
            self.trial(*self._dice.choices(VICTIMS, k=self._dice.randint(1, IN_TRIAL)))
        return self.figures

    def _fresh(self) -> Path:
        self.figures.trials += 1
        return sweep_home.fresh_data(self._folder / f"data-{self.figures.trials}", None)

    def _launch(self, data: Path, mark: str) -> "subprocess.Popen[bytes]":
        argv = [sys.executable, "-m", "batch_pipelines_tests.system.role", "run", str(self._home), str(data)]
        return subprocess.Popen(argv, env={**os.environ, MARK: mark})

    def _ended(self, lane: "subprocess.Popen[bytes]") -> int:
        """Wait for the end of a lane; one that hangs says where, and is killed."""
        try:
            return lane.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            lane.send_signal(signal.SIGUSR1)
            self._pause.wait(1)
            lane.kill()
            lane.wait()
            return HUNG

    def _kill(self, victim: str, lane: "subprocess.Popen[bytes]", mark: str, data: Path) -> bool:
        """Kill the victim a moment after so many parts were written; False if the lane was faster."""
        after, rest_s = self._dice.randrange(self._files * 2 // 3), self._dice.uniform(0, 0.1)
        while lane.poll() is None:
            files = len(list((data / "datasets" / "orders").glob("*/*.parquet")))
            if files >= after:
                self._pause.wait(rest_s)
                if targets := self._targets(victim, lane.pid, mark):
                    for pid in targets:
                        with suppress(ProcessLookupError):
                            os.kill(pid, signal.SIGKILL)
                    return True
            self._pause.wait(0.01)
        return False

    def _targets(self, victim: str, lane: int, mark: str) -> list[int]:
        if victim == "lane":
            return [lane]
        processes = marked(MARK, mark)
        parents = {pid: parent_of(pid) for pid in processes}
        servers = {parents[pid] for pid in processes if parents.get(parents[pid] or 0) == lane}
        workers = sorted(pid for pid in processes if parents[pid] in servers)
        if victim == "worker":
            return [self._dice.choice(workers)] if workers else []
        if victim == "fork server":
            return sorted(server for server in servers if server)
        return [lane, *(pid for pid in processes if pid != lane)] if workers else []

    def _inspect(self, data: Path, reference: Path | None) -> dict[str, Any]:
        argv = [sys.executable, "-m", "batch_pipelines_tests.system.role", "inspect", str(self._home), str(data)]
        done = subprocess.run([*argv, *([str(reference)] if reference else [])], capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def _expect(self, holds: bool, what: str) -> None:  # noqa: FBT001
        if not holds:
            self.figures.wrong.append(what)
