"""What a run came to, in figures: read, written, dead-lettered and why, and where the table lies."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from batch_pipelines.cli.cells import counted
from batch_pipelines.cli.console import data
from batch_pipelines.cli.places import shown_path
from batch_pipelines.cli.reasons import sentence_of

if TYPE_CHECKING:
    from batch_pipelines.processing.pipeline import Processing
    from batch_pipelines.processing.reports import BatchReport

SHOWN_REASONS = 5
MB_SHOWN = 100_000


def show_counts(processing: "Processing", reports: Sequence["BatchReport"]) -> None:
    """Print what these batches read and wrote."""
    from batch_pipelines.processing.standing import reasons_in

    read = sum(report.counts.items for report in reports)
    written = sum(report.counts.written for report in reports)
    filtered = sum(report.counts.filtered for report in reports)
    dead = sum(report.counts.dead for report in reports)
    warned = sum(report.counts.warned for report in reports)
    _figure(read, "read")
    _figure(written, "written", "green")
    if filtered:
        _figure(filtered, "filtered, as the dataset's YAML says")
    _figure(dead, "dead-lettered", "red" if dead else "")
    if dead:
        batches = processing.ledger.batches.get([report.batch_id for report in reports])
        for reason in reasons_in(processing, batches)[:SHOWN_REASONS]:
            data().print(f"           {sentence_of(reason)}", soft_wrap=True)
    if warned:
        _figure(warned, f"of the written have a warning ({', '.join(_warnings(reports))})", "yellow")


def show_place(processing: "Processing", dataset: str) -> None:
    """Print where the table of a dataset lies, and its size; nothing where there is none."""
    from batch_pipelines.lake.delta import files_at, table_path, version

    path = table_path(processing.settings.data, dataset)
    at = version(path)
    if at is None:
        return
    files = files_at(path, at)
    size = sum((path / name).stat().st_size for name in files if (path / name).is_file())
    what = f"Delta Lake, {counted(len(files), 'Parquet file')}, {_size(size)}"
    data().print(f"The table lies in {shown_path(path)} ({what}).", soft_wrap=True)


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:,.1f} MB" if size_bytes >= MB_SHOWN else f"{size_bytes / 1e3:,.1f} kB"


def _figure(count: int, what: str, style: str = "") -> None:
    data().print(Text.assemble((f"{count:>11,}", f"bold {style}".strip()), f"  {what}"), soft_wrap=True)


def _warnings(reports: Sequence["BatchReport"]) -> list[str]:
    return sorted({name for report in reports for name in report.warnings})
