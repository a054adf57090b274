"""Is a report that was written what its manifest says? Asked of the files themselves, before anybody gets them.

What must not live here: conditions on the data (they are judged when it is gathered).
"""

import io
import re
import zipfile
from pathlib import Path

import pyarrow.parquet as pq
import pypdfium2 as pdfium

from batch_pipelines.reporting.generate import sha256_of
from batch_pipelines.reporting.model import CheckResult, FileEntry, Manifest

WIDTH = 414
COLOURS = 32
_BLANKS = re.compile(r"[\s\u200b\u00a0\u202f\u00ad\ufffe\r\n]+")


def verify(manifest: Manifest, data: Path) -> list[CheckResult]:
    """Look at every file.

    Args:
        manifest: What is promised.
        data: The data folder.

    Returns:
        `files` (there, whole, unchanged), `opens`, `kpis_in_pdf`, `rows`, and as a warning `letters` (fonts).
    """
    folder = data / manifest.folder
    harmed = [entry.name for entry in manifest.files if not _whole(folder / entry.name, entry)]
    whole = CheckResult(
        "files", not harmed, "error", f"missing or changed: {', '.join(harmed)}" if harmed else _count(manifest)
    )
    if harmed:
        return [whole]
    return [
        whole,
        _opens(manifest, folder),
        _kpis_in_pdf(manifest, folder),
        _rows(manifest, folder),
        CheckResult("letters", not manifest.warnings, "warn", "; ".join(manifest.warnings) or "no letter is missing"),
    ]


def pdf_text(file: Path) -> str:
    """All letters of a PDF."""
    opened = pdfium.PdfDocument(file)
    try:
        return "\n".join(page.get_textpage().get_text_bounded() for page in opened)
    finally:
        opened.close()


def preview_png(manifest: Manifest, data: Path) -> bytes | None:
    """A small picture of the first page, in few colours: it may lie in a log of events; None without a PDF."""
    entry = next((each for each in manifest.files if each.format == "pdf"), None)
    if entry is None:
        return None
    opened = pdfium.PdfDocument(data / manifest.folder / entry.name)
    try:
        page = opened[0]
        picture = page.render(scale=WIDTH / page.get_width()).to_pil()
    finally:
        opened.close()
    small = io.BytesIO()
    picture.convert("RGB").quantize(COLOURS).save(small, "PNG", optimize=True)
    return small.getvalue()


def _whole(file: Path, entry: FileEntry) -> bool:
    return file.is_file() and file.stat().st_size == entry.bytes > 0 and sha256_of(file) == entry.sha256


def _count(manifest: Manifest) -> str:
    return f"{len(manifest.files)} files, {sum(entry.bytes for entry in manifest.files):,} bytes"


def _opens(manifest: Manifest, folder: Path) -> CheckResult:
    broken = []
    for entry in manifest.files:
        why = _why_not_open(folder / entry.name, entry)
        if why:
            broken.append(f"{entry.name}: {why}")
    return CheckResult("opens", not broken, "error", "; ".join(broken) or "every file opens")


def _why_not_open(file: Path, entry: FileEntry) -> str | None:
    try:
        if entry.format == "pdf":
            opened = pdfium.PdfDocument(file)
            pages = len(opened)
            opened.close()
            return None if pages == entry.pages else f"{pages} pages instead of {entry.pages}"
        if entry.format == "xlsx":
            with zipfile.ZipFile(file) as book:
                bad = book.testzip()
            return None if bad is None else f"{bad} in it is damaged"
        if entry.format == "parquet":
            pq.read_metadata(file)
    except (pdfium.PdfiumError, zipfile.BadZipFile, OSError, ValueError) as error:
        return str(error)
    return None


def _kpis_in_pdf(manifest: Manifest, folder: Path) -> CheckResult:
    entry = next((each for each in manifest.files if each.format == "pdf"), None)
    if entry is None:
        return CheckResult("kpis_in_pdf", passed=True, severity="error", message="there is no PDF")
    text = _BLANKS.sub("", pdf_text(folder / entry.name))
    missing = [kpi.label for kpi in manifest.kpis if _BLANKS.sub("", kpi.text) not in text]
    if missing and manifest.warnings:  # letters that the font lacks cannot stand in the text
        return CheckResult("kpis_in_pdf", passed=False, severity="warn", message=f"not readable: {', '.join(missing)}")
    said = f"not in the PDF: {', '.join(missing)}" if missing else f"{len(manifest.kpis)} figures stand in the PDF"
    return CheckResult("kpis_in_pdf", not missing, "error", said)


def _rows(manifest: Manifest, folder: Path) -> CheckResult:
    promised = {Path(entry.name).stem: entry.rows for entry in manifest.files if entry.format == "parquet"}
    wrong = [
        entry.name
        for entry in manifest.files
        if (entry.format == "parquet" and pq.read_metadata(folder / entry.name).num_rows != entry.rows)
        or (entry.format == "csv" and promised.get(Path(entry.name).stem, entry.rows) != entry.rows)
    ]
    said = f"not as many rows as promised: {', '.join(wrong)}" if wrong else "every file has the rows of its query"
    return CheckResult("rows", not wrong, "error", said)
