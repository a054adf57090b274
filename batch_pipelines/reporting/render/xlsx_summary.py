"""The first sheet of a workbook: what the report is, its figures, its charts; and the sheet with the charts' rows.

Charts are the spreadsheet's own wherever it has such a kind; a heat map, or a Vega-Lite drawing, is a picture.
"""

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import vl_convert

from batch_pipelines.presentation.charts import width as width_of_svg
from batch_pipelines.presentation.formats import read_format
from batch_pipelines.reporting.document import ChartBlock, KpiBlock
from batch_pipelines.reporting.render.xlsx_book import FONT, Book
from batch_pipelines.reporting.render.xlsx_formats import format_of_value, number_format, width_of

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = 12
COLUMN_PIXELS = 96
ROW_PIXELS = 20
KPI_COLUMNS = 4
MOST_POINTS = 5_000
_KINDS = {
    "line": ("line", None),
    "area": ("area", None),
    "bar": ("column", None),
    "hbar": ("bar", None),
    "stacked": ("column", "stacked"),
}
_PICTURE_SCALE = 2.0
_PICTURE_DPI, _SCREEN_DPI = 72, 96  # what vl-convert writes, and what spreadsheets measure in


class Summary:
    """Writes it.

    Args:
        book: The workbook.
        work: Folder with rows and drawings.
    """

    def __init__(self, book: Book, work: Path) -> None:
        self._book, self._work = book, work
        self._charts: list[tuple[ChartBlock, int, bool]] = []

    def write(self) -> None:
        """Write the sheet but for its charts, whose rows come on the last sheet."""
        book, document = self._book, self._book.document
        self._sheet = sheet = book.add_sheet(book.words["summary"])
        sheet.hide_gridlines(2)
        sheet.set_column(0, COLUMNS - 1, 12.7)
        sheet.set_row(0, 32)
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
        sheet.set_row(line + 1, 6)
        line += 3
        if document.state == "empty":
            sheet.write_string(line, 0, book.words["no_data"], book.look())
            line += 2
        for block in document.blocks:
            if isinstance(block, KpiBlock):
                line = self._kpis(block, line)
        self._line = line
        book.set_paper(sheet, landscape=False)

    def write_charts(self) -> None:
        """Write the charts, and a sheet with their rows."""
        left, height = False, 0
        rows: Any = None
        for block in self._book.document.blocks:
            if not isinstance(block, ChartBlock) or not block.svg:
                continue
            half = block.width == "half"
            if left and not half:
                self._line, left = self._line + height, False
            width = COLUMNS * COLUMN_PIXELS // (2 if half else 1) - 16
            column = COLUMNS // 2 if left else 0
            if block.type in _KINDS:
                rows = rows or _Rows(self._book)
                pixels = self._native(block, rows, self._line, column, width)
            else:
                pixels = self._picture(block, self._line, column, width)
            lines = pixels // ROW_PIXELS + 2
            height = max(height, lines) if left else lines
            if left or not half:
                self._line, left = self._line + height, False
            else:
                left = True
        if rows is not None:
            self._book.set_paper(rows.sheet, landscape=True)

    def _kpis(self, block: KpiBlock, line: int) -> int:
        """Figures, each three columns wide."""
        book, sheet = self._book, self._sheet
        colours = {"good": book.theme.good, "bad": book.theme.bad, "neutral": book.theme.muted}
        for index, item in enumerate(block.items):
            column = index % KPI_COLUMNS * 3
            line += 4 if index and not column else 0
            form = block.formats[index]
            declared = read_format(form) if form else None
            sheet.write_string(line, column, item.label, book.look(font_color=book.theme.muted, font_size=9))
            sheet.set_row(line + 1, 27)
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
        return line + 4

    def _native(self, block: ChartBlock, rows: "_Rows", line: int, column: int, width: int) -> int:
        kind, subtype = _KINDS[block.type or "bar"]
        frame = _frame(block, self._work)
        if kind == "area" and len(frame) == 1:
            kind = "line"
        made = self._book.xlsx.add_chart({"type": kind, **({"subtype": subtype} if subtype else {})})
        first, count = rows.add(block, frame)
        theme, name = self._book.theme, rows.sheet.get_name()
        for index, series in enumerate(frame.columns[1:]):
            colour = theme.palette[index % len(theme.palette)]
            solid = {"fill": {"color": colour}, "border": {"none": True}, "gap": 45}
            values = [name, 1, first + 1 + index, count, first + 1 + index]
            made.add_series(
                {
                    "name": str(series),
                    "categories": [name, 1, first, count, first],
                    "values": values,
                    **(_line(colour, count) if kind == "line" else solid),
                }
            )
        self._style(made, block, several=len(frame.columns) > 2, lying=kind == "bar", rows=count)  # noqa: PLR2004
        height = max(280, count * 22 + 90) if kind == "bar" else 300
        made.set_size({"width": width, "height": height})
        options = {"description": block.alt, "object_position": 2}
        self._sheet.insert_chart(line, column, made, options)
        return height

    def _style(self, made: Any, block: ChartBlock, *, several: bool, lying: bool, rows: int) -> None:
        theme = self._book.theme
        small = {"name": FONT, "size": 9, "color": theme.muted, "bold": False}
        shape = number_format(read_format(block.format)) if block.format else "General"
        grid = {"visible": True, "line": {"color": theme.rule, "width": 0.75}}
        quiet = {"num_font": small, "name_font": small, "line": {"color": theme.rule}, "major_tick_mark": "none"}
        values = {**quiet, "name": block.y_title, "num_format": shape, "major_gridlines": grid, "line": {"none": True}}
        names = {**quiet, "name": block.x_title, "label_position": "low", **({"reverse": True} if lying else {})}
        if not lying and rows > 12:  # noqa: PLR2004 - labels that have the room
            names["interval_unit"] = -(-rows // 12)
        made.set_x_axis(values if lying else names)  # of lying bars, the axes change places
        made.set_y_axis(names if lying else values)
        made.set_title(
            {"name": block.title, "name_font": {"name": FONT, "size": 12, "color": theme.ink}, "overlay": False}
        )
        made.set_legend({"position": "bottom", "font": small} if several else {"none": True})
        made.set_chartarea({"border": {"none": True}})

    def _picture(self, block: ChartBlock, line: int, column: int, width: int) -> int:
        svg = (self._work / block.svg).read_text(encoding="utf-8")
        picture = io.BytesIO(vl_convert.svg_to_png(svg, scale=_PICTURE_SCALE))
        scale = width / width_of_svg(svg) / _PICTURE_SCALE * _PICTURE_DPI / _SCREEN_DPI
        self._sheet.write_string(line, column, block.title, self._book.look(bold=True, font_size=12))
        self._sheet.insert_image(line + 1, column, f"{block.svg}.png", {
            "image_data": picture, "x_scale": scale, "y_scale": scale, "description": block.alt, "object_position": 2,
        })  # fmt: skip
        return int(width * block.ratio) + ROW_PIXELS


class _Rows:
    """The sheet with the charts' rows."""

    def __init__(self, book: Book) -> None:
        self._book, self._next = book, 0
        self.sheet = book.add_sheet(book.words["chart_data"])
        self.sheet.freeze_panes(1, 0)

    def add(self, block: ChartBlock, frame: "pd.DataFrame") -> tuple[int, int]:
        """Write rows side by side with the others; their first column, and how many there are."""
        first = self._next
        form = read_format(block.format) if block.format else None
        for offset, name in enumerate(frame.columns):
            shape = number_format(form) if offset and form else "General"
            values = frame[name].tolist()
            self.sheet.write_string(0, first + offset, str(name), self._book.head_look("right" if offset else "left"))
            self.sheet.set_column(first + offset, first + offset, width_of([str(name), *map(str, values[:50])]))
            for line, value in enumerate(values, 1):
                self._book.write(self.sheet, line, first + offset, value, self._book.look(num_format=shape))
        self._next += len(frame.columns) + 1
        return first, max(len(frame), 1)


def _frame(block: ChartBlock, work: Path) -> "pd.DataFrame":
    """The chart's rows: names first, then one column a series."""
    import pandas as pd  # noqa: PLC0415  it costs half a second, and workbooks without charts do without

    columns = [name for name in (block.x, block.y, block.series) if name]
    rows = pq.read_table(work / block.data, columns=columns).slice(0, MOST_POINTS)
    frame = rows.to_pandas(types_mapper=pd.ArrowDtype)
    if block.series:
        frame = frame.pivot_table(
            index=block.x, columns=block.series, values=block.y, aggfunc="sum", sort=False
        ).reset_index()
    frame.columns = [block.x_title, *([block.y_title] if not block.series else map(str, frame.columns[1:]))]
    names = frame[block.x_title].tolist()
    frame[block.x_title] = [name if isinstance(name, str) else str(name) for name in names]
    return frame.astype(object).where(frame.notna(), None)


def _line(colour: str, points: int) -> dict[str, Any]:
    """How a line looks; one point is no line."""
    look: dict[str, Any] = {"line": {"color": colour, "width": 2}}
    if points == 1:
        look["marker"] = {"type": "circle", "size": 7, "fill": {"color": colour}, "border": {"none": True}}
    return look


def _with_unit(shape: str, text: str) -> str:
    """Keep the unit that stands after a figure."""
    _, space, unit = text.rpartition("\N{NO-BREAK SPACE}")
    plain = unit.isalpha() and '"' not in shape
    return f'{shape}" {unit}"' if space and plain else shape
