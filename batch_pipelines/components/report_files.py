"""Looks at the files of a report as a reader's program would: does it open, is it all there? Reads only.

What must not live here: what a problem leads to (report_checks.py).
"""

import json
from collections.abc import Callable, Iterator, Mapping
from hashlib import file_digest
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import pyarrow.parquet as pq
import pypdfium2

from batch_pipelines.orchestration.report_records import Report
from batch_pipelines.reporting.declaration.catalog import Entry
from batch_pipelines.reporting.model import FileEntry


def broken(report: Report, data: Path) -> list[str]:
    """Return a line for each file that is missing, is not what was written, or does not open."""
    return [f"{file.name}: {why}" for file in report.manifest.files if (why := _why_broken(report, file, data))]


def absent_figures(report: Report, data: Path) -> list[str]:
    """Return a line for each figure that the text of the PDF lacks; nothing without a PDF."""
    pdf = next((file for file in report.manifest.files if file.format == "pdf"), None)
    if pdf is None or not report.manifest.kpis or report.manifest.state == "empty":
        return []
    try:
        text = _squeezed(pdf_text(data / report.manifest.folder / pdf.name))
    except (OSError, pypdfium2.PdfiumError) as error:
        return [f"{pdf.name}: {error}"]
    return [
        f"{kpi.label}: {kpi.text} is not in {pdf.name}"
        for kpi in report.manifest.kpis
        if _squeezed(kpi.text) not in text
    ]


def wrong_rows(report: Report, entry: Entry, data: Path) -> list[str]:
    """Return a line for each data file whose rows are not the query's."""
    expected = sum(report.gathered.rows.get(name, 0) for name in entry.declaration.data_sheets)
    found: list[str] = []
    for file in report.manifest.files:
        if file.format in ("csv", "parquet", "xlsx") and file.rows is not None and entry.declaration.data_sheets:
            path = data / report.manifest.folder / file.name
            rows = _rows_in(path, file)
            if rows != file.rows:
                found.append(f"{file.name} has {rows} rows, {file.rows} were written")
    if report.manifest.state == "ready" and entry.declaration.data_sheets:
        written = [file for file in report.manifest.files if file.format == "xlsx" and file.rows is not None]
        found += [
            f"{file.name}: {file.rows} rows were written, the queries gave {expected}"
            for file in written
            if file.rows != expected
        ]
    return found


def pdf_text(path: Path) -> str:
    """Return the text of all pages."""
    document = pypdfium2.PdfDocument(path)
    try:
        return "\n".join(page.get_textpage().get_text_bounded() for page in document)
    finally:
        document.close()


def _why_broken(report: Report, file: FileEntry, data: Path) -> str | None:
    path = data / report.manifest.folder / file.name
    try:
        with path.open("rb") as stream:
            if file_digest(stream, "sha256").hexdigest() != file.sha256:
                return "is not what was written"
        return _OPENS[file.format](path) if file.format in _OPENS else None
    except FileNotFoundError:
        return "is not there"
    except (OSError, ValueError, BadZipFile, pypdfium2.PdfiumError) as error:  # Arrow's and JSON's are ValueErrors
        return f"does not open: {error}"


def _pdf(path: Path) -> str | None:
    document = pypdfium2.PdfDocument(path)
    try:
        return None if len(document) else "has no page"
    finally:
        document.close()


def _xlsx(path: Path) -> str | None:
    with ZipFile(path) as archive:
        spoiled = archive.testzip()
        return f"{spoiled} in it is spoiled" if spoiled else None


def _html(path: Path) -> str | None:
    text = path.read_text(encoding="utf-8")
    return None if text.rstrip().endswith("</html>") else "has no end"


def _parquet(path: Path) -> str | None:
    pq.ParquetFile(path).metadata  # noqa: B018  reading it is the test
    return None


def _json(path: Path) -> str | None:
    json.loads(path.read_text(encoding="utf-8"))
    return None


_OPENS: Mapping[str, Callable[[Path], str | None]] = {
    "pdf": _pdf,
    "xlsx": _xlsx,
    "html": _html,
    "parquet": _parquet,
    "json": _json,
}


def _rows_in(path: Path, file: FileEntry) -> int | None:
    """Return the rows of a data file, counted in it."""
    if file.format == "parquet":
        return int(pq.ParquetFile(path).metadata.num_rows)
    if file.format == "xlsx":
        return None if file.rows is None else file.rows
    return sum(1 for _ in _csv_records(path)) - 1


def _csv_records(path: Path) -> Iterator[list[str]]:
    import csv  # noqa: PLC0415

    with path.open(encoding="utf-8-sig", newline="") as stream:
        yield from csv.reader(stream)


def _squeezed(text: str) -> str:
    """Without blanks of any kind: a PDF breaks and spaces its text as it likes."""
    return "".join(text.split()).replace("\u00ad", "")
