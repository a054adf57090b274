"""PDFs: ours, and the same documents through WeasyPrint. Both get the same rows and the same drawings of charts."""

import json
from collections.abc import Iterator
from html import escape
from pathlib import Path

from batch_pipelines.presentation.formats import Formats
from batch_pipelines.reporting.document import ChartBlock, Document, KpiBlock, TableBlock, TableColumn
from batch_pipelines.reporting.model import from_json
from batch_pipelines.reporting.render.cells import cell_texts
from batch_pipelines.reporting.snapshot import first_rows
from benchmarks.measure import Json
from benchmarks.reporting.inputs import (
    LONG,
    LONG_YAML,
    PAGES_ROWS,
    PERSONAL,
    PERSONAL_ROWS,
    PERSONAL_YAML,
    entry_of,
    gathered_of,
    lay_out,
)

STYLE = """
@page { size: A4; margin: 24mm 19mm;
  @bottom-left { content: "Orders"; font-size: 8pt }
  @bottom-right { content: "Page " counter(page) " of " counter(pages); font-size: 8pt } }
body { font: 10pt "DejaVu Sans", sans-serif; color: #16202b }
h1 { font-size: 22pt } h2 { font-size: 13pt } h3 { font-size: 10.5pt }
.kpis { display: flex } .kpi { flex: 1; border-top: 1pt solid #16202b } .kpi b { font-size: 20pt; display: block }
table { border-collapse: collapse; width: 100%; font-size: 8.5pt }
td, th { border-bottom: 0.4pt solid #d8dee5; padding: 3pt 4pt; text-align: left }
.right { text-align: right } svg { width: 100%; height: auto }
"""


def prepare(job: Json) -> Json:
    """Lay the rows of every report out, and make the documents, charts included."""
    from batch_pipelines.reporting.process import process  # noqa: PLC0415  its pandas is not what is measured

    folder = Path(job["folder"])
    data, entry = folder / "data", entry_of(folder / "defs", _yaml(job))
    for number in range(job["reports"]):
        work = data / f"r{number}"
        lay_out(work, PAGES_ROWS if job["kind"] == LONG else PERSONAL_ROWS, number)
        process(entry, gathered_of(work, job["kind"]), data)
    return {}


def ours(job: Json) -> Json:
    """Set each document with typst."""
    from batch_pipelines.reporting.declaration.brand import Brand  # noqa: PLC0415
    from batch_pipelines.reporting.render.pdf import PdfRenderer  # noqa: PLC0415

    out = Path(job["folder"]) / "out"
    out.mkdir()
    renderer, pages, count = PdfRenderer(), 0, 0
    for document, work in _documents(job):
        (made,) = renderer.render(document, work, out, Brand())
        pages += made.pages or 0
        count += (out / made.name).stat().st_size
    return {"pages": pages, "bytes": count}


def weasyprint(job: Json) -> Json:
    """Make a page of each document, and set that with WeasyPrint, tagged as ours is."""
    from weasyprint import HTML  # type: ignore[import-untyped]  # noqa: PLC0415  only what is measured

    pages = count = 0
    for document, work in _documents(job):
        rendered = HTML(string=page_of(document, work)).render(pdf_variant="pdf/ua-1")
        pdf = rendered.write_pdf()
        pages += len(rendered.pages)
        count += len(pdf)
    return {"pages": pages, "bytes": count}


def page_of(document: Document, work: Path) -> str:
    """The document as a page for WeasyPrint: same figures, drawings and rows."""
    parts = [f"<!DOCTYPE html><html lang='en'><head><title>{document.title}</title><style>{STYLE}</style></head><body>"]
    parts.append(f"<h1>{document.title}</h1>")
    formats = Formats(document.locale, document.timezone)
    for block in document.blocks:
        if isinstance(block, KpiBlock):
            tiles = "".join(f"<div class='kpi'>{item.label}<b>{item.text}</b></div>" for item in block.items)
            parts.append(f"<div class='kpis'>{tiles}</div>")
        elif isinstance(block, ChartBlock):
            parts.append(f"<h3>{block.title}</h3>{(work / block.svg).read_text(encoding='utf-8')}")
        elif isinstance(block, TableBlock):
            rows = first_rows(work, block.data, block.pdf_rows, [column.name for column in block.columns])
            heads = "".join(f"<th scope='col' class='{column.align}'>{column.label}</th>" for column in block.columns)
            lines = "".join(
                "<tr>" + "".join(map(_cell, row, block.columns)) + "</tr>"
                for row in cell_texts(rows, block.columns, formats)
            )
            parts.append(f"<h3>{block.title}</h3><table><thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table>")
    return "".join([*parts, "</body></html>"])


def _cell(text: str, column: TableColumn) -> str:
    return f"<td class='{column.align}'>{escape(text)}</td>"


def _documents(job: Json) -> Iterator[tuple[Document, Path]]:
    for number in range(job["reports"]):
        work = Path(job["folder"]) / "data" / f"r{number}"
        yield from_json(Document, json.loads((work / "document.json").read_text(encoding="utf-8"))), work


def _yaml(job: Json) -> str:
    return {LONG: LONG_YAML, PERSONAL: PERSONAL_YAML}[job["kind"]]
