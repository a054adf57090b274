"""Marks and axes of each type of chart, as Vega-Lite.

Few labels, quiet grid, no frame: what is drawn stands out. What must not live here: rows (chart_rows.py).
"""

from typing import Any

from batch_pipelines.presentation.chart_keys import Chart
from batch_pipelines.presentation.chart_rows import ChartRows
from batch_pipelines.presentation.theme import Theme, contrast, mixed

Json = dict[str, Any]
WIDTH = 640
AXIS_ROOM = 60
LABELLED_BARS = 16
LABELLED_CELLS = 200
LABEL_GAP = 6
SLANTED_LABEL = 14
BAR_HEIGHT = 26
LOW_BAR_HEIGHT = 18
MANY_BARS = 25
LETTER_WIDTH, SMALL_LETTER_WIDTH = 7, 6
SHADES = 256
LARGE = 100_000
_DAY_S = 86_400


def drawing(chart: Chart, rows: ChartRows, theme: Theme, width: int) -> Json:
    """The specification of a chart, without look and schema."""
    data = {"values": rows.values}
    inner, height = max(width - AXIS_ROOM, 80), height_of(chart, width)
    if chart.type == "heatmap":
        return {"data": data, "width": inner - 40, "height": {"step": 26}, **_heatmap(rows, theme, inner - 40)}
    ends = [value["label"] for value in rows.values if value["y"] is not None][-1:]
    if chart.type in {"line", "area"} and not rows.series and ends:
        inner -= 14 + 7 * len(ends[0])
    if chart.type == "hbar":
        names = len({value["x"] for value in rows.values})
        longest = max((len(value["name"]) for value in rows.values), default=0)
        inner = max(width - 70 - min(longest * 7, 260), 120)
        each = BAR_HEIGHT if names <= MANY_BARS or rows.series else LOW_BAR_HEIGHT
        layer = _lying_bars(rows, theme, inner)
        return {"data": data, "width": inner, "height": max(names, 1) * each, "layer": layer}
    layer = _bars(chart, rows, theme, inner) if chart.type in {"bar", "stacked"} else _lines(chart, rows, theme)
    return {"data": data, "width": inner, "height": height, "layer": _placed(layer, chart, rows, inner)}


def height_of(chart: Chart, width: int) -> int:
    """How high a drawing of that width is: a wide one not as much higher as it is wider."""
    return round(chart.height * max(1.0, (1 + width / WIDTH) / 2))


def _placed(layer: list[Json], chart: Chart, rows: ChartRows, width: int) -> list[Json]:
    """Give every mark the same axes."""
    for mark in layer:
        mark["encoding"] = {"x": _x(rows, width), "y": _y(chart, rows), **mark.get("encoding", {})}
    return layer


def _x(rows: ChartRows, width: int) -> Json:
    axis: Json = {
        "title": rows.x_title, "grid": False, "labelAngle": 0, "labelOverlap": "parity", "labelSeparation": 5,
        "tickCount": 6,
    }  # fmt: skip
    if rows.scale == "time":
        axis |= {"format": _time_format(rows), "ticks": True, "tickSize": 4, "labelFlush": True}
        return {"field": "x", "type": "temporal", "scale": {"type": "utc", "nice": False}, "axis": axis}
    if rows.scale == "number":
        return {"field": "x", "type": "quantitative", "scale": {"zero": False, "nice": False}, "axis": axis}
    axis |= {"ticks": False, "labelLimit": 120}
    names = {value["name"] for value in rows.values}
    longest = max(map(len, names), default=0)
    if not rows.follows and len(names) * (longest * LETTER_WIDTH + LABEL_GAP) > width:
        axis |= {"labelAngle": -40, "labelAlign": "right", "labelOverlap": len(names) * SLANTED_LABEL > width}
    return {"field": "x", "type": "ordinal", "sort": None, "axis": axis, "scale": {"paddingInner": 0.28}}


def _y(chart: Chart, rows: ChartRows) -> Json:
    axis = {
        "title": rows.y_title, "titleAngle": 0, "titleAlign": "left", "titleAnchor": "end", "titleY": -14,
        "titleX": -38, "titleBaseline": "bottom", "grid": True, "ticks": False, "domain": False, "tickCount": 4,
        "format": _number_format(chart, rows),
    }  # fmt: skip
    scale = {"zero": chart.type != "line"}
    stack = "zero" if chart.type == "stacked" else None
    return {"field": "y", "type": "quantitative", "axis": axis, "stack": stack, "scale": scale}


