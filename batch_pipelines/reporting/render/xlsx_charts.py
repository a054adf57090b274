"""Charts of a workbook, the spreadsheet's own wherever it has such a kind, and the sheet with their rows.

A heat map, or a Vega-Lite drawing, is a picture. What must not live here: where they stand (xlsx_summary.py).
"""

import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import vl_convert

from batch_pipelines.presentation.chart_marks import LABELLED_BARS
from batch_pipelines.presentation.chart_rows import name_of
from batch_pipelines.presentation.charts import width as width_of_svg
from batch_pipelines.presentation.formats import Formats, read_format
from batch_pipelines.reporting.document import ChartBlock
from batch_pipelines.reporting.render.xlsx_book import FONT, ROW_PIXELS, Book
from batch_pipelines.reporting.render.xlsx_formats import number_format, width_of

if TYPE_CHECKING:
    import pandas as pd

MOST_POINTS = 5_000
TITLE_GAP = 8
GRID_LINES = 5
_KINDS = {
    "line": ("line", None),
    "area": ("area", None),
    "bar": ("column", None),
    "hbar": ("bar", None),
    "stacked": ("column", "stacked"),
}
_UPPER_LEFT = {"x": 0.005, "y": 0.02}
_PICTURE_SCALE = 2.0
_PICTURE_DPI, _SCREEN_DPI = 72, 96  # what vl-convert writes, and what spreadsheets measure in


@dataclass(frozen=True, slots=True)
class PlacedChart:
    """A chart that has its place on the summary.

    Attributes:
        block: The chart.
        frame: Its rows, names first, then a column a series; None for a picture.
        line: Of its upper left cell.
        column: Of it.
        width: Pixels.
        height: Pixels, title included.
    """

    block: ChartBlock
    frame: "pd.DataFrame | None"
    line: int
    column: int
    width: int
    height: int


def placed(block: ChartBlock, work: Path, formats: Formats, line: int, column: int, width: int) -> PlacedChart:
    """Find out how high a chart will be."""
    if block.type not in _KINDS:
        return PlacedChart(block, None, line, column, width, int(width * block.ratio) + ROW_PIXELS + TITLE_GAP)
    frame = _frame(block, work, formats)
    height = max(280, len(frame) * 22 + 90) if block.type == "hbar" else 300
    return PlacedChart(block, frame, line, column, width, height)


def write_charts(book: Book, summary: Any, charts: list[PlacedChart], work: Path) -> None:
    """Write charts to the summary, and the rows of the native ones to a sheet of their own."""
    rows: _Rows | None = None
    for chart in charts:
        if chart.frame is None:
            _picture(book, summary, chart, work)
        else:
            rows = rows or _Rows(book)
            _native(book, summary, chart, rows)
    if rows is not None:
        book.set_paper(rows.sheet, landscape=True)


def _native(book: Book, summary: Any, chart: PlacedChart, rows: "_Rows") -> None:
    block, frame = chart.block, chart.frame
    if frame is None:
        return
    kind, subtype = _KINDS[block.type or "bar"]
    if kind == "area" and len(frame) == 1:
        kind = "line"
    made = book.xlsx.add_chart({"type": kind, **({"subtype": subtype} if subtype else {})})
    first, count = rows.add(block, frame)
    theme, name = book.theme, rows.sheet.get_name()
    labels = _labels(book, block, frame) if kind in {"bar", "column"} else {}
    for index, series in enumerate(frame.columns[1:]):
        colour = theme.palette[index % len(theme.palette)]
        solid = {"fill": {"color": colour}, "border": {"none": True}, "gap": 45}
        made.add_series(
            {
                "name": str(series),
                "categories": [name, 1, first, count, first],
                "values": [name, 1, first + 1 + index, count, first + 1 + index],
                **(_line(colour, count) if kind == "line" else solid),
                **labels,
            }
        )
    _style(book, made, block, frame, lying=kind == "bar")
    made.set_size({"width": chart.width, "height": chart.height})
    summary.insert_chart(chart.line, chart.column, made, {"description": block.alt, "object_position": 2})


