"""`python3 -m benchmarks engine`: empty chunks, as many as each peer manages."""

from pathlib import Path

from benchmarks.measure import Json, Measured, PeerFailed
from benchmarks.report import Report
from benchmarks.rounds import Figures, Peer, interleave

OURS, OURS_AHEAD = "our lane", "our lane, prefetch 32"
CELERY, DAGSTER = "Celery group", "Dagster, mapped steps"
DAGSTER_ONE = "Dagster, mapped steps, in process"
GOALS = {CELERY: 10.0, DAGSTER: 500.0}


def measure(chunks: int, seconds: float, rounds: int, workdir: Path, command: str) -> Report:
    """Run all peers for so many seconds each, `rounds` times."""
    lane: Json = {"chunks": chunks, "seconds": seconds}
    mapped: Json = {"seconds": seconds}
    figures = interleave(
        [
            _peer(OURS, "lane", {**lane, "prefetch": 0}),
            _peer(OURS_AHEAD, "lane", {**lane, "prefetch": 32}),
            _peer(CELERY, "celery_group", {"seconds": seconds}),
            _peer(DAGSTER, "dagster_mapped", {**mapped, "executor": "multiprocess", "steps": 24}),
            _peer(DAGSTER_ONE, "dagster_mapped", {**mapped, "executor": "in_process", "steps": 200}),
        ],
        rounds,
        workdir,
    )
    return _reported(figures, seconds, command)


def _peer(name: str, module: str, job: Json) -> Peer:
    return Peer(name, f"benchmarks.engine.{module}:run", job, _did_something)


def _did_something(_job: Json, measured: Measured) -> None:
    if not measured.result["done"]:
        raise PeerFailed("nothing was done")


def _reported(figures: dict[str, Figures], seconds: float, command: str) -> Report:
    rounds = len(figures[OURS].runs)
    columns = ("", "chunks", "chunks/s", "chunks/CPU-s", "peak MB", "our lane is faster", "with prefetch 32")
    report = Report(f"Engine: empty chunks, {seconds:g} s each, median of {rounds} rounds", command, columns)
    ours = {name: figures[name].median_of("per_s") for name in (OURS, OURS_AHEAD)}
    for name, taken in figures.items():
        rate, done = taken.median_of("per_s"), taken.median_of("done")
        cells = [f"{done:,.0f}", _number(rate), _number(done / taken.cpu_s), f"{taken.peak_mb:.0f}"]
        ratios = ["", ""] if name in ours else [f"{mine / rate:,.1f}×" for mine in ours.values()]
        report.rows.append([name, *cells, *ratios])
    for peer, least in GOALS.items():
        rate = figures[peer].median_of("per_s")
        for name, mine in ours.items():
            report.goals.append((f"{name} ≥ {least:g}× {peer}: {mine / rate:,.1f}×", mine / rate >= least))
    report.notes = [
        "ours: batches, planned, worked by 2 processes with time limits, commits fsynced in SQLite (WAL, FULL)",
        "Celery: groups of 1,000, prefork, 2 processes, results in Valkey, which keeps them in memory only",
        "Dagster: runs of 24 mapped steps on the multiprocess executor, which is the default; of 200 in one process",
        "rates leave out the start of the program, of Valkey and of Celery's worker, but not that of our workers",
    ]
    return report


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2f}"
