"""What is asked for, gathered and made: plain values that survive a trip through JSON.

Big things are files beside them and are referred to by name. What must not live here: making any of it.
"""

from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from pydantic import TypeAdapter

Json = dict[str, Any]
State = Literal["ready", "empty"]
T = TypeVar("T")
_ADAPTERS: dict[Any, TypeAdapter[Any]] = {}


@dataclass(frozen=True, slots=True)
class ReportRequest:
    """Which report is asked for.

    Attributes:
        name: Of the declared report.
        partition: Key of its window; None where it has no partitions.
        filters: Values for its filters; those left out have their defaults.
        formats: Files to make; those declared where None.
        locale: Instead of the declared one.
        key: Which report of a burst; becomes part of the path.
    """

    name: str
    partition: str | None = None
    filters: Json = field(default_factory=dict)
    formats: tuple[str, ...] | None = None
    locale: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class DataVersion:
    """Which state of a table went in.

    Attributes:
        table: Dataset.
        version: Delta version.
        at: When it was committed, ISO text, UTC.
    """

    table: str
    version: int
    at: str


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What became of a check.

    Attributes:
        name: Its name.
        passed: Whether all is well.
        severity: `error` keeps the report from being delivered, `warn` doesn't.
        message: One line.
    """

    name: str
    passed: bool
    severity: Literal["error", "warn"]
    message: str


@dataclass(frozen=True, slots=True)
class Gathered:
    """The snapshot of a report: its queries were run once, their rows are Parquet files in `folder`.

    Attributes:
        request: What was asked for, with nothing left open.
        report_id: Short hash of all that goes into the files: the same again is the same bytes.
        content_sha256: Of the rows alone, whatever the versions of their tables: tells whether anything has changed.
        folder: From the data folder.
        start: Local start of the window, ISO text; None without partitions.
        end: Its local end (exclusive).
        previous: Key of the window before; None where there is none.
        rows: Rows of each query that was kept.
        versions: Which states of which tables went in.
        state: `empty` if the query that decides it has no rows.
        send: What `send_if` says; true without one.
        checks: The declared checks, and `max_age`.
    """

    request: ReportRequest
    report_id: str
    content_sha256: str
    folder: str
    start: str | None
    end: str | None
    previous: str | None
    rows: dict[str, int]
    versions: list[DataVersion]
    state: State
    send: bool
    checks: list[CheckResult]

    @property
    def as_of(self) -> str | None:
        """When the oldest of its tables' states was committed, ISO text: what the report knows until."""
        return min((version.at for version in self.versions), default=None)


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A file of a report.

    Attributes:
        format: `pdf`, `xlsx`, `html`, `csv`, `parquet`, `json`.
        name: File name.
        bytes: Its size.
        sha256: Of its bytes.
        rows: Rows in it, where it has any.
        pages: Pages, of a PDF.
    """

    format: str
    name: str
    bytes: int
    sha256: str
    rows: int | None = None
    pages: int | None = None


@dataclass(frozen=True, slots=True)
class KpiValue:
    """A figure, as it is and as it is shown.

    Attributes:
        label: Its label.
        value: Number, text, or None.
        text: As the document shows it.
        change: Against the window before, as shown; None if it is not compared.
    """

    label: str
    value: float | int | str | None
    text: str
    change: str | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """A report that is whole and in its place.

    Attributes:
        report_id: Its id.
        name: Report.
        partition: Key of its window.
        key: Which report of a burst.
        title: As it stands at the top.
        state: `empty` where there was nothing to report.
        existing: Whether these very files were there already.
        folder: Where they lie, from the data folder.
        files: All of them but `manifest.json`.
        kpis: Its figures.
        versions: Which states of which tables went in.
        content_sha256: See `Gathered`.
        truncated: What is not shown in full where, as printed in the document.
        warnings: What is not as it should be, e.g. a letter that the font lacks; nothing is left unsaid.
    """

    report_id: str
    name: str
    partition: str | None
    key: str | None
    title: str
    state: State
    existing: bool
    folder: str
    files: list[FileEntry]
    kpis: list[KpiValue]
    versions: list[DataVersion]
    content_sha256: str
    truncated: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """Rows of the longest file."""
        return max((entry.rows or 0 for entry in self.files), default=0)


def as_json(value: Any) -> Json:
    """Any value of this package as plain JSON."""
    made: Json = _adapter(type(value)).dump_python(value, mode="json")
    return made


def from_json(kind: type[T], data: Json) -> T:
    """What `as_json` made of a value of this kind, as that value again."""
    made: T = _adapter(kind).validate_python(data)
    return made


def _adapter(kind: Any) -> TypeAdapter[Any]:
    """Making one costs as much as a tenth of a page."""
    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]
