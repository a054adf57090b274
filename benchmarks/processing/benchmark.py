"""`python3 -m benchmarks processing`: one CSV, the same rules, four ways; our memory at ten times as much."""

from pathlib import Path

from benchmarks.measure import Json, Measured
from benchmarks.processing.checking import Verdict, judge
from benchmarks.processing.inputs import Input, make_input
from benchmarks.report import Report
from benchmarks.rounds import Figures, Peer, interleave

LOOP_ROWS = 200_000
TIMES = 10
MEMORY_LIMIT_MB = 512
OURS = "batch_pipelines, 2 workers"
GOALS = {"pandas chunks": 5.0, "per-row loop": 10.0, "DuckDB, 2 threads": 1.2}
_TOO_UNEVEN = 0.10


def measure(rows: int, rounds: int, seed: int, workdir: Path, command: str) -> Report:
    """Run all peers on `rows` rows, `rounds` times."""
    whole = make_input(workdir / f"input-{rows}-{seed}", rows, seed)
    few = make_input(workdir / f"input-{LOOP_ROWS}-{seed}", min(LOOP_ROWS, rows), seed)
    verdicts: dict[str, Verdict] = {}
    peers = [
        _our_peer(whole, verdicts),
        _peer("DuckDB, 2 threads", "duckdb_one", whole, verdicts),
        _peer("pandas chunks", "pandas_chunks", whole, verdicts),
        _peer("per-row loop", "per_row", few, verdicts),
    ]
    figures = interleave(peers, rounds, workdir)
    return _reported(figures, verdicts, whole, few, command)


def _peer(name: str, module: str, data: Input, verdicts: dict[str, Verdict]) -> Peer:
    def check(job: Json, _measured: Measured) -> None:
        folder = job["folder"]
        dead = f"SELECT seq::BIGINT AS seq FROM '{folder}/dead-*.parquet'"
        verdicts[name] = judge(data.folder, data.rows, [f"{folder}/good-*.parquet"], dead)

    return Peer(name, f"benchmarks.processing.{module}:run", {"input": str(data.folder)}, check)


def _our_peer(data: Input, verdicts: dict[str, Verdict]) -> Peer:
    def check(job: Json, _measured: Measured) -> None:
        verdicts[OURS] = _judge_ours(Path(job["folder"]) / "data", data)

    module = "benchmarks.processing.ours"
    return Peer(OURS, f"{module}:run", {"input": str(data.folder)}, check, prepare=f"{module}:prepare")


def _judge_ours(tables: Path, data: Input) -> Verdict:
    from deltalake import DeltaTable  # noqa: PLC0415  only this check needs it

    files = DeltaTable(tables / "datasets/lineitems").file_uris()
    dead = f"SELECT DISTINCT record AS seq FROM '{tables}/dead_letters/lineitems/**/*.parquet'"
    return judge(data.folder, data.rows, files, dead)


def _reported(
    figures: dict[str, Figures], verdicts: dict[str, Verdict], whole: Input, few: Input, command: str
) -> Report:
    columns = ("", "rows", "wall s", "CPU s", "krows/s", "krows/CPU-s", "peak MB", "ours is faster", "defects caught")
    title = f"Processing: {whole.rows:,} rows, {whole.bytes / 1e6:,.0f} MB of CSV, median of {_rounds(figures)} rounds"
    report = Report(title, command, columns)
    fast = _rows_per_s(figures[OURS], whole)
    for name, taken in figures.items():
        data = few if name == "per-row loop" else whole
        rate = _rows_per_s(taken, data)
        cells = [f"{data.rows:,}", f"{taken.wall_s:.2f}", f"{taken.cpu_s:.2f}", f"{rate / 1e3:,.0f}"]
        cells += [f"{data.rows / taken.cpu_s / 1e3:,.0f}", f"{taken.peak_mb:.0f}"]
        ratio = "" if name == OURS else f"{fast / rate:.2f}×"
        report.rows.append([name, *cells, ratio, verdicts[name].words])
        if name in GOALS:
            report.goals.append((f"≥ {GOALS[name]:g}× {name}: {fast / rate:.2f}×", fast / rate >= GOALS[name]))
    peak = figures[OURS].workers_mb
    report.goals.append((f"peak of all our workers ≤ {MEMORY_LIMIT_MB} MB: {peak:.0f} MB", peak <= MEMORY_LIMIT_MB))
    report.notes = [
        "wall: from the start of the process, imports included, to its end; CPU: user and system, the whole tree",
        "peak: anonymous memory of the whole tree, every 50 ms, worst round; workers: all but its first process",
        "all good rows of every peer were compared with the truth, all 16 columns; ours are fsynced, in a Delta table",
        f"the per-row loop works on {few.rows:,} rows; its ratio is of rows per second",
    ]
    return report


def _rows_per_s(figures: Figures, data: Input) -> float:
    return data.rows / figures.wall_s


def _rounds(figures: dict[str, Figures]) -> int:
    return len(figures[OURS].runs)


def measure_memory(rows: int, rounds: int, seed: int, workdir: Path, command: str) -> Report:
    """Run us on `rows` rows, `rounds` times, and once on ten times as many; the peak must be the same."""
    columns = ("rows", "MB of CSV", "wall s", "CPU s", "peak MB, workers", "peak MB, all")
    report = Report(f"Memory: {rows:,} rows and {TIMES} times as many", command, columns)
    peaks = []
    for count, times in ((rows, rounds), (rows * TIMES, 1)):
        data = make_input(workdir / f"input-{count}-{seed}", count, seed)
        taken = interleave([_our_peer(data, {})], times, workdir)[OURS]
        peaks.append(taken.workers_mb)
        cells = [f"{count:,}", f"{data.bytes / 1e6:,.0f}", f"{taken.wall_s:.2f}", f"{taken.cpu_s:.2f}"]
        report.rows.append([*cells, f"{taken.workers_mb:.0f}", f"{taken.peak_mb:.0f}"])
    change = peaks[1] / peaks[0] - 1
    report.goals = [
        (f"peak of all workers ≤ {MEMORY_LIMIT_MB} MB: {max(peaks):.0f} MB", max(peaks) <= MEMORY_LIMIT_MB),
        (f"the same (±10 %) at {TIMES} times the input: {change:+.1%}", abs(change) <= _TOO_UNEVEN),
    ]
    report.notes = [
        f"the smaller input {rounds} times, worst round: the more chunks, the surer both workers peak at once"
    ]
    return report
