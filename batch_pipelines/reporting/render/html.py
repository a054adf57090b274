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
from batch_pipelines.presentation.theme import FONT, WEB_FONT, Theme, mixed, web_fonts
from batch_pipelines.presentation.words import words
from batch_pipelines.reporting.declaration.brand import Brand
from batch_pipelines.reporting.document import ChartBlock, Document, KpiBlock, TableBlock
from batch_pipelines.reporting.render.cells import cell_texts, total_texts
from batch_pipelines.reporting.render.renderer import Rendered
from batch_pipelines.reporting.snapshot import first_rows

TEMPLATE = "report.html"
_XML_HEAD = re.compile(r"<\?xml.*?\?>|<!DOCTYPE.*?>", re.DOTALL)
_COLOUR_NAMES = ("ink", "muted", "rule", "accent", "good", "bad")


class HtmlRenderer:
    """Writes one HTML file."""

    def render(self, document: Document, work: Path, out: Path, brand: Brand) -> list[Rendered]:
        """See `Renderer`."""
        formats = Formats(document.locale, document.timezone)
        tables = {
            at: _table(block, work, formats, document)
            for at, block in enumerate(document.blocks)
            if isinstance(block, TableBlock)
        }
        drawings = _drawings(document, work, brand.theme)
        page = _environment().get_template(TEMPLATE).render(
            d=document, brand=brand, words=words(document.locale), formats=formats, tables=tables,
            drawings=drawings, on_plate=on_plate, dark=_dark(brand.theme), kpis=_kpis(document), theme=brand.theme,
            fonts=web_fonts() if brand.theme.font == FONT else (), font_name=WEB_FONT,
        )  # fmt: skip
        name = f"{document.name}.html"
        (out / name).write_text(page, encoding="utf-8")
        return [Rendered(name, truncated=[table["cut"] for table in tables.values() if table["cut"]])]


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, trim_blocks=True,
        lstrip_blocks=True, undefined=jinja2.StrictUndefined,
    )  # fmt: skip


def _table(block: TableBlock, work: Path, formats: Formats, document: Document) -> dict[str, Any]:
    rows = first_rows(work, block.data, block.html_rows, [column.name for column in block.columns])
    said = words(document.locale)
    notice = cut = None
    if block.rows == 0:
        notice = said["no_rows"]
    elif rows.num_rows < block.rows:
        counts = {"shown": formats.number(rows.num_rows), "rows": formats.number(block.rows)}
        where = [said["all_in"].format(file=f"{document.name}.xlsx")] if document.has_workbook else []
        notice = "; ".join([said["first_rows"].format(**counts), *where])
        cut = f"{block.title}: {notice}"
    totals = total_texts(block, rows, formats, said["total"])
    return {"rows": cell_texts(rows, block.columns, formats), "totals": totals, "notice": notice, "cut": cut}


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
    found = {}
    for block in document.blocks:
        if isinstance(block, ChartBlock) and block.svg:
            for name in (block.svg, block.narrow):
                if name:
                    text = (work / name).read_text(encoding="utf-8")
                    found[name] = _inline(text, theme, name, plate=on_plate(block))
    return found


def on_plate(block: ChartBlock) -> bool:
    """Whether a drawing keeps its colours, on a light plate: where they mean something."""
    return block.type in {"heatmap", None}


def _inline(svg: str, theme: Theme, name: str, *, plate: bool) -> Markup:
    """Ours, made by Vega from data: text in it is escaped."""
    text = _XML_HEAD.sub("", svg)
    for colour in () if plate else _COLOUR_NAMES:
        text = text.replace(f'"{getattr(theme, colour)}"', f'"var(--{colour})"')
    stem = re.sub(r"\W", "", name)
    text = re.sub(r'\b(id="|url\(#|href="#)', rf"\g<1>{stem}", text)
    text = re.sub(r'font-family="[^"]*"', 'font-family="inherit"', text)
    return Markup(text.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1))  # noqa: S704


def _dark(theme: Theme) -> dict[str, str]:
    """The colours on a dark ground: the same hues, lighter."""
    paper, ink = "#14181d", "#e8ecf1"
    return {
        "paper": paper, "ink": ink, "muted": "#a4afbb", "rule": "#333c46", "tint": "#1d232a",
        "accent": mixed(theme.accent, "#ffffff", 0.5), "good": "#5fc795", "bad": "#f28b82",
    }  # fmt: skip
