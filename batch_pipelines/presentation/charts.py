"""A chart and its rows → Vega-Lite → SVG (its text stays text) or PNG, with a text for those who cannot see it.

What must not live here: what YAML says of a chart (chart_keys.py), marks and axes (chart_marks.py).
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import vl_convert

from batch_pipelines.core.errors import ConfigError
from batch_pipelines.presentation.chart_keys import Chart
from batch_pipelines.presentation.chart_marks import WIDTH, drawing, height_of
from batch_pipelines.presentation.chart_rows import MOST_POINTS, ChartRows, chart_rows
from batch_pipelines.presentation.formats import Formats
from batch_pipelines.presentation.theme import Theme, font_folder
from batch_pipelines.presentation.words import words

Json = dict[str, Any]
Row = Mapping[str, Any]
SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"


@dataclass(frozen=True, slots=True)
class Drawn:
    """A chart, ready to be drawn.

    Attributes:
        spec: Complete Vega-Lite specification, JSON.
        alt: What is to be seen, in words.
        width: Of the drawing, axes included, about.
        shown: Points in it.
        rows: Points there are; more than `shown` where they were cut.
    """

    spec: Json
    alt: str
    width: int
    shown: int
    rows: int


def draw(chart: Chart, rows: Sequence[Row], theme: Theme, formats: Formats, *, width: int = WIDTH) -> Drawn:
    """Turn a declared chart and its rows into a specification.

    Args:
        chart: What is declared.
        rows: Of its query, in order; beyond `MOST_POINTS` they are cut.
        theme: Colours and font.
        formats: Locale and time zone.
        width: Of the whole drawing.

    Raises:
        ConfigError: The rows lack a column.
    """
    if chart.vega_lite is not None:
        kept = list(rows[:MOST_POINTS])
        spec = {
            "width": width - 80,
            "height": height_of(chart, width),
            **chart.vega_lite,
            "data": {"values": _plain(kept)},
        }
        kind = words(formats.locale)["vega_lite"]
        return Drawn(_themed(spec, theme), chart.alt or f"{kind}: {chart.title}.", width, len(kept), len(rows))
    found = chart_rows(chart, rows, formats)
    spec = drawing(chart, found, theme, width)
    return Drawn(
        _themed(spec, theme), chart.alt or alt_text(chart, found, formats), width, len(found.values), len(rows)
    )


def svg(spec: Json, formats: Formats) -> str:
    """Draw as SVG. The same specification gives the same text on every machine.

    Raises:
        ConfigError: Vega-Lite cannot make sense of it.
    """
    _fonts()
    try:
        drawn = vl_convert.vegalite_to_svg(
            spec, allowed_base_urls=[], format_locale=number_locale(formats), time_format_locale=time_locale(formats)
        )
    except ValueError as error:
        raise ConfigError(f"the chart cannot be drawn: {_first_line(error)}") from error
    return re.sub(r' (?:role|aria-[a-z]+)="[^"]*"', "", drawn)  # the document around it says what is to be seen


def ratio(drawn: str) -> float:
    """Height of an SVG to its width."""
    across, down = _size(drawn)
    return down / across


def width(drawn: str) -> float:
    """Width of an SVG."""
    return _size(drawn)[0]


def png(spec: Json, formats: Formats, *, scale: float = 2.0) -> bytes:
    """Draw as PNG, `scale` pixels a unit.

    Raises:
        ConfigError: Vega-Lite cannot make sense of it.
    """
    _fonts()
    try:
        drawn: bytes = vl_convert.vegalite_to_png(
            spec, scale=scale, allowed_base_urls=[], format_locale=number_locale(formats),
            time_format_locale=time_locale(formats),
        )  # fmt: skip
    except ValueError as error:
        raise ConfigError(f"the chart cannot be drawn: {_first_line(error)}") from error
    return drawn


def alt_text(chart: Chart, rows: ChartRows, formats: Formats) -> str:
    """Say what is to be seen: how many values, the least and the greatest and where, the last, the series."""
    said = words(formats.locale)
    kind = said[chart.type or "vega_lite"]
    valued = [value for value in rows.values if value["y"] is not None]
    if not valued:
        return said["alt_empty"].format(kind=kind, title=chart.title)
    low, high, last = min(valued, key=_height), max(valued, key=_height), valued[-1]
    text = said["alt"].format(
        kind=kind, title=chart.title, count=formats.number(len(valued)), x=rows.x_title, y=rows.y_title,
        low=low["label"], low_at=low["name"], high=high["label"], high_at=high["name"], last=last["label"],
        last_at=last["name"],
    )  # fmt: skip
    if rows.series:
        text += " " + said["series"].format(names=", ".join(rows.series))
    return text


def number_locale(formats: Formats) -> Json:
    """Signs of numbers, as d3 wants them."""
    symbols = formats.babel.number_symbols.get("latn") or {}
    return {
        "decimal": symbols.get("decimal", "."), "thousands": symbols.get("group", ","), "grouping": [3],
        "currency": ["", ""], "minus": "−",
    }  # fmt: skip


def time_locale(formats: Formats) -> Json:
    """Names of days and months, as d3 wants them."""
    babel = formats.babel
    days, months = babel.days["format"], babel.months["format"]
    from_sunday = (6, 0, 1, 2, 3, 4, 5)
    return {
        "dateTime": "%x, %X", "date": "%Y-%m-%d", "time": "%H:%M:%S", "periods": ["AM", "PM"],
        "days": [days["wide"][day] for day in from_sunday],
        "shortDays": [days["abbreviated"][day] for day in from_sunday],
        "months": [months["wide"][month] for month in range(1, 13)],
        "shortMonths": [months["abbreviated"][month] for month in range(1, 13)],
    }  # fmt: skip


def _size(drawn: str) -> tuple[float, float]:
    found = re.search(r'width="([\d.]+)" height="([\d.]+)"', drawn)
    return (float(found[1]), float(found[2])) if found else (float(WIDTH), float(WIDTH))


def _height(value: Json) -> float:
    return float(value["y"])


def _plain(rows: Sequence[Row]) -> list[Json]:
    plain: list[Json] = json.loads(json.dumps([dict(row) for row in rows], default=str))
    return plain


def _themed(spec: Json, theme: Theme) -> Json:
    axis = {
        "labelColor": theme.muted, "labelFontSize": 12, "titleColor": theme.muted, "titleFontSize": 12,
        "titleFontWeight": "normal", "gridColor": theme.rule, "domainColor": theme.rule, "tickColor": theme.rule,
        "labelPadding": 6, "titlePadding": 8,
    }  # fmt: skip
    legend = {
        "labelColor": theme.ink, "labelFontSize": 12, "titleColor": theme.muted, "titleFontSize": 12,
        "titleFontWeight": "normal", "orient": "top", "offset": 10, "symbolSize": 90,
    }  # fmt: skip
    config = {
        "background": None, "font": theme.font, "view": {"stroke": None}, "axis": axis, "legend": legend,
        "range": {"category": theme.palette}, "mark": {"color": theme.accent},
        "text": {"color": theme.ink, "fontSize": 12},
    }  # fmt: skip
    return {"$schema": SCHEMA, "padding": 2, **spec, "config": {**config, **spec.get("config", {})}}


@cache
def _fonts() -> None:
    vl_convert.register_font_directory(str(font_folder()))


def _first_line(error: ValueError) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = [line for line in lines if not line.startswith("at ") and not line.endswith("failed:")]
    return told[0] if told else "no reason given"
