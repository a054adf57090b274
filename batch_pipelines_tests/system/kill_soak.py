"""The kill sweeps at full counts: named points, random points, random moments of real processes."""

import sys
from collections import Counter
from pathlib import Path
from typing import Any

from batch_pipelines_tests.system.forks import Forks, forks
from batch_pipelines_tests.system.kill_sweep import SWEPT, Figures, KillSweep, first_word, named_points
from batch_pipelines_tests.system.worker_kills import WorkerKills

SWEEPS = 3  # of other input each
POINT_KILLS = 440
WORKER_KILLS = 80


def run_kills(
    folder: Path, seed: int, point_kills: int = POINT_KILLS, worker_kills: int = WORKER_KILLS
) -> dict[str, Any]:
    """Sweep named and random points, then kill processes at random moments.

    Raises:
        AssertionError: Something is not as it must be.
    """
    each = point_kills // SWEEPS + 1
    with forks() as children:
        sweeps = [_sweep(children, folder / f"sweep-{n}", seed + n, each) for n in range(SWEEPS)]
    workers = WorkerKills(folder / "workers", seed).trials(worker_kills)
    print(workers, file=sys.stderr)  # noqa: T201
    wrong = [what for figures in sweeps for what in figures.wrong] + workers.wrong
    assert wrong == [], wrong
    at = sum((figures.kills for figures in sweeps), Counter())
    assert set(at) - {"any"} == {point for point in named_points() if first_word(point) in SWEPT}, (
        "a point was never killed"
    )
    return {
        "kills": at.total() + workers.kills.total(),
        "at_named_points": at.total() - at["any"],
        "points": len(at) - 1,
        "at_random_points": at["any"],
        "of_real_processes": dict(workers.kills),
        "trials": sum(figures.trials for figures in sweeps) + workers.trials,
        "chunks_redone": sum(figures.redone for figures in sweeps) + workers.redone,
        "orphans_swept": sum(figures.orphans for figures in sweeps) + workers.orphans,
        "tables_that_differed": 0,
    }


def _sweep(children: Forks, folder: Path, seed: int, kills: int) -> Figures:
    sweep = KillSweep(children, folder, seed)
    sweep.sweep(sweep.every_point())
    figures = sweep.sweep(sweep.anywhere(max(0, kills - sweep.figures.kills.total())))
    print(figures, file=sys.stderr)  # noqa: T201
    return figures
