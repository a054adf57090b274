"""What the typst template gets: the document as plain JSON, every value as text.

What must not live here: typesetting (pdf.py), widths (pdf_layout.py).
"""

import itertools
import re
from pathlib import Path
from typing import Any

from batch_pipelines.presentation.formats import Formats
from batch_pipelines.presentation.words import words
from batch_pipelines.reporting.declaration.brand import Brand
from batch_pipelines.reporting.document import (
    ChartBlock,
    Document,
    HeadingBlock,
    KpiBlock,
    TableBlock,
    TextBlock,
)
from batch_pipelines.reporting.render.cells import cell_texts, total_texts
from batch_pipelines.reporting.render.letter_widths import letter_widths, one_line
from batch_pipelines.reporting.render.pdf_layout import LONGEST_WORD, chart_share, layout
from batch_pipelines.reporting.snapshot import first_rows

Json = dict[str, Any]
KPI_COLUMNS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 3, 6: 3, 7: 4, 8: 4, 9: 3}
LONG_KPI = 14
WHOLE_ROWS = 12  # tables up to that many stand on one page, if no cell is longer than
WHOLE_LETTERS = 80
MOST_ROWS_A_PAGE = 90
ABOVE_MM, BELOW_HEADING_MM = 7.0, 3.6
_ARROWS = {"+": "▲", "−": "▼"}
_LONG_WORD = re.compile(rf"\S{{{LONGEST_WORD + 1},}}")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def pdf_input(document: Document, work: Path, brand: Brand) -> tuple[Json, list[str]]:
    """The template's input, and notices of what is not shown in full."""
    formats = Formats(document.locale, document.timezone)
    writer = _Input(document, work, formats, brand)
    blocks = [block for group in _grouped(document) for block in writer.spaced(group)]
    language, _, region = document.locale.partition("_")
    said = words(document.locale)
    meta = [("", document.period)] if document.period else []
    meta += document.filters
    meta += [("", document.as_of)] if document.as_of else []
    made: Json = {
        "title": document.title, "subtitle": document.subtitle or "", "period": document.period or "",
        "as_of": document.as_of, "meta": [[label, str(text)] for label, text in meta], "author": brand.name or "",
        "lang": language, "region": region[-2:].lower() or None, "rtl": formats.right_to_left,
        "fonts": [brand.theme.font], "brand": brand.name or "", "footer": brand.footer or brand.name or "",
        "logo": _logo(brand), "logo_alt": brand.name or document.name, "colours": _colours(brand),
        "words": {"page": said["page"], "contents": said["contents"]},
        "page": {
            "paper": {"a4": "a4", "letter": "us-letter"}[document.page.size],
            "flipped": document.page.orientation == "landscape", "contents": document.page.contents,
            "surely": _surely(blocks, document.page.contents),
        },
        "blocks": blocks,
    }  # fmt: skip
    return _clean(made), writer.notices


class _Input:
    """Makes the blocks."""

    def __init__(self, document: Document, work: Path, formats: Formats, brand: Brand) -> None:
        self._document, self._work, self._formats = document, work, formats
        self._words, self._brand = words(document.locale), brand
        self._level = 1  # of titles of charts and tables: the first of a document has to be of level 1
        self._above = ABOVE_MM
        self.notices: list[str] = []

    def spaced(self, group: list[Any]) -> list[Json]:
        """The blocks of a group; what comes first after a heading stands closer to it."""
        made = self.blocks(group)
        self._above = BELOW_HEADING_MM if isinstance(group[0], HeadingBlock) else ABOVE_MM
        return made

    def blocks(self, group: list[Any]) -> list[Json]:
        first = group[0]
        if isinstance(first, ChartBlock):
            return [{"kind": "charts", "items": [self._chart(chart) for chart in group], "above": self._above}]
        if isinstance(first, TableBlock):
            return [self._table(first)]
        if isinstance(first, KpiBlock):
            return [self._kpis(first)]
        if isinstance(first, HeadingBlock):
            self._level = 2
            return [{"kind": "heading", "text": first.text}]
        return [_text(first)]

    def _kpis(self, block: KpiBlock) -> Json:
        items = [
            {
                "label": item.label, "text": item.text, "long": len(item.text) > LONG_KPI, "verdict": verdict,
                "change": None if item.change is None else f"{_ARROWS.get(item.change[0], '')} {item.change}".strip(),
            }
            for item, verdict in zip(block.items, block.verdicts, strict=True)
        ]  # fmt: skip
        return {"kind": "kpis", "items": items, "columns": KPI_COLUMNS.get(len(items), 4), "against": block.against}

    def _chart(self, block: ChartBlock) -> Json:
        svg = (self._work / block.svg).read_text(encoding="utf-8") if block.svg else None
        page = self._document.page
        flipped, half = page.orientation == "landscape", block.width == "half"
        share = chart_share(block.ratio, page.size, flipped=flipped, half=half)
        return {
            "title": block.title, "level": self._level, "alt": block.alt, "svg": svg, "notice": block.notice,
            "share": round(share, 4), "above": self._above,
        }  # fmt: skip

    def _table(self, block: TableBlock) -> Json:
        rows = first_rows(self._work, block.data, block.pdf_rows, [column.name for column in block.columns])
        texts = cell_texts(rows, block.columns, self._formats)
        totals = total_texts(block, rows, self._formats, self._words["total"])
        heads = [column.label for column in block.columns]
        every = [*texts, heads, *([totals] if totals else [])]
        letters, longest = _lengths(every)
        wraps = [column.align != "right" for column in block.columns]
        flipped = self._document.page.orientation == "landscape"
        widths = [column.width for column in block.columns]
        plan = layout(letters, longest, wraps, widths, self._document.page.size, flipped=flipped)
        notice = self._notice(block, rows.num_rows, plan.shown)
        shown = [[_breakable(text) for text in row[: plan.shown]] for row in texts]
        of_letters = letter_widths(self._brand.theme.font, self._brand.font_files) if texts else {}
        return {
            "kind": "table", "above": self._above, "title": block.title, "level": self._level,
            "heads": [_breakable(head) for head in heads[: plan.shown]],
            "aligns": [column.align for column in block.columns[: plan.shown]], "widths": plan.widths,
            "rows": shown, "short": one_line(shown, plan.inner, plan.size, of_letters), "width": plan.across,
            "whole": len(shown) <= WHOLE_ROWS and max(letters, default=0) <= WHOLE_LETTERS,
            "totals": totals[: plan.shown] if totals and texts else None, "size": plan.size, "gap": plan.gap,
            "landscape": plan.landscape, "notice": "; ".join(filter(None, (notice, block.note))) or None,
        }  # fmt: skip

    def _notice(self, block: TableBlock, shown: int, columns: int) -> str | None:
        if block.rows == 0:
            return self._words["no_rows"]
        parts = []
        if shown < block.rows:
            counts = {"shown": self._formats.number(shown), "rows": self._formats.number(block.rows)}
            parts.append(self._words["first_rows"].format(**counts))
        if columns < len(block.columns):
            parts.append(self._words["first_columns"].format(shown=columns, columns=len(block.columns)))
        if not parts:
            return None
        self.notices.append(f"{block.title}: {', '.join(parts)}")
        return "; ".join([", ".join(parts), *whole_in(self._document)])


