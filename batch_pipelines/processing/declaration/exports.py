"""`export`: where a published partition goes beside its table.

What must not live here: writing anything (processing/export/).
"""

import re
from typing import Literal, Self

from pydantic import BaseModel, field_validator, model_validator

from batch_pipelines.core.connections import check_connection_name
from batch_pipelines.core.declaring.declared import SETTINGS
from batch_pipelines.core.declaring.key_problems import KeyProblems, Problem

PLACE = "{partition}"
_TABLE = re.compile(r"[A-Za-z_]\w{0,62}(\.[A-Za-z_]\w{0,62})?", re.ASCII)
_BUCKET = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,62}/.+", re.DOTALL)


class Export(BaseModel):
    """One target. Exactly one of `csv`, `parquet` and `table`.

    Attributes:
        csv: Path of a CSV file from the project's folder, or `s3://…`; `{partition}` in it is the partition's key.
            One that ends in .gz or .zst is packed.
        parquet: Path of a Parquet file, likewise.
        table: Table of a database, with its schema if need be.
        connection: Which database.
        escape_formulas: CSV: whether text that a spreadsheet would run (`=`, `+`, `-`, `@`) gets a ' before it.
    """

    model_config = SETTINGS

    csv: str | None = None
    parquet: str | None = None
    table: str | None = None
    connection: str | None = None
    escape_formulas: bool = False

    @field_validator("csv", "parquet")
    @classmethod
    def _path(cls, value: str | None) -> str | None:
        if value is not None and (why := _path_problem(value)):
            raise ValueError(f"{value!r} {why}")
        return value

    @field_validator("table")
    @classmethod
    def _plain_table(cls, value: str | None) -> str | None:
        if value is not None and not _TABLE.fullmatch(value):
            raise ValueError(f"{value!r} is not a table; write its name, or schema.name")
        return value

    @field_validator("connection")
    @classmethod
    def _connection_name(cls, value: str | None) -> str | None:
        return None if value is None else check_connection_name(value)

    @model_validator(mode="after")
    def _one_target(self) -> Self:
        problems: list[Problem] = []
        if sum(target is not None for target in (self.csv, self.parquet, self.table)) != 1:
            problems.append(((), "a target is one of csv, parquet and table"))
        if (self.table is None) != (self.connection is None):
            problems.append(((), "table and connection go together: the table, and which database it is in"))
        if self.escape_formulas and self.csv is None:
            problems.append((("escape_formulas",), "formulas are escaped in CSV only"))
        if problems:
            raise KeyProblems(problems)
        return self

    @property
    def kind(self) -> Literal["csv", "parquet", "table"]:
        """Which kind of target it is."""
        return "csv" if self.csv is not None else "parquet" if self.parquet is not None else "table"

    @property
    def name(self) -> str:
        """What people call the target: its path template, or `connection.table`."""
        return self.csv or self.parquet or f"{self.connection}:{self.table}"

    def path(self, partition: str) -> str:
        """Return the path of a file target for one partition."""
        return (self.csv or self.parquet or "").replace(PLACE, partition.replace(":", "-"))


def one_or_more(value: object) -> object:
    """Take one target for a list of one."""
    return [value] if isinstance(value, dict) else value


def export_problems(targets: list[Export], *, partitioned: bool) -> list[Problem]:
    """Targets that would write over each other, or over themselves with every partition."""
    problems: list[Problem] = []
    seen: set[str] = set()
    for index, target in enumerate(targets):
        if partitioned and target.kind != "table" and PLACE not in target.name:
            message = f"{target.name!r} would be one file for all partitions; put {PLACE} into it"
            problems.append((("export", index, target.kind), message))
        if target.name in seen:
            problems.append((("export", index), f"{target.name!r} is named twice"))
        seen.add(target.name)
    return problems


def _path_problem(path: str) -> str | None:
    rest = path.replace(PLACE, "all")
    parts = rest.removeprefix("s3://").split("/")
    faults = (
        (not path.strip() or path != path.strip(), "is not a path; write for example exports/orders-{partition}.csv"),
        ("{" in rest or "}" in rest, f"has braces; only {PLACE} is known"),
        (any(ord(letter) < 32 or letter in "*?\\\x7f" for letter in rest), "has a letter that no file name should"),  # noqa: PLR2004
        (rest.startswith("s3://") and not _BUCKET.fullmatch(rest), "is not s3://bucket/path"),
        ("://" in rest.removeprefix("s3://"), "is an address; a path in the project or s3://bucket/path is written to"),
        (rest.startswith(("/", "~")) or rest[1:2] == ":", "is not relative; write it from the project's folder"),
        (".." in parts or "." in parts or "" in parts, "is not a plain path to a file within the project"),
        (rest.startswith(".") or "/." in rest, "is hidden; name files and folders without a dot before them"),
    )
    return next((why for is_fault, why in faults if is_fault), None)