def _lines(chart: Chart, rows: ChartRows, theme: Theme) -> list[Json]:
    line: Json = {"type": "line", "strokeWidth": 2.2, "strokeJoin": "round", "strokeCap": "round"}
    colour = _series_colour(rows, theme)
    layer: list[Json] = []
    if chart.type == "area":
        fill = {"type": "area", "opacity": 0.14, "line": False, "color": theme.accent}
        layer.append({"mark": fill, "encoding": {"color": colour} if colour else {}})
    layer.append({"mark": line, "encoding": {"color": colour} if colour else {}})
    last = [value for value in rows.values if value["y"] is not None][-1:]
    if last and not rows.series:
        dot = {"type": "point", "filled": True, "size": 46, "opacity": 1, "color": theme.accent}
        text = {"type": "text", "align": "left", "dx": 9, "fontWeight": 600, "color": theme.ink}
        end = {"data": {"values": last}}
        layer += [{**end, "mark": dot}, {**end, "mark": text, "encoding": {"text": {"field": "label"}}}]
    return layer


def _bars(chart: Chart, rows: ChartRows, theme: Theme, width: int) -> list[Json]:
    bar: Json = {"type": "bar", "cornerRadiusEnd": 0 if chart.type == "stacked" else 2}
    colour = _series_colour(rows, theme)
    encoding: Json = {"color": colour} if colour else {}
    if colour and chart.type == "bar":
        encoding["xOffset"] = {"field": "s", "sort": None}
    layer: list[Json] = [{"mark": bar, "encoding": encoding}]
    lowest = min((value["y"] for value in rows.values if value["y"] is not None), default=0)
    if lowest < 0:
        layer.append({"data": {"values": [{}]}, "mark": {"type": "rule", "color": theme.muted}, "encoding": _AT_ZERO})
    fits = 0 < len(rows.values) <= LABELLED_BARS and _longest(rows, "label") <= width / len(rows.values)
    if not colour and fits and lowest >= 0:
        text = {"type": "text", "dy": -7, "color": theme.ink, "fontSize": 11}
        layer.append({"mark": text, "encoding": {"text": {"field": "label"}}})
    return layer


_AT_ZERO: Json = {"x": None, "y": {"datum": 0, "type": "quantitative"}}


def _lying_bars(rows: ChartRows, theme: Theme, width: int) -> list[Json]:
    down = {
        "field": "x", "type": "ordinal", "sort": None, "scale": {"paddingInner": 0.3},
        "axis": {"title": rows.x_title, "titleAngle": 0, "titleAlign": "right", "titleAnchor": "start", "titleY": -6,
                 "titleX": -6, "titleBaseline": "bottom", "ticks": False, "domain": False, "labelLimit": 260,
                 "labelColor": theme.ink},
    }  # fmt: skip
    along: Json = {
        "field": "y", "type": "quantitative", "stack": None, "scale": _room_for_labels(rows, width),
        "axis": {"title": rows.y_title, "orient": "top", "titleAlign": "right", "titleAnchor": "end", "titleY": -6,
                 "titleBaseline": "bottom", "labels": False, "ticks": False, "grid": False,
                 "domain": False},
    }  # fmt: skip
    colour = _series_colour(rows, theme)
    offset = {"yOffset": {"field": "s", "sort": None}} if colour else {}
    bar: Json = {"mark": {"type": "bar", "cornerRadiusEnd": 2}, "encoding": {"y": down, "x": along, **offset}}
    if colour:
        bar["encoding"]["color"] = colour
    layer = [bar]
    for align, away, which in (("left", 5, "datum.y >= 0"), ("right", -5, "datum.y < 0")):
        text = {"type": "text", "align": align, "dx": away, "color": theme.ink}
        encoding = {"y": down, "x": along, "text": {"field": "label"}, **offset}
        layer.append({"transform": [{"filter": which}], "mark": text, "encoding": encoding})
    if any(value["y"] is not None and value["y"] < 0 for value in rows.values):
        zero = {"y": None, "x": {"datum": 0, "type": "quantitative"}}
        layer.append({"data": {"values": [{}]}, "mark": {"type": "rule", "color": theme.muted}, "encoding": zero})
    return layer


