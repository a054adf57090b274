"""The first sheet of a workbook: all of the report in reading order; its tables are a click away, on their own sheets.

What must not live here: charts (xlsx_charts.py), other sheets (xlsx.py).
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from batch_pipelines.presentation.formats import read_format
from batch_pipelines.reporting.document import ChartBlock, HeadingBlock, KpiBlock, Paragraph, TableBlock, TextBlock
from batch_pipelines.reporting.render.xlsx_book import ROW_PIXELS, Book
from batch_pipelines.reporting.render.xlsx_charts import PlacedChart, placed, write_charts
from batch_pipelines.reporting.render.xlsx_formats import format_of_value

COLUMNS = 12
COLUMN_PIXELS = 72
COLUMN_LETTERS = 9.57
KPI_COLUMNS = 4
LINE_LETTERS = 110  # of ordinary text, that stand side by side across all columns
LINE_POINTS, HEADING_POINTS = 15, 24
PAGE_POINTS = 850.0  # that a page surely holds with all columns on it, of A4 as of letter


class Summary:
    """Writes it.

    Args:
        book: The workbook.
        work: Folder with rows and drawings.
    """

    def __init__(self, book: Book, work: Path) -> None:
        self._book, self._work = book, work
        self._charts: list[PlacedChart] = []
        self._tables: list[tuple[int, TableBlock, int]] = []
        self._line = 0
        self._high: dict[int, float] = {}  # lines that are higher or lower than others, points
        self._beside = 0  # lines of the half-width chart that stands alone on the left so far

    def write(self) -> None:
        """Write the sheet but for charts, whose rows come on the last sheet, and links to sheets that are to come."""
        self._sheet = sheet = self._book.add_sheet(self._book.words["summary"])
        sheet.hide_gridlines(2)
        sheet.set_column(0, COLUMNS - 1, COLUMN_LETTERS)
        self._head()
        for at, block in enumerate(self._book.document.blocks):
            if not isinstance(block, ChartBlock):
                self._clear()
            if self._tables and self._tables[-1][0] == at - 1 and not isinstance(block, TableBlock):
                self._line += 1
            if isinstance(block, KpiBlock):
                self._kpis(block)
            elif isinstance(block, ChartBlock):
                self._chart(block)
            elif isinstance(block, TableBlock):
                self._tables.append((at, block, self._line))
                self._line += 1
            elif isinstance(block, HeadingBlock):
                self._heading(block)
            else:
                self._text(block)
        self._book.set_edges(sheet)
        sheet.fit_to_pages(1, 0)
        sheet.set_h_pagebreaks(self._breaks())

    def finish(self, tables: Mapping[int, str], data: Mapping[str, str]) -> None:
        """Write what had to wait.

        Args:
            tables: By the place of a block, the name of its sheet, if it has one of its own.
            data: By file of rows, the name of the sheet that holds all of them.
        """
        theme = self._book.theme
        for at, block, line in self._tables:
            name = tables.get(at) or data[block.data]
            said = f"{block.title}: {self._book.words['on_sheet'].format(name=name)}"
            note = f" ({block.note})" if block.note else ""
            look = self._book.look(font_color=theme.accent, underline=1)
            self._sheet.write_url(line, 0, f"internal:'{name}'!A1", look, said + note)
        write_charts(self._book, self._sheet, self._charts, self._work)

    def _head(self) -> None:
        book, document, sheet = self._book, self._book.document, self._sheet
        self._set_height(0, 32)
        sheet.write_string(0, 0, document.title, book.look(bold=True, font_size=20))
        line = 1
        if document.subtitle:
            sheet.write_string(line, 0, document.subtitle, book.look(font_size=11, font_color=book.theme.muted))
            line += 1
        facts = [document.period, *(f"{label}: {text}" for label, text in document.filters), document.as_of]
        text = "  ·  ".join(fact for fact in facts if fact)
        sheet.write_string(line, 0, text, book.look(font_color=book.theme.muted))
        for column in range(COLUMNS):
            sheet.write_blank(line + 1, column, None, book.look(bottom=5, bottom_color=book.theme.accent))
        self._set_height(line + 1, 6)
        self._line = line + 3

    def _kpis(self, block: KpiBlock) -> None:
        """Figures, each three columns wide."""
        book, sheet, line = self._book, self._sheet, self._line
        colours = {"good": book.theme.good, "bad": book.theme.bad, "neutral": book.theme.muted}
        for index, item in enumerate(block.items):
            column = index % KPI_COLUMNS * 3
            line += 4 if index and not column else 0
            form = block.formats[index]
            declared = read_format(form) if form else None
            sheet.write_string(line, column, item.label, book.look(font_color=book.theme.muted, font_size=9))
            self._set_height(line + 1, 27)
            large = {"bold": True, "font_size": 18, "align": "left"}
            # a number that is wider than its cell would be shown as ###
            sheet.merge_range(line + 1, column, line + 1, column + 2, "", book.look(**large))
            if isinstance(item.value, int | float) and (declared is None or declared.kind != "duration"):
                shape = _with_unit(format_of_value(item.value, declared), item.text)
                book.write(sheet, line + 1, column, item.value, book.look(**large, num_format=shape))
            else:
                sheet.write_string(line + 1, column, item.text, book.look(**large))
            if item.change is not None:
                text = f"{item.change}  {block.against or ''}".strip()
                look = book.look(font_color=colours[block.verdicts[index]], font_size=9)
                sheet.write_string(line + 2, column, text, look)
        line += 4
        if block.against and all(item.change is None for item in block.items):
            sheet.write_string(line - 2, 0, block.against, book.look(font_color=book.theme.muted, font_size=9))
        self._line = line

    def _heading(self, block: HeadingBlock) -> None:
        self._set_height(self._line, HEADING_POINTS)
        self._sheet.write_string(self._line, 0, block.text, self._book.look(bold=True, font_size=14))
        self._line += 1

    def _text(self, block: TextBlock) -> None:
        """Paragraphs, each across all columns and as high as it needs."""
        for paragraph in block.paragraphs:
            pieces = _pieces(paragraph)
            letters = sum(len(text) for text, _ in pieces)
            self._set_height(self._line, math.ceil(letters / LINE_LETTERS) * LINE_POINTS)
            look = self._book.look(text_wrap=True, valign="top")
            self._sheet.merge_range(self._line, 0, self._line, COLUMNS - 1, "", look)
            self._runs(pieces, look)
            self._line += 1
        self._line += 1

    def _runs(self, pieces: list[tuple[str, dict[str, bool]]], look: Any) -> None:
        if len(pieces) == 1:
            self._book.write(self._sheet, self._line, 0, pieces[0][0], look)
            return
        parts = [part for text, kind in pieces for part in (self._book.look(**kind), text)]
        self._sheet.write_rich_string(self._line, 0, *parts, look)

    def _chart(self, block: ChartBlock) -> None:
        if not block.svg:
            return
        half = block.width == "half"
        if not half:
            self._clear()
        column = COLUMNS // 2 if self._beside else 0
        width = COLUMNS * COLUMN_PIXELS // (2 if half else 1) - (16 if half else 0)
        chart = placed(block, self._work, self._book.formats, self._line, column, width)
        self._charts.append(chart)
        lines = chart.height // ROW_PIXELS + 2
        if half and not self._beside:
            self._beside = lines
        else:
            self._line += max(lines, self._beside)
            self._beside = 0

    def _set_height(self, line: int, points: float) -> None:
        self._sheet.set_row(line, points)
        self._high[line] = points

    def _top(self, line: int) -> float:
        """How far below the sheet's upper edge a line is, points."""
        return sum((points - LINE_POINTS for at, points in self._high.items() if at < line), line * LINE_POINTS)

    def _breaks(self) -> list[int]:
        """Lines that pages begin with, so that none ends in the middle of a chart or between it and its heading."""
        begins, breaks = 0.0, []
        for line in sorted({chart.line for chart in self._charts}):
            lowest = max(chart.height for chart in self._charts if chart.line == line) * LINE_POINTS / ROW_PIXELS
            first = line - 1 if self._high.get(line - 1) == HEADING_POINTS else line
            begins += max(0.0, (self._top(first) - begins) // PAGE_POINTS) * PAGE_POINTS
            if self._top(line) + lowest - begins > PAGE_POINTS and self._top(first) > begins:
                breaks.append(first)
                begins = self._top(first)
        return breaks

    def _clear(self) -> None:
        """Go below a chart that nothing stands beside."""
        self._line += self._beside
        self._beside = 0


def _pieces(paragraph: Paragraph) -> list[tuple[str, dict[str, bool]]]:
    """Texts, each with how it looks; a link's address stands behind it."""
    pieces = [("•  ", dict[str, bool]())] if paragraph.bullet else []
    for run in paragraph.runs:
        kind = {name: True for name, is_so in (("bold", run.bold), ("italic", run.italic)) if is_so}
        text = f"{run.text} ({run.href})" if run.href and run.href != run.text else run.text
        if text:
            pieces.append((text, kind))
    return pieces


def _with_unit(shape: str, text: str) -> str:
    """Keep the unit that stands after a figure."""
    _, space, unit = text.rpartition("\N{NO-BREAK SPACE}")
    plain = unit.isalpha() and '"' not in shape
    return f'{shape}" {unit}"' if space and plain else shape
