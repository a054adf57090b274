"""`python3 -m benchmarks formats`: JSON Lines against pandas, XLSX against openpyxl, the same rules as for CSV."""

from pathlib import Path

from deltalake import DeltaTable

from benchmarks.formats import inputs
from benchmarks.measure import Json, Measured
from benchmarks.processing.checking import Verdict, judge
from benchmarks.processing.inputs import Input
from benchmarks.report import Report
from benchmarks.rounds import Figures, Peer, interleave

SHARES = {"jsonl": 1, "xlsx": 10}  # of the rows asked for: XLSX takes long to read, and longer to make
PEERS = {"jsonl": ("pandas.read_json, chunks", "pandas_json"), "xlsx": ("openpyxl, read only", "openpyxl_rows")}
GOALS = {"jsonl": 2.0, "xlsx": 5.0}
_COLUMNS = ("", "rows", "MB", "wall s", "CPU s", "krows/s", "krows/CPU-s", "peak MB", "ours is faster", "per CPU-s")


def measure(rows: int, rounds: int, seed: int, workdir: Path, command: str) -> Report:
    """Run us and the peer of each format, `rounds` times."""
    report = Report(f"Formats: median of {rounds} rounds", command, (*_COLUMNS, "defects caught"))
    for kind, share in SHARES.items():
        count = max(rows // share, 1000)
        data = inputs.make(workdir / f"formats-{count}-{seed}", count, seed, kind)
        verdicts: dict[str, Verdict] = {}
        peers = [_ours(kind, data, verdicts), _peer(kind, data, verdicts)]
        _add(report, kind, data, interleave(peers, rounds, workdir), verdicts)
    report.notes = [
        "without the defects that only CSV has (column counts, bad UTF-8): pandas stops at the first of such lines",
        "all good rows of every peer were compared with the truth, all 16 columns; ours are fsynced, in a Delta table",
        "ours: 2 workers; the peers are one process, as one writes them",
    ]
    return report


def _ours(kind: str, data: Input, verdicts: dict[str, Verdict]) -> Peer:
    name = f"{kind.upper()}: batch_pipelines"

    def check(job: Json, _measured: Measured) -> None:
        tables = Path(job["folder"]) / "data"
        files = DeltaTable(tables / "datasets/lineitems").file_uris()
        raw = r"regexp_extract(decode(raw), '\"seq\":\"?(\d+)', 1)::BIGINT"
        dead = f"SELECT DISTINCT {raw} AS seq FROM '{tables}/dead_letters/lineitems/**/*.parquet'"
        verdicts[name] = judge(data.folder, data.rows, files, dead)

    job = {"input": str(data.folder), "file": f"lineitems.{kind}"}
    module = "benchmarks.processing.ours"
    return Peer(name, f"{module}:run", job, check, prepare=f"{module}:prepare")


def _peer(kind: str, data: Input, verdicts: dict[str, Verdict]) -> Peer:
    label, module = PEERS[kind]
    name = f"{kind.upper()}: {label}"

    def check(job: Json, _measured: Measured) -> None:
        folder = job["folder"]
        dead = f"SELECT seq::BIGINT AS seq FROM '{folder}/dead-*.parquet'"
        verdicts[name] = judge(data.folder, data.rows, [f"{folder}/good-*.parquet"], dead)

    return Peer(name, f"benchmarks.formats.{module}:run", {"input": str(data.folder)}, check)


def _add(report: Report, kind: str, data: Input, figures: dict[str, Figures], verdicts: dict[str, Verdict]) -> None:
    ours, peer = figures.values()
    wall, cpu = peer.wall_s / ours.wall_s, peer.cpu_s / ours.cpu_s
    for name, taken in figures.items():
        cells = [f"{data.rows:,}", f"{data.bytes / 1e6:,.0f}", f"{taken.wall_s:.2f}", f"{taken.cpu_s:.2f}"]
        cells += [
            f"{data.rows / taken.wall_s / 1e3:,.0f}",
            f"{data.rows / taken.cpu_s / 1e3:,.0f}",
            f"{taken.peak_mb:.0f}",
        ]
        ratios = ["", ""] if taken is ours else [f"{wall:.2f}×", f"{cpu:.2f}×"]
        report.rows.append([name, *cells, *ratios, verdicts[name].words])
    report.goals.append((f"{kind.upper()} ≥ {GOALS[kind]:g}× {PEERS[kind][0]}: {wall:.2f}×", wall >= GOALS[kind]))
