"""`python3 -m benchmarks reporting`: one long PDF, many personal ones, a large workbook, a large CSV."""

from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import Json, Measured, PeerFailed
from benchmarks.report import Report
from benchmarks.reporting.documents import LONG, PERSONAL
from benchmarks.rounds import Figures, Peer, interleave

WORK = "benchmarks.reporting"


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much of each.

    Attributes:
        pdfs: Personal PDFs.
        sheet_rows: Rows of the workbook.
        csv_rows: Rows of the CSV.
    """

    pdfs: int
    sheet_rows: int
    csv_rows: int


@dataclass(frozen=True, slots=True)
class Contest:
    """Ours against others.

    Attributes:
        title: What is made.
        peers: Ours first.
        least_cpu: By peer: how many times less CPU ours has to use.
        least_memory: Likewise of memory.
    """

    title: str
    peers: list[Peer]
    least_cpu: dict[str, float]
    least_memory: dict[str, float]


def measure(sizes: Sizes, rounds: int, workdir: Path, command: str) -> Report:
    """Run all contests."""
    columns = ("", "CPU s", "wall s", "peak MB", "MB written", "ours: times less CPU", "times less memory")
    report = Report(f"Reports, median of {rounds} rounds", command, columns)
    for contest in _contests(sizes, workdir):
        figures = interleave(contest.peers, rounds, workdir)
        _tell(report, contest, figures)
    report.notes = [
        "PDFs: both get the same rows and the same drawings of charts, made before; both are tagged as PDF/UA-1",
        "WeasyPrint sets our HTML report, which has the same design",
        "workbook: ours has a summary, formats, filters, frozen heads; openpyxl's has bare cells",
        "every peer starts from the same Parquet rows, in a fresh process; imports count",
    ]
    return report


def _contests(sizes: Sizes, workdir: Path) -> list[Contest]:
    pages: Json = {"kind": LONG, "reports": 1}
    many: Json = {"kind": PERSONAL, "reports": sizes.pdfs}
    sheet: Json = {"rows": sizes.sheet_rows, "input": str(workdir / f"sheet-{sizes.sheet_rows}.parquet")}
    rows: Json = {"rows": sizes.csv_rows, "input": str(workdir / f"csv-{sizes.csv_rows}.parquet")}
    return [
        Contest("PDF of 20 pages", _pdf_peers(pages), {"WeasyPrint": 8.0}, {}),
        Contest(f"{sizes.pdfs} personal PDFs", _pdf_peers(many), {"WeasyPrint": 15.0}, {}),
        Contest(
            f"XLSX, {sizes.sheet_rows:,} × 12",
            _sheet_peers(
                sheet,
                {"openpyxl write-only": "openpyxl_write_only", "pandas + openpyxl": "pandas_openpyxl"},
                "ours_xlsx",
            ),
            {"openpyxl write-only": 5.0},
            {},
        ),
        Contest(
            f"CSV, {sizes.csv_rows:,} × 12",
            _sheet_peers(rows, {"pandas": "pandas_csv"}, "ours_csv"),
            {"pandas": 4.0},
            {"pandas": 4.0},
        ),
    ]  # fmt: skip


def _pdf_peers(job: Json) -> list[Peer]:
    prepare = f"{WORK}.documents:prepare"
    return [
        Peer("ours", f"{WORK}.pdfs:ours", job, _has_pages, prepare),
        Peer("WeasyPrint", f"{WORK}.pdfs:weasyprint", job, _has_pages, prepare),
    ]


def _sheet_peers(job: Json, others: dict[str, str], ours: str) -> list[Peer]:
    prepare = f"{WORK}.sheets:prepare"
    named = {"ours": ours, **others}
    return [Peer(name, f"{WORK}.sheets:{function}", job, _has_bytes, prepare) for name, function in named.items()]


def _has_pages(job: Json, measured: Measured) -> None:
    least = 15 if job["kind"] == LONG else job["reports"]
    if measured.result["pages"] < least:
        raise PeerFailed(f"{measured.result['pages']} pages, not {least}")


def _has_bytes(job: Json, measured: Measured) -> None:
    if measured.result["bytes"] < job["rows"] * 20:
        raise PeerFailed("the file is too small to hold the rows")


def _tell(report: Report, contest: Contest, figures: dict[str, Figures]) -> None:
    ours = figures["ours"]
    for name, taken in figures.items():
        size = taken.median_of("bytes") / 2**20
        cells = [f"{taken.cpu_s:.2f}", f"{taken.wall_s:.2f}", f"{taken.peak_mb:.0f}", f"{size:.2f}"]
        ratios = ["", ""]
        if name != "ours":
            ratios = [f"{taken.cpu_s / ours.cpu_s:.1f}×", f"{taken.peak_mb / ours.peak_mb:.1f}×"]
        report.rows.append([f"{contest.title}: {name}", *cells, *ratios])
    for name, least in contest.least_cpu.items():
        ratio = figures[name].cpu_s / ours.cpu_s
        report.goals.append((f"{contest.title}: ≥ {least:g}× less CPU than {name}: {ratio:.1f}×", ratio >= least))
    for name, least in contest.least_memory.items():
        ratio = figures[name].peak_mb / ours.peak_mb
        report.goals.append((f"{contest.title}: ≥ {least:g}× less memory than {name}: {ratio:.1f}×", ratio >= least))