def _room_for_labels(rows: ChartRows, width: int) -> Json:
    """Bars to the left have their labels to the left: the axis goes on for them."""
    numbers = [value["y"] for value in rows.values if value["y"] is not None]
    lowest, highest = min(numbers, default=0), max(0, *numbers, 0)
    if lowest >= 0:
        return {}
    label = min(10 + LETTER_WIDTH * max(len(value["label"]) for value in rows.values), width // 2)
    return {"domainMin": lowest - (highest - lowest) * label / (width - label), "nice": False}


def _longest(rows: ChartRows, text: str) -> int:
    """Width of the longest label, with the room around it."""
    return LABEL_GAP + SMALL_LETTER_WIDTH * max((len(value[text]) for value in rows.values), default=0)


def _heatmap(rows: ChartRows, theme: Theme, width: int) -> Json:
    numbers = [value["y"] for value in rows.values if value["y"] is not None]
    pale = mixed(theme.accent, theme.paper, 0.16)  # seen on the page, unlike a cell that has no value
    across = {"field": "x", "type": "ordinal", "sort": None, "axis": {"title": rows.x_title, **_CELL_AXIS}}
    head = {"titleAngle": 0, "titleAlign": "right", "titleAnchor": "start", "titleX": -8, "titleY": -6}
    axis = {"title": rows.series_title, **head, "titleBaseline": "bottom", **_CELL_AXIS}
    down = {"field": "s", "type": "ordinal", "sort": None, "axis": axis}
    legend = {
        "title": rows.y_title,
        "offset": 26,
        "gradientLength": 140,
        "gradientThickness": 8,
        "tickCount": 3,
        "direction": "horizontal",
    }
    scale = {"range": [pale, theme.accent], "interpolate": "rgb", "nice": False}
    colour = {"field": "y", "type": "quantitative", "scale": scale, "legend": legend}
    cell = {"mark": {"type": "rect", "stroke": theme.paper, "strokeWidth": 2}}
    layer: list[Json] = [{**cell, "encoding": {"x": across, "y": down, "color": colour}}]
    across_count = len({value["x"] for value in rows.values})
    roomy = width / max(across_count, 1) >= _longest(rows, "short")
    if roomy and len(rows.values) <= LABELLED_CELLS and numbers:
        ink = _readable_on(pale, theme.accent, min(numbers), max(numbers))
        label = {"x": across, "y": down, "text": {"field": "short"}, "color": ink}
        layer.append({"mark": {"type": "text", "fontSize": 10.5}, "encoding": label})
    return {"layer": layer}


_CELL_AXIS: Json = {
    "ticks": False,
    "domain": False,
    "grid": False,
    "labelAngle": 0,
    "labelOverlap": "parity",
    "labelSeparation": 5,
    "labelPadding": 8,
}


def _readable_on(low: str, high: str, lowest: float, highest: float) -> Json:
    """Black or white for labels on cells from one colour to another, whichever reads better: 4.5 is always met."""
    first = _black_or_white(low)
    turns = (at / SHADES for at in range(SHADES + 1) if _black_or_white(mixed(high, low, at / SHADES)) != first)
    share = next(turns, None)
    if share is None:
        return {"value": first}
    border = lowest + (highest - lowest) * share
    other = _black_or_white(mixed(high, low, share))
    return {"condition": {"test": f"datum.y >= {border!r}", "value": other}, "value": first}


def _black_or_white(ground: str) -> str:
    return max(("#000000", "#ffffff"), key=lambda ink: contrast(ground, ink))


def _series_colour(rows: ChartRows, theme: Theme) -> Json | None:
    if not rows.series:
        return None
    colours = [theme.palette[at % len(theme.palette)] for at in range(len(rows.series))]
    return {
        "field": "s", "type": "nominal", "sort": None, "scale": {"domain": rows.series, "range": colours},
        "legend": {"title": None, "columns": 6, "offset": 34},
    }  # fmt: skip


def _number_format(chart: Chart, rows: ChartRows) -> str:
    highest = max((abs(value["y"]) for value in rows.values if value["y"] is not None), default=0)
    if chart.format and chart.format.startswith("percent"):
        return ".0%" if highest > 0.05 else ".1%"  # noqa: PLR2004
    return "~s" if highest >= LARGE else ",~f"


def _time_format(rows: ChartRows) -> str:
    if rows.span_s <= 2 * _DAY_S and any(value["x"] % (1000 * _DAY_S) for value in rows.values):
        return "%H:%M"
    if rows.span_s <= 120 * _DAY_S:
        return rows.day_format
    return "%b %Y" if rows.span_s <= 1500 * _DAY_S else "%Y"
