"""What the YAML of a dataset says, and whether it makes sense on its own.

Plain frozen pydantic models that survive a trip through JSON (`model_dump(mode="json")`, `model_validate`).
What must not live here: other datasets (catalog.py), the disk (sources/), windows (core/declaring/partitions.py).
"""

import hashlib
import json
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from batch_pipelines.core.connections import check_connection_name
from batch_pipelines.core.declaring import windows
from batch_pipelines.core.declaring.declared import Declaration
from batch_pipelines.core.declaring.fields import Cron, OneOrMore
from batch_pipelines.core.declaring.key_problems import KeyProblems, Problem
from batch_pipelines.core.declaring.partitions import Partitions
from batch_pipelines.core.declaring.quantities import MB, fraction
from batch_pipelines.core.declaring.time_limits import Timeout
from batch_pipelines.core.errors import ConfigError
from batch_pipelines.processing.declaration.columns import Column
from batch_pipelines.processing.declaration.consistency import (
    SYSTEM_COLUMNS,
    expression_problems,
    key_problems,
    name_problems,
    source_problems,
    upsert_problems,
)
from batch_pipelines.processing.declaration.exports import Export, export_problems, one_or_more
from batch_pipelines.processing.declaration.options import (
    CsvOptions,
    FileFormat,
    JsonlOptions,
    PartitionsOrFile,
    XlsxOptions,
    chunk_bytes,
    format_named,
    format_problems,
    inbox_or_not,
    log_seconds,
    partitions_only,
)
from batch_pipelines.processing.declaration.source_paths import check_source
from batch_pipelines.processing.declaration.sql_text import is_file, read_query
from batch_pipelines.processing.declaration.types import canonical_type

__all__ = ["SYSTEM_COLUMNS", "Column", "CsvOptions", "DatasetDeclaration", "Partitions", "Timeout"]

_TRANSFORM = re.compile(r"[A-Za-z_]\w*:[A-Za-z_]\w*", re.ASCII)


