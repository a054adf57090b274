"""PDFs: ours, and the same documents through WeasyPrint. Both get the same rows and the same drawings of charts."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

from batch_pipelines.reporting.document import Document
from batch_pipelines.reporting.model import from_json
from benchmarks.measure import Json


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
    """Make our page of each document, of the same design, and set that with WeasyPrint, tagged as ours is."""
    from weasyprint import HTML  # type: ignore[import-untyped]  # noqa: PLC0415  only what is measured

    from batch_pipelines.reporting.declaration.brand import Brand  # noqa: PLC0415
    from batch_pipelines.reporting.render.html import HtmlRenderer  # noqa: PLC0415

    logging.getLogger("weasyprint").setLevel(logging.CRITICAL)  # it knows some rules for screens not
    out = Path(job["folder"])
    pages = count = 0
    for document, work in _documents(job):
        (page,) = HtmlRenderer().render(document, work, out, Brand())
        rendered = HTML(filename=out / page.name).render(pdf_variant="pdf/ua-1")
        pdf = rendered.write_pdf()
        pages += len(rendered.pages)
        count += len(pdf)
    return {"pages": pages, "bytes": count}


def _documents(job: Json) -> Iterator[tuple[Document, Path]]:
    for number in range(job["reports"]):
        work = Path(job["folder"]) / "data" / f"r{number}"
        yield from_json(Document, json.loads((work / "document.json").read_text(encoding="utf-8"))), work
