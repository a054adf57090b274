"""What the YAML of a report says, and whether it makes sense on its own.

What must not live here: other reports (catalog.py), whether the SQL is right (lint.py), the disk.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, field_validator, model_validator

from batch_pipelines.core.declaring.declared import SETTINGS, Declaration
from batch_pipelines.core.declaring.fields import FileBeside, OneOrMore, Seconds, TimeZone, one_or_more
from batch_pipelines.core.declaring.key_problems import KeyProblems, Problem
from batch_pipelines.core.declaring.names import is_name, nearest
from batch_pipelines.core.declaring.partitions import Partitions
from batch_pipelines.presentation.formats import check_locale
from batch_pipelines.reporting.declaration.content import Content
from batch_pipelines.reporting.declaration.delivery import (
    Burst,
    Check,
    Deliver,
    FormatName,
    Schedule,
    pdf_alone,
)
from batch_pipelines.reporting.declaration.filters import Filter

BOUND = ("start", "end")


class Page(BaseModel):
    """The paper of the PDF (and of printed sheets).

    Attributes:
        size: `a4` or `letter`.
        orientation: `portrait` or `landscape`.
        contents: A page of contents where the PDF has more pages than this.
    """

    model_config = SETTINGS

    size: Literal["a4", "letter"] = "a4"
    orientation: Literal["portrait", "landscape"] = "portrait"
    contents: int = Field(default=5, ge=1)


def _schedule_or_cron(value: Any) -> Any:
    return {"cron": value} if isinstance(value, str) else value


class ReportDeclaration(Declaration):
    """A report as declared.

    `name`, `description`, `owners`, `tags` and `group` are those of every pipeline: core/declaring/declared.py.

    Attributes:
        title: Template: `start`, `last`, `end`, `partition`, `filters`, and every query's first row.
        subtitle: Template, under the title.
        partitions: Its windows by time; None: one report of all there is.
        schedule: When it runs.
        locale: Of numbers, dates and the document's own words.
        timezone: IANA name; the partitions' where None, else UTC.
        formats: Files that are made.
        filters: Values that queries may name as `$name`.
        queries: SQL by name, in order; each may use tables, those before it, `$start`, `$end` (exclusive) and filters.
        content: Blocks in reading order.
        data_sheets: Queries whose rows the XLSX holds whole, each on its own sheet; CSV and Parquet hold them, too.
        escape_formulas: Whether text in CSV that a spreadsheet would take for a formula is made harmless.
        page: The paper.
        brand: Brand file beside the YAML; `brand.yml` there, else in the folder of pipelines, where None.
        empty_if: Query without whose rows the report is empty; the first where None.
        on_empty: What becomes of an empty report.
        send_if: SQL that says whether it is delivered; an error in it is an error, not a "no".
        only_if_changed: Whether the same figures as last time are not delivered again.
        max_age: How old the newest version of its tables may be; older fails the check.
        checks: Conditions that hold before it is delivered.
        burst: One report a recipient.
        deliver: Where it goes; always also the folder of reports.
        attempts: Tries of each step where something around it fails, the first included.
        timeout: Seconds that its queries may take, all together.
    """

    title: str
    subtitle: str | None = None
    partitions: Partitions | None = None
    schedule: Annotated[Schedule | None, BeforeValidator(_schedule_or_cron)] = None
    locale: Annotated[str, AfterValidator(check_locale)] = "en_US"
    timezone: TimeZone | None = None
    formats: Annotated[list[FormatName], BeforeValidator(one_or_more)] = Field(default_factory=pdf_alone, min_length=1)
    filters: dict[str, Filter] = Field(default_factory=dict)
    queries: dict[str, str] = Field(min_length=1)
    content: list[Content] = Field(min_length=1)
    data_sheets: OneOrMore = Field(default_factory=list)
    escape_formulas: bool = True
    page: Page = Field(default_factory=Page)
    brand: FileBeside | None = None
    empty_if: str | None = None
    on_empty: Literal["send", "skip", "notify", "fail"] = "send"
    send_if: str | None = None
    only_if_changed: bool = False
    max_age: Seconds | None = None
    checks: list[Check] = Field(default_factory=list)
    burst: Burst | None = None
    deliver: list[Deliver] = Field(default_factory=list)
    attempts: int = Field(default=3, ge=1, le=100)
    timeout: Seconds = 300.0

    @field_validator("formats")
    @classmethod
    def _each_once(cls, value: list[FormatName]) -> list[FormatName]:
        return list(dict.fromkeys(value))

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        problems = [*self._name_problems(), *self._reference_problems(), *self._window_problems()]
        if problems:
            raise KeyProblems(problems)
        return self

    @property
    def zone(self) -> str:
        """The time zone it is made in."""
        return self.timezone or (self.partitions.timezone if self.partitions else "UTC")

    @property
    def emptiness(self) -> str:
        """The query without whose rows the report is empty."""
        return self.empty_if or next(iter(self.queries))

    def _name_problems(self) -> Iterator[Problem]:
        for key, names in (("queries", self.queries), ("filters", self.filters)):
            for name in names:
                if not is_name(name):
                    yield (key, name), f"{name!r} is not a name; allowed: a-z, 0-9 and _, a letter first"
        for name in self.filters:
            if name in BOUND:
                yield ("filters", name), f"${name} is the window's; give the filter another name"
        for name, sql in self.queries.items():
            if not sql.strip():
                yield ("queries", name), "the SQL is empty"

    def _reference_problems(self) -> Iterator[Problem]:
        known = list(self.queries)
        named: list[tuple[tuple[str | int, ...], str]] = [
            (("data_sheets", at), name) for at, name in enumerate(self.data_sheets)
        ]
        if self.empty_if is not None:
            named.append((("empty_if",), self.empty_if))
        for at, block in enumerate(self.content):
            if block.chart or block.table:
                named.append((("content", at, block.kind, "data"), (block.chart or block.table).data))  # type: ignore[union-attr]
            named += [(("content", at, "kpis", i, "value"), kpi.query) for i, kpi in enumerate(block.kpis or ())]
        for path, name in named:
            if name not in self.queries:
                yield path, f"there is no query {name!r}; {nearest(name, known)}"
        for name in self.burst.filters if self.burst else ():
            if name not in self.filters:
                yield ("burst", "filters", name), f"there is no filter {name!r}; {nearest(name, list(self.filters))}"

    def _window_problems(self) -> Iterator[Problem]:
        if self.partitions is not None:
            return
        if self.schedule is not None and self.schedule.deadline is not None:
            yield (
                ("schedule", "deadline"),
                "a deadline needs partitions: without windows there is nothing to be late for",
            )
        for at, block in enumerate(self.content):
            for index, kpi in enumerate(block.kpis or ()):
                if kpi.compare:
                    yield ("content", at, "kpis", index, "compare"), "a previous window needs partitions"
            if block.table and block.table.compare:
                yield ("content", at, "table", "compare"), "a previous window needs partitions"