def _style(book: Book, made: Any, block: ChartBlock, frame: "pd.DataFrame", *, lying: bool) -> None:
    theme, rows, several = book.theme, len(frame), len(frame.columns) > 2  # noqa: PLR2004
    small = {"name": FONT, "size": 9, "color": theme.muted, "bold": False}
    shape = _shape(block)
    grid = {"visible": True, "line": {"color": theme.rule, "width": 0.75}}
    quiet = {"num_font": small, "name_font": small, "line": {"color": theme.rule}, "major_tick_mark": "none"}
    values = {**quiet, "name": block.y_title, "num_format": shape, "major_gridlines": grid, "line": {"none": True}}
    values |= _ticks(frame, block.type or "bar")
    # the first name is uppermost, and the axis of the values stays below the last
    downwards = {"reverse": True, "crossing": "max"} if lying else {}
    names = {**quiet, "name": block.x_title, "label_position": "low", **downwards}
    if not lying and rows > 12:  # noqa: PLR2004 - labels that have the room
        names["interval_unit"] = -(-rows // 12)
    made.set_x_axis(values if lying else names)  # of lying bars, the axes change places
    made.set_y_axis(names if lying else values)
    title = {"name": FONT, "size": 12, "color": theme.ink}
    made.set_title({"name": block.title, "name_font": title, "overlay": False, "layout": _UPPER_LEFT})
    made.set_legend({"position": "bottom", "font": small} if several else {"none": True})
    made.set_chartarea({"border": {"none": True}})


def _shape(block: ChartBlock) -> str:
    form = read_format(block.format) if block.format else None
    return "0%" if form and form.kind == "percent" else number_format(form) if form else "General"


def _labels(book: Book, block: ChartBlock, frame: "pd.DataFrame") -> dict[str, Any]:
    """Bars say their values, where they are few and short."""
    values = frame.iloc[:, 1:].to_numpy().ravel().tolist()
    short = bool(block.format) or all(value is None or isinstance(value, int) for value in values)
    if len(frame.columns) > 2 or len(values) > LABELLED_BARS or not short:  # noqa: PLR2004
        return {}
    font = {"name": FONT, "size": 9, "color": book.theme.ink}
    return {"data_labels": {"value": True, "position": "outside_end", "font": font, "num_format": _shape(block)}}


def _ticks(frame: "pd.DataFrame", kind: str) -> dict[str, float]:
    """Few grid lines at round numbers, and for lines the scale of the drawing: not down to nought."""
    rows = frame.iloc[:, 1:].astype("float64")
    if kind == "stacked":
        low, high = float(rows.clip(upper=0).sum(axis=1).min()), float(rows.clip(lower=0).sum(axis=1).max())
    else:
        low, high = float(rows.min().min()), float(rows.max().max())
    if kind != "line":
        low, high = min(low, 0.0), max(high, 0.0)
    if not low < high:
        return {}
    rough = (high - low) / GRID_LINES
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * each for each in (1, 2, 5, 10) if size * each >= rough)
    edges = {"min": round(math.floor(low / step) * step, 9), "max": round(math.ceil(high / step) * step, 9)}
    return {"major_unit": step, **edges}


def _picture(book: Book, summary: Any, chart: PlacedChart, work: Path) -> None:
    block = chart.block
    svg = (work / block.svg).read_text(encoding="utf-8")
    ground = f'<rect width="100%" height="100%" fill="{book.theme.paper}"/>'  # clear, its edges would have a fringe
    picture = io.BytesIO(vl_convert.svg_to_png(svg.replace(">", f">{ground}", 1), scale=_PICTURE_SCALE))
    scale = chart.width / width_of_svg(svg) / _PICTURE_SCALE * _PICTURE_DPI / _SCREEN_DPI
    summary.write_string(chart.line, chart.column, block.title, book.look(bold=True, font_size=12))
    summary.insert_image(chart.line + 1, chart.column, f"{block.svg}.png", {
        "image_data": picture, "x_scale": scale, "y_scale": scale, "description": block.alt, "object_position": 2,
        "y_offset": TITLE_GAP,
    })  # fmt: skip


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


def _frame(block: ChartBlock, work: Path, formats: Formats) -> "pd.DataFrame":
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
    frame[block.x_title] = [name_of(name, formats) for name in names]
    return frame.astype(object).where(frame.notna(), None)


def _line(colour: str, points: int) -> dict[str, Any]:
    """How a line looks; one point is no line."""
    look: dict[str, Any] = {"line": {"color": colour, "width": 2}}
    if points == 1:
        look["marker"] = {"type": "circle", "size": 7, "fill": {"color": colour}, "border": {"none": True}}
    return look
