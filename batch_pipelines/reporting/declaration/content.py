"""The content blocks of a report, in reading order: headings, KPIs, charts, tables, text."""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, Field, field_validator, model_validator

from batch_pipelines.core.declaring.declared import SETTINGS
from batch_pipelines.core.declaring.fields import OneOrMore
from batch_pipelines.core.declaring.key_problems import KeyProblems
from batch_pipelines.presentation.chart_keys import Chart
from batch_pipelines.presentation.formats import read_format

PDF_ROWS = 100
HTML_ROWS = 500
MOST_PDF_ROWS = 5_000
KINDS = ("heading", "kpis", "chart", "table", "text")
_VALUE = re.compile(r"[A-Za-z_]\w*\.[^.]+", re.ASCII)


class _Formatted(BaseModel):
    model_config = SETTINGS

    format: str | None = None

    @field_validator("format")
    @classmethod
    def _known_format(cls, value: str | None) -> str | None:
        if value is not None:
            read_format(value)
        return value


class Kpi(_Formatted):
    """A figure that stands for itself.

    Attributes:
        label: Above it.
        value: `query.column`, of the query's first row.
        format: `number:1`, `percent`, `currency:EUR`, `duration:min` …
        unit: After the value.
        compare: `previous`: with the same of the window before.
        good: Which change is for the better; neither where None.
    """

    label: str
    value: str
    unit: str | None = None
    compare: Literal["previous"] | None = None
    good: Literal["up", "down"] | None = None

    @field_validator("value")
    @classmethod
    def _query_and_column(cls, value: str) -> str:
        if not _VALUE.fullmatch(value):
            raise ValueError(f"{value!r} is not query.column, for example totals.flights")
        return value

    @property
    def query(self) -> str:
        """The query's name."""
        return self.value.partition(".")[0]

    @property
    def column(self) -> str:
        """The column's name."""
        return self.value.partition(".")[2]


class Column(_Formatted):
    """A column of a table.

    Attributes:
        label: Its head; made from the name where None.
        format: Of its values.
        align: `left`, `right`, `center`; numbers right, the rest left where None.
        width: How much wider than its content needs, e.g. 2: twice; in the PDF.
        total: `sum`, `mean`, `min`, `max`, `count` in the last line.
    """

    label: str | None = None
    align: Literal["left", "right", "center"] | None = None
    width: Annotated[float, Field(gt=0, le=20)] | None = None
    total: Literal["sum", "mean", "min", "max", "count"] | None = None


class Pivot(BaseModel):
    """A table turned: one line for each of `rows`, one column for each value of `columns`.

    Attributes:
        rows: Columns that stay down the side.
        columns: Column whose values go across.
        values: Column of the cells.
        agg: What becomes of several values of one cell.
    """

    model_config = SETTINGS

    rows: OneOrMore = Field(min_length=1)
    columns: str
    values: str
    agg: Literal["sum", "mean", "min", "max", "count", "first"] = "sum"


class Compare(BaseModel):
    """Columns that show how others have changed against the window before.

    Attributes:
        by: Columns that tell which line is which.
        columns: Columns of numbers to compare.
    """

    model_config = SETTINGS

    by: OneOrMore = Field(min_length=1)
    columns: OneOrMore = Field(min_length=1)


def _by_name(value: Any) -> Any:
    """Let `columns` be a list of names, or a mapping of names to labels or settings."""
    if isinstance(value, list):
        return {name: {} for name in value} if all(isinstance(name, str) for name in value) else value
    if isinstance(value, dict):
        return {
            name: {"label": each} if isinstance(each, str) else ({} if each is None else each)
            for name, each in value.items()
        }
    return value


class Table(BaseModel):
    """A table.

    Attributes:
        title: Above it.
        data: Name of a query.
        columns: Which of its columns, in which order, and how; all as they come where None.
        pivot: Turn it first.
        compare: Add changes against the window before.
        totals: Columns whose sums stand in the last line (a column's `total` says otherwise).
        pdf_rows: Most rows in the PDF; beyond, a printed notice says how many there are, and where.
        html_rows: Most rows in the HTML, likewise.
    """

    model_config = SETTINGS

    title: str
    data: str
    columns: Annotated[dict[str, Column] | None, BeforeValidator(_by_name)] = None
    pivot: Pivot | None = None
    compare: Compare | None = None
    totals: OneOrMore = Field(default_factory=list)
    pdf_rows: int = Field(default=PDF_ROWS, ge=1, le=MOST_PDF_ROWS)
    html_rows: int = Field(default=HTML_ROWS, ge=1, le=20_000)

    @model_validator(mode="after")
    def _one_shape(self) -> Self:
        if self.pivot is not None and self.compare is not None:
            raise KeyProblems([(("compare",), "a turned table cannot be compared; leave one of the two out")])
        return self


class Content(BaseModel):
    """One block: exactly one of its keys is given.

    Attributes:
        heading: Title of a section.
        kpis: Figures in a row.
        chart: A chart.
        table: A table.
        text: Paragraphs, lists, **bold**, *italic*, [links](https://example.com); `{{ query.column | percent }}`.
    """

    model_config = SETTINGS

    heading: str | None = None
    kpis: list[Kpi] | None = Field(default=None, min_length=1, max_length=24)
    chart: Chart | None = None
    table: Table | None = None
    text: str | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        given = [name for name in KINDS if getattr(self, name) is not None]
        if len(given) != 1:
            found = f"{' and '.join(given)} are two" if given else "this is none"
            raise KeyProblems([((), f"a block is one of {', '.join(KINDS)}; {found}")])
        return self

    @property
    def kind(self) -> str:
        """Which of them it is."""
        return next(name for name in KINDS if getattr(self, name) is not None)
