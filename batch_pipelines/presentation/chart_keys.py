"""What YAML says of a chart, in reports and in mails alike.

What must not live here: how it is drawn (charts.py).
"""

from typing import Any, Literal, Self

from pydantic import BaseModel, Field, field_validator, model_validator

from batch_pipelines.core.declaring.declared import SETTINGS
from batch_pipelines.core.declaring.key_problems import KeyProblems, Problem
from batch_pipelines.presentation.formats import read_format

ChartType = Literal["line", "area", "bar", "hbar", "stacked", "heatmap"]


class Chart(BaseModel):
    """A chart.

    Attributes:
        title: Above the chart; it says what is to be seen.
        type: `line`, `area`, `bar`, `hbar` (lying bars), `stacked`, `heatmap` (`x` by `series`, coloured by `y`).
        data: Name of a query.
        x: Column along the axis; of `hbar` the one down the side.
        y: Column of the values.
        series: Column that tells lines or parts apart; of `heatmap` the rows.
        unit: Of the values, e.g. `min`.
        format: Of the values, as in tables: `percent`, `number:1`, `currency:EUR`.
        x_title: Instead of the column's name.
        y_title: Instead of the column's name.
        alt: Text for those who cannot see it; made from the data where None.
        height: Of the drawing, in units of which the full width has 640; wider ones grow higher, but by less.
        width: `half`: two charts in a row stand side by side (where the medium has the room).
        vega_lite: A Vega-Lite specification instead of type, x, y; its data are the rows of `data`.
    """

    model_config = SETTINGS

    title: str
    type: ChartType | None = None
    data: str
    x: str | None = None
    y: str | None = None
    series: str | None = None
    unit: str | None = None
    format: str | None = None
    x_title: str | None = None
    y_title: str | None = None
    alt: str | None = None
    height: int = Field(default=200, ge=80, le=800)
    width: Literal["full", "half"] = "full"
    vega_lite: dict[str, Any] | None = None

    @field_validator("format")
    @classmethod
    def _known_format(cls, value: str | None) -> str | None:
        if value is not None:
            read_format(value)
        return value

    @model_validator(mode="after")
    def _complete(self) -> Self:
        problems: list[Problem] = []
        if self.vega_lite is not None:
            given = [name for name in ("type", "x", "y", "series") if getattr(self, name) is not None]
            problems += [((name,), "vega_lite says this itself; leave one of the two out") for name in given]
            problems += [(("vega_lite",), why) for why in outside_references(self.vega_lite)]
        else:
            needed = ["type", "x", "y", *(["series"] if self.type in {"stacked", "heatmap"} else [])]
            missing = [name for name in needed if getattr(self, name) is None]
            problems += [((), f"key {name!r} is missing") for name in missing]
        if problems:
            raise KeyProblems(problems)
        return self

    @property
    def columns(self) -> list[str]:
        """Columns of the query that it needs."""
        return [name for name in (self.x, self.y, self.series) if name is not None]


def outside_references(spec: Any) -> list[str]:
    """What in a Vega-Lite specification would fetch something from elsewhere: addresses and images."""
    if isinstance(spec, dict):
        own = [
            f"{key!r} would fetch something; the data are the rows of the query"
            for key in ("url", "href")
            if key in spec
        ]
        if spec.get("mark") == "image" or (isinstance(spec.get("mark"), dict) and spec["mark"].get("type") == "image"):
            own.append("an image would be fetched; charts are drawn from the rows of the query")
        return [*own, *(why for value in spec.values() for why in outside_references(value))]
    return [why for value in spec for why in outside_references(value)] if isinstance(spec, list) else []
