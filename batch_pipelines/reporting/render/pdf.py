"""PDF: typst sets it (tagged, PDF/UA-1), pikepdf packs it. The same document gives the same bytes.

All values go in as JSON and are shown as text: nothing in them is markup, and the typesetter sees no file but its
template. What must not live here: what is on the pages (pdf_input.py, templates/report.typ).
"""

import datetime as dt
import io
import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Literal

import pikepdf
import typst

from batch_pipelines.core.errors import ConfigError, IntegrityError
from batch_pipelines.presentation.theme import font_folder
from batch_pipelines.reporting.declaration.brand import Brand
from batch_pipelines.reporting.document import Document
from batch_pipelines.reporting.render.pdf_input import Json, pdf_input
from batch_pipelines.reporting.render.renderer import Rendered

TEMPLATES = Path(__file__).parent / "templates"
Standard = Literal["ua-1"]
STANDARD: Standard = "ua-1"
_MISSING = re.compile(r"""text [`"']*(?P<letter>[^`"']+)[`"']* could not be displayed""")


class PdfRenderer:
    """Writes one PDF."""

    def render(self, document: Document, work: Path, out: Path, brand: Brand) -> list[Rendered]:
        """See `Renderer`."""
        made, notices = pdf_input(document, work, brand)
        pdf, warnings = typeset(made, brand, dt.datetime.fromisoformat(document.as_of_at))
        name = f"{document.name}.pdf"
        pages = pack(pdf, out / name)
        return [Rendered(name, pages=pages, truncated=notices, warnings=warnings)]


def typeset(made: Json, brand: Brand, at: dt.datetime) -> tuple[bytes, list[str]]:
    """Set the pages. A letter that the font lacks is a warning, and a box on the page.

    Raises:
        ConfigError: The template does not work; typst's own words say where.
    """
    compiler = _compiler(brand.font_files)
    inputs = {"document": json.dumps(made, ensure_ascii=False, separators=(",", ":"))}
    try:
        return _compiled(compiler, inputs, at, [STANDARD]), []
    except typst.TypstError as error:
        missing = _MISSING.search(str(error))
        if missing is None:
            raise ConfigError(f"the PDF cannot be set: {error}") from error
        warning = f"the font {brand.theme.font} has no {missing['letter']!r}: give the brand a font that has it"
    try:
        return _compiled(compiler, inputs, at, []), [warning]
    except typst.TypstError as error:
        raise ConfigError(f"the PDF cannot be set: {error}") from error


def pack(pdf: bytes, file: Path) -> int:
    """Write it small, its id a hash of its content; the number of its pages."""
    file.write_bytes(
        pdf
    )  # a file can be mapped; from memory, read through Python piece by piece, it costs twice as much
    packed = io.BytesIO()
    with pikepdf.open(file) as opened:
        pages = len(opened.pages)
        opened.save(
            packed, object_stream_mode=pikepdf.ObjectStreamMode.generate, deterministic_id=True,
            fix_metadata_version=False,
        )  # fmt: skip
    file.write_bytes(packed.getbuffer())
    return pages


def _compiled(compiler: typst.Compiler, inputs: dict[str, str], at: dt.datetime, standards: list[Standard]) -> bytes:
    made = compiler.compile(
        input=str(TEMPLATES / "report.typ"), format="pdf", sys_inputs=inputs, pdf_standards=[*standards], timestamp=at
    )
    if not isinstance(made, bytes):
        raise IntegrityError("typst gave something else than one PDF; its version is not the one that is pinned")
    return made


@lru_cache(maxsize=8)
def _compiler(brand_fonts: tuple[Path, ...]) -> typst.Compiler:
    """One for every set of fonts: loading them costs more than a page."""
    return typst.Compiler(
        input=str(TEMPLATES / "report.typ"), root=str(TEMPLATES), font_paths=[str(font_folder(brand_fonts))],
        ignore_system_fonts=True,
    )  # fmt: skip


def missing_letter(text: str, brand: Brand) -> str | None:
    """A letter of a text that the document's font lacks; None if it has all."""
    inputs = {"text": text, "font": brand.theme.font}
    try:
        _compiler(brand.font_files).compile(
            input=str(TEMPLATES / "letters.typ"), format="pdf", sys_inputs=inputs, pdf_standards=[STANDARD]
        )
    except typst.TypstError as error:
        found = _MISSING.search(str(error))
        if found is None:
            raise ConfigError(f"the font {brand.theme.font} cannot be used: {error}") from error
        return found["letter"]
    return None
