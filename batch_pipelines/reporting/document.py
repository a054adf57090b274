"""A report's document: everything a renderer needs, in reading order, the same for every format.

Texts are in the reader's locale already; rows are Parquet files in the work folder. Nothing in here is markup.
What must not live here: how any format looks (render/).
"""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Discriminator

from batch_pipelines.reporting.model import DataVersion, KpiValue, State

Verdict = Literal["good", "bad", "neutral"]


@dataclass(frozen=True, slots=True)
class KpiBlock:
    """Figures in a row.

    Attributes:
        items: The figures.
        formats: Of each, as declared; None for the usual.
        verdicts: Of each: what its change is.
        against: What they are compared with, e.g. `vs Jan 6, 2013`, or that there is nothing; None if none is.
    """

    items: list[KpiValue]
    formats: list[str | None]
    verdicts: list[Verdict]
    against: str | None = None
    kind: Literal["kpis"] = "kpis"


@dataclass(frozen=True, slots=True)
class Drawing:
    """A drawing of a chart for pages.

    Attributes:
        file: Where it is.
        size: `wide` or `narrow`: which screens it is for.
        ground: `light` or `dark`: which it is for; empty if its colours follow the page's.
    """

    file: str
    size: str
    ground: str = ""


@dataclass(frozen=True, slots=True)
class ChartBlock:
    """A chart.

    Attributes:
        title: Above it.
        alt: For those who cannot see it.
        svg: File with the drawing for paper.
        data: File with the rows.
        type: As declared; None for a Vega-Lite specification.
        x: Column.
        y: Column.
        series: Column.
        x_title: Of the axis.
        y_title: Of the axis, with the unit.
        format: Of the values.
        width: `half`: two of them side by side.
        ratio: Height to width of the drawing.
        notice: What was left out.
        screens: Drawings for pages; none where the one for paper has to do.
    """

    title: str
    alt: str
    svg: str
    data: str
    type: str | None
    x: str | None
    y: str | None
    series: str | None
    x_title: str
    y_title: str
    format: str | None
    width: Literal["full", "half"]
    ratio: float
    notice: str | None = None
    screens: list[Drawing] = field(default_factory=list)
    kind: Literal["chart"] = "chart"


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column.

    Attributes:
        name: In the rows.
        label: Its head.
        format: As declared; None for the usual of its type.
        align: Where its values stand.
        width: Share, where declared.
        total: What its last line holds, as a number; None for nothing.
        total_kind: `sum`, `mean` …
    """

    name: str
    label: str
    format: str | None
    align: Literal["left", "right", "center"]
    width: float | None = None
    total: float | int | None = None
    total_kind: str | None = None


@dataclass(frozen=True, slots=True)
class TableBlock:
    """A table.

    Attributes:
        title: Above it.
        data: File with the rows.
        columns: In order.
        rows: How many there are.
        pdf_rows: Most in a PDF.
        html_rows: Most in an HTML page.
        note: What has to be known to read it.
    """

    title: str
    data: str
    columns: list[TableColumn]
    rows: int
    pdf_rows: int
    html_rows: int
    note: str | None = None
    kind: Literal["table"] = "table"

    @property
    def totalled(self) -> bool:
        """Whether there is a last line."""
        return any(column.total_kind for column in self.columns)


@dataclass(frozen=True, slots=True)
class Run:
    """Letters of one kind."""

    text: str
    bold: bool = False
    italic: bool = False
    href: str | None = None


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph, or an item of a list."""

    runs: list[Run]
    bullet: bool = False


@dataclass(frozen=True, slots=True)
class TextBlock:
    """Text."""

    paragraphs: list[Paragraph]
    kind: Literal["text"] = "text"


@dataclass(frozen=True, slots=True)
class HeadingBlock:
    """Title of a section."""

    text: str
    kind: Literal["heading"] = "heading"


Block = Annotated[KpiBlock | ChartBlock | TableBlock | TextBlock | HeadingBlock, Discriminator("kind")]


@dataclass(frozen=True, slots=True)
class Sheet:
    """Rows to be handed over whole.

    Attributes:
        name: Of the query.
        data: File with the rows.
        rows: How many there are.
    """

    name: str
    data: str
    rows: int


@dataclass(frozen=True, slots=True)
class PageSetup:
    """The paper: see `Page` of the declaration."""

    size: str = "a4"
    orientation: str = "portrait"
    contents: int = 5


@dataclass(frozen=True, slots=True)
class Document:
    """A report, ready for any format.

    Attributes:
        report_id: Its id.
        name: Report.
        partition: Key of its window.
        title: At the top.
        subtitle: Under it.
        period: The window in words.
        filters: Label and value, in words.
        locale: Of all texts.
        timezone: Of all times.
        as_of: `Data as of …`, in words.
        as_of_at: The same as ISO text; the date of the files, too.
        state: `empty` where there is nothing to report.
        blocks: In reading order.
        sheets: Rows that XLSX, CSV and Parquet hold whole.
        versions: Which states of which tables went in.
        page: The paper.
        escape_formulas: Of CSV.
        has_workbook: Whether an XLSX, which holds all rows, is made along with it.
    """

    report_id: str
    name: str
    partition: str | None
    title: str
    subtitle: str | None
    period: str | None
    filters: list[tuple[str, str]]
    locale: str
    timezone: str
    as_of: str
    as_of_at: str
    state: State
    blocks: list[Block]
    sheets: list[Sheet] = field(default_factory=list)
    versions: list[DataVersion] = field(default_factory=list)
    page: PageSetup = field(default_factory=PageSetup)
    escape_formulas: bool = True
    has_workbook: bool = False

    @property
    def kpis(self) -> list[KpiValue]:
        """All its figures."""
        return [item for block in self.blocks if isinstance(block, KpiBlock) for item in block.items]