def _surely(blocks: list[Json], contents: int) -> list[str]:
    """Titles that the contents will have; none where it is not sure that there are as many pages."""
    if sum(len(block.get("rows", ())) for block in blocks) <= contents * MOST_ROWS_A_PAGE:
        return []
    titled = [each for block in blocks for each in block.get("items", [block]) if block["kind"] != "kpis"]
    return [title for each in titled if (title := each.get("title") or (each.get("text") if "kind" in each else None))]


def whole_in(document: Document) -> list[str]:
    """Where the rest is, in words; nothing if nowhere: then no file holds it."""
    return [words(document.locale)["all_in"].format(file=f"{document.name}.xlsx")] if document.has_workbook else []


def _text(block: TextBlock) -> Json:
    groups = [
        {"bullet": bullet, "items": [[_run(run) for run in paragraph.runs] for paragraph in items]}
        for bullet, items in itertools.groupby(block.paragraphs, key=lambda paragraph: paragraph.bullet)
    ]
    return {"kind": "text", "groups": groups}


def _run(run: Any) -> Json:
    return {"text": run.text, "bold": run.bold, "italic": run.italic, "href": run.href}


def _grouped(document: Document) -> list[list[Any]]:
    """Blocks, two half-width charts in a row together."""
    groups: list[list[Any]] = []
    for block in document.blocks:
        half = isinstance(block, ChartBlock) and block.width == "half"
        last = groups[-1] if groups else []
        if half and len(last) == 1 and isinstance(last[0], ChartBlock) and last[0].width == "half":
            last.append(block)
        else:
            groups.append([block])
    return groups


def _colours(brand: Brand) -> Json:
    theme = brand.theme
    names = ("ink", "muted", "rule", "accent", "tint", "good", "bad")
    return {name: getattr(theme, name) for name in names}


def _logo(brand: Brand) -> str | list[int] | None:
    if brand.logo is None:
        return None
    return brand.logo.decode("utf-8") if brand.logo_type == "image/svg+xml" else list(brand.logo)


def _lengths(rows: list[list[str]]) -> tuple[list[int], list[int]]:
    """Of each column: letters of its longest text, and of its longest word."""
    different = [set(column) for column in zip(*rows, strict=True)]
    letters = [max(map(len, column)) for column in different]
    return letters, [max(max(map(len, text.split(" "))) for text in column) for column in different]


def _breakable(text: str) -> str:
    """Let words that are wider than a column be broken."""
    if len(text) <= LONGEST_WORD:
        return text
    return _LONG_WORD.sub(
        lambda found: "\u200b".join(found[0][at : at + 10] for at in range(0, len(found[0]), 10)), text
    )


def _clean(value: Any) -> Any:
    """Leave out control characters, which no font has."""
    if isinstance(value, str):
        return _CONTROL.sub("", value)
    if isinstance(value, list):
        return [_clean(each) for each in value]
    return {key: _clean(each) for key, each in value.items()} if isinstance(value, dict) else value