class DatasetDeclaration(Declaration):
    """A dataset as declared. In YAML, sizes, durations and shares are text with a unit: `16MB`, `5m`, `5%`.

    `name`, `description`, `owners`, `tags` and `group` are those of every pipeline: core/declaring/declared.py.

    Attributes:
        source: Path from the project's folder, with times in braces (`flights-{%Y-%m}.csv.gz`) and `*`, `?`.
        sql: Instead of files: a query, or the name of a .sql file beside the YAML. `source` is `sql:<connection>` then.
        connection: The database that `sql` asks.
        inbox: Whether files in `data/inbox/<name>/` are taken, too (instead of any of the same name); or their names.
        format: Kind of the files: `csv`, `jsonl`, `parquet` or `xlsx`; told by the ending of `source` where None.
        csv: How CSV files are written.
        jsonl: How JSON Lines files are written.
        xlsx: Which part of a workbook is read.
        partitions: By time, `file` (one per source file), or None: one, called `all`.
        nulls: Texts that stand for "no value"; an empty field always does.
        key: Columns whose values occur once within a partition.
        columns: Columns in the order of the table; None to infer them from the file.
        extra: Whether columns of the file that are not declared are ignored or fail the batch.
        derive: Columns computed by SQL expressions, in order; each sees those before it.
        where: SQL condition; rows that don't meet it are left out.
        transform: `module:function` in a Python file beside the YAML: data frame in, data frame out.
        adds: Types of the columns that the transform adds or changes; inferred where None.
        write: What a batch does to its partition: `replace` it, `append` (add content that it does not hold), or
            `upsert` (rows of the same key are replaced, the newest wins).
        max_reject_rate: Share of dead letters beyond which a batch fails; None for no limit.
        chunk_size: Bytes of a chunk.
        lanes: Coordinators of one batch.
        attempts: Tries per chunk, the first included.
        timeout: Time limits of a chunk.
        time_travel: For how long versions of the table can be read; the newest ten always can.
        schedule: Cron schedule that processes what is new.
        export: Where published partitions go beside the table.
    """

    source: str
    sql: str | None = None
    connection: str | None = None
    inbox: Annotated[bool | str, BeforeValidator(inbox_or_not)] = False
    format: FileFormat | None = None
    csv: CsvOptions = Field(default_factory=CsvOptions)
    jsonl: JsonlOptions = Field(default_factory=JsonlOptions)
    xlsx: XlsxOptions = Field(default_factory=XlsxOptions)
    partitions: Annotated[PartitionsOrFile | None, BeforeValidator(partitions_only)] = None
    nulls: OneOrMore = Field(default_factory=list)
    key: OneOrMore = Field(default_factory=list)
    columns: dict[str, Column] | None = None
    extra: Literal["ignore", "fail"] = "ignore"
    derive: dict[str, str] = Field(default_factory=dict)
    where: str | None = None
    transform: str | None = None
    adds: dict[str, str] | None = None
    write: Literal["replace", "append", "upsert"] = "replace"
    max_reject_rate: Annotated[float, BeforeValidator(fraction)] | None = None
    chunk_size: Annotated[int, BeforeValidator(chunk_bytes)] = 16 * MB
    lanes: int = Field(default=1, ge=1, le=64)
    attempts: int = Field(default=3, ge=1, le=100)
    timeout: Timeout = Field(default_factory=Timeout)
    time_travel: Annotated[float, BeforeValidator(log_seconds)] | None = None
    schedule: Cron | None = None
    export: Annotated[list[Export], BeforeValidator(one_or_more)] = Field(default_factory=list)

    @model_validator(mode="before")
    @classmethod
    def _source_of_sql(cls, value: object) -> object:
        if isinstance(value, dict) and "sql" in value and "source" not in value:
            name = str(value.get("connection"))
            return {**value, "source": f"sql:{name}" if name.isidentifier() else "sql"}  # never somebody's address
        return value

    @field_validator("source")
    @classmethod
    def _path_within_the_project(cls, value: str) -> str:
        return check_source(value)

    @field_validator("connection")
    @classmethod
    def _connection_name(cls, value: str | None) -> str | None:
        return None if value is None else check_connection_name(value)

    @field_validator("transform")
    @classmethod
    def _module_and_function(cls, value: str | None) -> str | None:
        if value is not None and not _TRANSFORM.fullmatch(value):
            raise ValueError(
                f"{value!r} is not a transform; write module:function, "
                "for example transform:delay_bands for transform.py"
            )
        return value

    @field_validator("adds")
    @classmethod
    def _known_types(cls, value: dict[str, str] | None) -> dict[str, str] | None:
        return None if value is None else {name: canonical_type(type_name) for name, type_name in value.items()}

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        known = None if self.columns is None else [*self.columns, *self.derive, *(self.adds or {})]
        problems = [
            *name_problems(self.columns, self.derive, self.adds),
            *key_problems(self.key, known),
            *(self._sql_problems() if self.from_sql else source_problems(self.source, self.every, self.inbox_name)),
            *export_problems(self.export, partitioned=self.partitions is not None),
            *expression_problems(self.derive, self.where),
            *upsert_problems(self.write, self.key, self.columns or {}),
            *([] if self.from_sql else format_problems(self.format, self.source, [self.csv, self.jsonl, self.xlsx])),
        ]
        if self.file_format == "csv" and not self.csv.header and self.columns is None:
            problems.append((("csv", "header"), "files without a header need columns, which name them in order"))
        if self.adds is not None and self.transform is None:
            problems.append((("adds",), "these are columns of a transform, but there is no transform"))
        if problems:
            raise KeyProblems(problems)
        return self

    def _sql_problems(self) -> list[Problem]:
        problems: list[Problem] = []
        if self.connection is None:
            problems.append((("connection",), "sql needs a connection, which names the database"))
        elif self.sql is None:
            problems.append((("connection",), "a connection is for sql; write the query there"))
        elif self.source != f"sql:{self.connection}":
            problems.append((("source",), "source and sql exclude each other; rows come from files or from a query"))
        if self.inbox:
            problems.append((("inbox",), "an inbox is for files; these rows come from a query"))
        if self.partitions == "file":
            problems.append((("partitions",), "there are no files; leave it out, or partition by time"))
        if self.sql is not None and not is_file(self.sql):
            try:
                read_query(self.sql, by_time=self.every is not None)
            except ValueError as error:
                problems.append((("sql",), str(error)))
        return problems

    @property
    def file_format(self) -> FileFormat:
        """The kind of the files that are read; a query's rows are frozen as Parquet."""
        return "parquet" if self.from_sql else self.format or format_named(self.source) or "csv"

    @property
    def inbox_name(self) -> str | None:
        """How files in the inbox are called, None if there is none: as in `source`, unless `inbox` says."""
        return self.inbox if isinstance(self.inbox, str) else self.source.rpartition("/")[2] if self.inbox else None

    @property
    def from_sql(self) -> bool:
        """Whether rows come from a query instead of files."""
        return self.sql is not None or self.connection is not None

    @property
    def connections(self) -> frozenset[str]:
        """Every connection that this dataset reads from or writes to."""
        return frozenset(name for name in (self.connection, *(each.connection for each in self.export)) if name)

    @property
    def every(self) -> windows.Every | None:
        """How long the windows of the partitions are; None where partitions are not by time."""
        return self.partitions.every if isinstance(self.partitions, Partitions) else None

    @property
    def references(self) -> frozenset[tuple[str, str]]:
        """Every (dataset, column) that a column refers to."""
        return frozenset(pair for column in (self.columns or {}).values() if (pair := column.references))

    def transform_file(self, folder: Path) -> Path | None:
        """Return the Python file of the transform, which lies beside the YAML."""
        return None if self.transform is None else folder / f"{self.transform.partition(':')[0]}.py"

    def version(self, folder: Path) -> str:
        """Return the hash of all that can change rows: these keys, and the source text of the transform.

        Args:
            folder: The folder of the YAML.

        Raises:
            ConfigError: The transform's file cannot be read.
        """
        keys = ("csv", "nulls", "key", "extra", "derive", "where", "transform", "adds", "write")
        said: dict[str, Any] = self.model_dump(mode="json", include=set(keys))
        if (used := self.file_format) != "csv":
            said["format"] = [used, self.model_dump(mode="json").get(used)]
        said["columns"] = [
            [name, column.model_dump(mode="json", exclude={"description"})]
            for name, column in (self.columns or {}).items()
        ]
        said["inferred"] = self.columns is None
        for mapping in ("derive", "adds"):
            said[mapping] = list((said[mapping] or {}).items())
        digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode())
        if (file := self.transform_file(folder)) is not None:
            try:
                digest.update(file.read_bytes().replace(b"\r\n", b"\n"))
            except OSError as error:
                raise ConfigError(f"transform {self.transform!r} needs the file {file}: {error.strerror}") from error
        return digest.hexdigest()
