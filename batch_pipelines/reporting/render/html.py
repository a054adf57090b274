"""HTML: one file that needs nothing else: no network, no script. Phone, desktop, paper, light and dark.

What must not live here: the page itself (templates/report.html).
"""

import re
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from batch_pipelines.presentation.formats import Formats
from batch_pipelines.presentation.theme import FONT, WEB_FONT, Theme, web_fonts
from batch_pipelines.presentation.words import words
from batch_pipelines.reporting.declaration.brand import Brand
from batch_pipelines.reporting.document import ChartBlock, Document, KpiBlock, TableBlock
from batch_pipelines.reporting.render.html_tables import html_table
from batch_pipelines.reporting.render.renderer import Rendered

TEMPLATE = "report.html"
_XML_HEAD = re.compile(r"<\?xml.*?\?>|<!DOCTYPE.*?>", re.DOTALL)


class HtmlRenderer:
    """Writes one HTML file."""

    def render(self, document: Document, work: Path, out: Path, brand: Brand) -> list[Rendered]:
        """See `Renderer`."""
        formats = Formats(document.locale, document.timezone)
        tables = {
            at: html_table(block, work, formats, document)
            for at, block in enumerate(document.blocks)
            if isinstance(block, TableBlock)
        }
        drawings = _drawings(document, work, brand.theme)
        page = _environment().get_template(TEMPLATE).render(
            d=document, brand=brand, words=words(document.locale), formats=formats, tables=tables,
            drawings=drawings, kpis=_kpis(document), theme=brand.theme,
            fonts=web_fonts() if brand.theme.font == FONT else (), font_name=WEB_FONT,
        )  # fmt: skip
        name = f"{document.name}.html"
        (out / name).write_text(page, encoding="utf-8")
        return [Rendered(name, truncated=[table.cut for table in tables.values() if table.cut])]


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, trim_blocks=True,
        lstrip_blocks=True, undefined=jinja2.StrictUndefined,
    )  # fmt: skip


def _kpis(document: Document) -> dict[int, list[tuple[Any, str, str]]]:
    """Figures of each block with verdict and arrow, by the block's place."""
    arrows = {"+": "▲", "−": "▼"}
    return {
        at: [
            (item, verdict, arrows.get((item.change or " ")[0], ""))
            for item, verdict in zip(block.items, block.verdicts, strict=True)
        ]
        for at, block in enumerate(document.blocks)
        if isinstance(block, KpiBlock)
    }


def _drawings(document: Document, work: Path, theme: Theme) -> dict[str, Markup]:
    """The drawings as HTML, by file; their colours follow light and dark."""
    charts = [block for block in document.blocks if isinstance(block, ChartBlock) and block.svg]
    own = {each.file: bool(each.ground) for block in charts for each in block.screens}
    own |= {block.svg: block.type is None for block in charts if not block.screens}
    return {
        name: _inline((work / name).read_text(encoding="utf-8"), theme, name, own_colours=colours)
        for name, colours in own.items()
    }


def _inline(svg: str, theme: Theme, name: str, *, own_colours: bool) -> Markup:
    """Ours, made by Vega from data: text in it is escaped."""
    text = _XML_HEAD.sub("", svg)
    for known, colour in () if own_colours else theme.colours.items():
        text = text.replace(f'"{colour}"', f'"var(--{known})"')
    stem = re.sub(r"\W", "", name)
    text = re.sub(r'\b(id="|url\(#|href="#)', rf"\g<1>{stem}", text)
    text = re.sub(r'font-family="[^"]*"', 'font-family="inherit"', text)
    return Markup(text.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1))  # noqa: S704
