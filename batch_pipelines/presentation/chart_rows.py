"""The rows of a chart, as its drawing wants them: one value a mark, with its label in the reader's locale.

What must not live here: marks and axes (chart_marks.py).
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from batch_pipelines.core.declaring.windows import zone
from batch_pipelines.core.errors import ConfigError
from batch_pipelines.presentation.chart_keys import Chart
from batch_pipelines.presentation.formats import Format, Formats, is_nothing, read_format
from batch_pipelines.presentation.words import title_of

MOST_POINTS = 5_000
LONGEST_NAME = 40
UNSEEN = "\N{ZERO WIDTH SPACE}"
Scale = Literal["time", "number", "names"]
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class ChartRows:
    """What is drawn.

    Attributes:
        values: A mark each: `x` (number, milliseconds of the local clock, or text), `name` (x as text), `y`, `label`
            and `short` (y as text, with and without the unit), `s` (series).
        scale: What `x` is.
        x_title: Of the axis.
        y_title: Of the axis, with the unit.
        series: Names of the series, as they first come.
        series_title: Of the axis that a heat map has them on.
        follows: Whether `x` is a run of numbers or moments: who sees some of their names can tell the others.
        span_s: For times: seconds from the first to the last.
        day_format: How d3 is to write a day of the year.
    """

    values: list[dict[str, Any]]
    scale: Scale
    x_title: str
    y_title: str
    series: list[str]
    span_s: float = 0.0
    day_format: str = "%b %-d"
    series_title: str = ""
    follows: bool = False


def chart_rows(chart: Chart, rows: Sequence[Mapping[str, Any]], formats: Formats) -> ChartRows:
    """Bring rows into shape.

    Raises:
        ConfigError: They lack a column.
    """
    x, y = chart.x or "", chart.y or ""
    if rows and (missing := [name for name in chart.columns if name not in rows[0]]):
        raise ConfigError(
            f"chart {chart.title!r}: its data have no column {missing[0]!r}; there are {', '.join(rows[0])}"
        )
    kept = [row for row in rows[:MOST_POINTS] if not is_nothing(row[x])]
    scale = _scale(chart, [row[x] for row in kept])
    form = read_format(chart.format) if chart.format else None
    decimals = _decimals([row[y] for row in kept])
    values, names, series = [], _Names(), _Names()
    for row in kept:
        value = None if is_nothing(row[y]) else _number(row[y], chart, y)
        unit = f"\N{NO-BREAK SPACE}{chart.unit}" if chart.unit and value is not None else ""
        short = formats.show(row[y], form or decimals)
        name = names.of(name_of(row[x], formats))
        entry = {
            "x": name if scale == "names" else _position(row[x], scale, formats),
            "name": name,
            "y": value,
            "label": short + unit,
            "short": short,
        }
        if chart.series:
            entry["s"] = series.of(name_of(row[chart.series], formats))
        values.append(entry)
    y_title = chart.y_title or title_of(y)
    return ChartRows(
        values=values,
        scale=scale,
        x_title=chart.x_title or title_of(x),
        y_title=f"{y_title} ({chart.unit})" if chart.unit else y_title,
        series=list(dict.fromkeys(str(value["s"]) for value in values if "s" in value)),
        span_s=_span(values) if scale == "time" else 0.0,
        follows=all(isinstance(row[x], int | float | Decimal | dt.date) for row in kept),
        series_title=title_of(chart.series or ""),
        day_format=_day_pattern(formats).replace("MMM", "%b").replace("d", "%-d"),
    )


def _scale(chart: Chart, column: Sequence[Any]) -> Scale:
    if chart.type in {"line", "area"} and column:
        if all(isinstance(value, dt.date) for value in column):
            return "time"
        if all(isinstance(value, int | float | Decimal) and not isinstance(value, bool) for value in column):
            return "number"
    return "names"


def _position(value: Any, scale: Scale, formats: Formats) -> Any:
    if scale == "number":
        return float(value)
    if not isinstance(value, dt.datetime):
        value = dt.datetime(value.year, value.month, value.day)  # noqa: DTZ001 - a local clock's time
    local = value.astimezone(zone(formats.timezone)) if value.tzinfo else value
    return (local.replace(tzinfo=dt.UTC) - _EPOCH) // dt.timedelta(milliseconds=1)


def name_of(value: Any, formats: Formats) -> str:
    """What stands along an axis for a value."""
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        text = formats.date(value, _day_pattern(formats))
    elif isinstance(value, int) and not isinstance(value, bool):
        text = str(value)  # hours, years, ids: never grouped
    else:
        text = formats.show(value)
    return text


class _Names:
    """Texts cut to a length; what differs stays different: cut texts that would be the same get a letter unseen."""

    def __init__(self) -> None:
        self._cut: dict[str, str] = {}
        self._taken: set[str] = set()

    def of(self, text: str) -> str:
        if text not in self._cut:
            cut = text if len(text) <= LONGEST_NAME else f"{text[: LONGEST_NAME - 1]}…"
            while cut in self._taken:
                cut += UNSEEN
            self._taken.add(cut)
            self._cut[text] = cut
        return self._cut[text]


def _day_pattern(formats: Formats) -> str:
    """Day and month: of all patterns that only these make up."""
    found = formats.babel.datetime_skeletons.get("MMMd")
    pattern = str(found.pattern) if found else "MMM d"
    return pattern if set(pattern) <= set("Md. ,") and "MMM" in pattern and "d" in pattern else "d MMM"


def _number(value: Any, chart: Chart, column: str) -> float:
    if isinstance(value, int | float | Decimal):
        return float(value)
    if isinstance(value, dt.timedelta):
        return value.total_seconds()
    raise ConfigError(f"chart {chart.title!r}: column {column!r} holds {value!r}, which is no number")


def _decimals(column: Sequence[Any]) -> Format | None:
    """As many decimals for all labels as the largest needs: three or four digits are as many as a label can use."""
    numbers = [abs(float(value)) for value in column if isinstance(value, float | Decimal) and not is_nothing(value)]
    if not numbers:
        return None
    highest = float(max(numbers))
    return Format("number", "0" if highest >= 100 else "1" if highest >= 1 else "2")  # noqa: PLR2004


def _span(values: Sequence[dict[str, Any]]) -> float:
    moments = [value["x"] for value in values]
    return (max(moments) - min(moments)) / 1000 if moments else 0.0
