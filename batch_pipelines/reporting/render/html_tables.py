"""Tables of a page: their texts, and below which width of the screen their columns no longer fit beside each other.

A small table becomes a card a row there, a large one scrolls and says so: nothing is left out. Widths are estimates
from the number of letters. What must not live here: how either looks (templates/report.html).
"""

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from batch_pipelines.presentation.formats import Formats
from batch_pipelines.presentation.words import words
from batch_pipelines.reporting.document import Document, TableBlock
from batch_pipelines.reporting.render.cells import cell_texts, total_texts
from batch_pipelines.reporting.snapshot import first_rows

NARROWEST = 320
PHONE = 640  # the same as in the page's rules, as are the measures of type below
MOST_CARD_CELLS = 400
LONGEST_CODE = 12
LONGEST_WHOLE_HEAD = 8
LONG_TEXT = 16
ALWAYS = 100_000
_PHONE_LETTER, _PHONE_GAP, _PHONE_EDGES = 7.0, 12, 36
_DESK_LETTER, _DESK_GAP, _DESK_EDGES, _DESK_MOST = 7.8, 24, 64, 1040


@dataclass(frozen=True, slots=True)
class HtmlTable:
    """A table, as a page shows it.

    Attributes:
        rows: Texts.
        totals: Texts of the last line; none without one.
        notice: What is not shown in full, or that there is nothing.
        cut: The same with the title, where rows are left out.
        kinds: Of each column: classes of its cells.
        heads: Of each column: classes of its head.
        cards_below: Width of the screen below which each row is a card; 0 for never.
        scrolls_below: Width of the screen below which it scrolls; 0 for never.
    """

    rows: list[list[str]]
    totals: list[str] | None
    notice: str | None
    cut: str | None
    kinds: list[str]
    heads: list[str]
    cards_below: int
    scrolls_below: int


def html_table(block: TableBlock, work: Path, formats: Formats, document: Document) -> HtmlTable:
    """Make the table of a block."""
    rows = first_rows(work, block.data, block.html_rows, [column.name for column in block.columns])
    texts = cell_texts(rows, block.columns, formats)
    totals = total_texts(block, rows, formats, words(document.locale)["total"])
    notice, cut = _notices(block, rows, formats, document)
    every = [*texts, *([totals] if totals else [])]
    columns = [set(column) for column in zip(*every, strict=True)] or [set[str]() for _ in block.columns]
    numbers = [column.align == "right" for column in block.columns]
    kinds = [
        " ".join(filter(None, (column.align, _kind(texts)))) if not number else column.align
        for column, texts, number in zip(block.columns, columns, numbers, strict=True)
    ]
    heads = [column.label for column in block.columns]
    letters = [
        max(_head_letters(head), _longest(texts) if kind.endswith(("right", "code")) else _longest_word(texts))
        for head, texts, kind in zip(heads, columns, kinds, strict=True)
    ]
    cards, scrolls = fitting(letters, cells=len(texts) * len(heads))
    whole = [f"{column.align} code" if is_whole(column.label) else column.align for column in block.columns]
    return HtmlTable(texts, totals, notice, cut, kinds, whole, cards, scrolls)


def fitting(letters: list[int], *, cells: int) -> tuple[int, int]:
    """Below which width of the screen a table is cards, and below which it scrolls.

    Args:
        letters: Of each column: of its longest text that cannot be broken.
        cells: How many there are.
    """
    count, gaps = sum(letters), len(letters) - 1
    phone = round(count * _PHONE_LETTER) + gaps * _PHONE_GAP + _PHONE_EDGES
    desk = round(count * _DESK_LETTER) + gaps * _DESK_GAP + _DESK_EDGES
    wide = 0 if phone <= PHONE else ALWAYS if desk > _DESK_MOST else desk
    if phone <= NARROWEST:
        return 0, 0
    if cells <= MOST_CARD_CELLS:
        return min(phone, PHONE), wide
    return 0, wide or phone


def is_whole(head: str) -> bool:
    """Whether a head stays on one line."""
    return len(head) <= LONGEST_WHOLE_HEAD


def _head_letters(head: str) -> int:
    return len(head) if is_whole(head) else _longest_word({head})


def _kind(texts: set[str]) -> str:
    """`code` for short texts, which are never broken; `long` for such as need a line of their own on a card."""
    longest = _longest(texts)
    return "code" if longest <= LONGEST_CODE else "long" if longest > LONG_TEXT else ""


def _longest(texts: set[str]) -> int:
    return max(map(len, texts), default=0)


def _longest_word(texts: set[str]) -> int:
    return max((len(word) for text in texts for word in text.split(" ")), default=0)


def _notices(block: TableBlock, rows: pa.Table, formats: Formats, document: Document) -> tuple[str | None, str | None]:
    said = words(document.locale)
    if block.rows == 0:
        return said["no_rows"], None
    if rows.num_rows >= block.rows:
        return None, None
    counts = {"shown": formats.number(rows.num_rows), "rows": formats.number(block.rows)}
    where = [said["all_in"].format(file=f"{document.name}.xlsx")] if document.has_workbook else []
    notice = "; ".join([said["first_rows"].format(**counts), *where])
    return notice, f"{block.title}: {notice}"
