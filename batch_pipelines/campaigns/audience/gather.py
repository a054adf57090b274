"""Who is written to, and with what: audience and data, read from tables once, checked, without duplicates.

Reads; writes nothing. What must not live here: how it is kept (freeze.py), suppressions (looked at when it is sent).
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from batch_pipelines.campaigns.audience.file import read_audience
from batch_pipelines.campaigns.declaration.model import CampaignDeclaration
from batch_pipelines.campaigns.declaration.options import Audience, Data
from batch_pipelines.campaigns.declaration.tables import tables_needed
from batch_pipelines.core.declaring.partitions import window
from batch_pipelines.core.errors import ConfigError
from batch_pipelines.core.mailings import NewRecipient
from batch_pipelines.delivery.addresses import read_address
from batch_pipelines.lake.query import open_versions, run_query, table_names

SEQ, ADDRESS, NAME = "_seq", "_address", "_name"
MOST_DATA_ROWS = 250_000
LONGEST_ADDRESS = 320
EXAMPLES = 5
FILE_VIEW = "audience"


@dataclass(frozen=True, slots=True)
class Window:
    """What an occurrence is about: its partition's key and, where partitions are by time, from when to when."""

    key: str
    start: datetime | None = None
    end: datetime | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """What queries have bound."""
        return {"start": self.start, "end": self.end, "partition": self.key}


@dataclass(frozen=True, slots=True)
class Gathered:
    """An audience, as it is now.

    Attributes:
        rows: A row a recipient in order of number, with `_seq`, `_address` and `_name` before its own columns.
        recipients: The same for the ledger.
        data: Rows of each `data`.
        duplicates: Rows left out, as their address stands in another.
        invalid: Rows whose address is none.
        missing: Recipients for whom data has nothing.
        examples: Of what is wrong, a few.
    """

    rows: pa.Table
    recipients: Sequence[NewRecipient]
    data: Mapping[str, pa.Table]
    duplicates: int = 0
    invalid: int = 0
    missing: int = 0
    examples: list[str] = field(default_factory=list)


def window_of(declaration: CampaignDeclaration, partition: str | None) -> Window:
    """Return what an occurrence is about.

    Raises:
        ConfigError: The campaign has no such partition, or needs one.
    """
    if declaration.partitions is None:
        if partition not in (None, "all"):
            raise ConfigError(f"campaign {declaration.name!r} has no partitions; leave {partition!r} out")
        return Window("all")
    if partition is None:
        first = declaration.partitions.start
        raise ConfigError(f"campaign {declaration.name!r} needs a partition, for example {first}")
    start, end = window(declaration.partitions, partition)
    return Window(partition, start, end)


def gather(declaration: CampaignDeclaration, about: Window, home: Path, data: Path) -> Gathered:
    """Read audience and data of an occurrence.

    Raises:
        ConfigError: A table, column or query is not as it has to be; or data is missing under `on_missing_data: fail`.
        InputError: The audience's file cannot be read.
        IntegrityError: A table that it reads is damaged.
    """
    if declaration.audience is None:
        raise ConfigError(f"campaign {declaration.name!r} has no audience: give recipients, or declare one")
    names = table_names(data)
    connection, _ = open_versions(data, tables_needed(declaration, names), timezone=declaration.zone)
    try:
        people = _people(connection, declaration.audience, about, home, names)
        figures = {name: _figures(connection, name, each, about, people) for name, each in declaration.data.items()}
    finally:
        connection.close()
    return enrol(declaration, people, figures)


def enrol(declaration: CampaignDeclaration, people: pa.Table, figures: Mapping[str, pa.Table]) -> Gathered:
    """Number the recipients of an audience: valid, each once, in an order that mixes domains.

    Args:
        declaration: The campaign.
        people: The audience.
        figures: Rows of each `data`.

    Raises:
        ConfigError: A column is missing, or data is under `on_missing_data: fail`.
    """
    email, name = _columns_of(declaration, people)
    addresses = [_Entry(position, value) for position, value in enumerate(people.column(email).to_pylist())]
    unique: dict[str, _Entry] = {}
    for entry in addresses:
        unique.setdefault(entry.key, entry)
    chosen = sorted(unique.values(), key=lambda entry: entry.order)
    rows = people.take(pa.array([entry.position for entry in chosen], pa.int64()))
    lacking = _lacking(declaration, rows, figures)
    recipients = [entry.recipient(seq, lacking.get(seq)) for seq, entry in enumerate(chosen)]
    invalid = sum(entry.problem is not None for entry in chosen)
    examples = [f"{entry.shown}: {entry.problem}" for entry in chosen if entry.problem][:EXAMPLES]
    examples += [f"{recipients[seq].address}: {why}" for seq, why in list(lacking.items())[:EXAMPLES]]
    if lacking and declaration.on_missing_data == "fail":
        raise ConfigError(
            f"{len(lacking):,} recipients lack data, for example {recipients[next(iter(lacking))].address}: "
            f"{next(iter(lacking.values()))}. Correct the data, or declare on_missing_data: skip"
        )
    names = rows.column(name).cast(pa.string()) if name else pa.nulls(len(rows), pa.string())
    table = rows.select([column for column in rows.column_names if not column.startswith("_")])
    table = table.add_column(0, NAME, names)
    table = table.add_column(0, ADDRESS, pa.array([each.address for each in recipients], pa.string()))
    table = table.add_column(0, SEQ, pa.array(range(len(rows)), pa.int32()))
    skipped = lacking if declaration.on_missing_data != "send" else {}
    recipients = [entry.recipient(seq, skipped.get(seq)) for seq, entry in enumerate(chosen)]
    return Gathered(table, recipients, figures, len(addresses) - len(chosen), invalid, len(lacking), examples)


class _Entry:
    """One row's address."""

    __slots__ = ("address", "domain", "key", "order", "position", "problem", "shown")

    def __init__(self, position: int, value: object) -> None:
        text = "" if value is None else str(value)
        self.position = position
        self.shown = _printable(text)
        self.problem: str | None = None
        self.domain = ""
        try:
            address = read_address(text)
            self.address, self.domain = address.spec, address.domain
        except ValueError as error:
            self.problem = _printable(str(error)) if text.strip() else "there is no address"
            self.address = self.shown
        self.key = self.address.casefold() if text.strip() else f"(row {position})"
        self.order = hashlib.blake2b(self.key.encode(errors="replace"), digest_size=8).digest()

    def recipient(self, seq: int, lacking: str | None) -> NewRecipient:
        """The recipient as the ledger has it."""
        return NewRecipient(seq, self.address, self.key, self.domain, self.problem or lacking)


def _columns_of(declaration: CampaignDeclaration, people: pa.Table) -> tuple[str, str | None]:
    wanted = declaration.audience or Audience(table="given")
    for column in (wanted.email, wanted.name):
        if column is not None and column not in people.column_names:
            known = ", ".join(people.column_names)
            raise ConfigError(f"campaign {declaration.name!r}: the audience has no column {column!r}; it has {known}")
    return wanted.email, wanted.name


def _people(
    connection: duckdb.DuckDBPyConnection, audience: Audience, about: Window, home: Path, names: Sequence[str]
) -> pa.Table:
    if audience.file is not None:
        connection.register(FILE_VIEW, read_audience(home / audience.file))
        sql = f'SELECT * FROM "{FILE_VIEW}"'  # noqa: S608  our own name
    elif audience.table is not None:
        if audience.table not in names:
            raise ConfigError(f"the audience's table {audience.table!r} is not there yet: process that dataset first")
        sql = f'SELECT * FROM "{audience.table}"'  # noqa: S608  the name of a table there is
    else:
        sql = audience.sql or ""
    if audience.where is not None:
        sql = f"SELECT * FROM ({sql}\n) WHERE ({audience.where}\n)"  # noqa: S608  the declaration's SQL, run locked
    try:
        return run_query(connection, sql, parameters=about.parameters)
    except ConfigError as error:
        raise ConfigError(f"audience: {error}") from error


def _figures(connection: duckdb.DuckDBPyConnection, name: str, data: Data, about: Window, people: pa.Table) -> pa.Table:
    try:
        rows = run_query(connection, data.query, MOST_DATA_ROWS + 1, parameters=about.parameters)
    except ConfigError as error:
        raise ConfigError(f"data {name!r}: {error}") from error
    if len(rows) > MOST_DATA_ROWS:
        raise ConfigError(
            f"data {name!r} has more than {MOST_DATA_ROWS:,} rows; what each recipient has of its own belongs into "
            "the audience's sql"
        )
    for where, columns in (("the query", rows.column_names), ("the audience", people.column_names)):
        if lost := [column for column in data.by if column not in columns]:
            raise ConfigError(f"data {name!r}: {where} has no column {lost[0]!r}; it has {', '.join(columns)}")
    return rows


def grouped(rows: pa.Table, data: Data) -> dict[tuple[Any, ...], Any]:
    """Return what templates get, by key: a row, or (`many`) a list of rows.

    Raises:
        ConfigError: There are several rows where one is wanted.
    """
    found: dict[tuple[Any, ...], Any] = {}
    for row in rows.to_pylist():
        key = tuple(row[column] for column in data.by)
        if data.many:
            found.setdefault(key, []).append(row)
        elif key in found:
            raise ConfigError(f"there are several rows for {', '.join(map(str, key))}; declare many: true, or group by")
        else:
            found[key] = row
    return found


def _lacking(declaration: CampaignDeclaration, rows: pa.Table, figures: Mapping[str, pa.Table]) -> dict[int, str]:
    """By number of the recipient: which data is missing."""
    lacking: dict[int, str] = {}
    for name, table in figures.items():
        data = declaration.data[name]
        try:
            known = grouped(table, data)
        except ConfigError as error:
            raise ConfigError(f"data {name!r}: {error}") from error
        for seq, key in enumerate(_keys(rows, data.by)):
            if key not in known:
                lacking.setdefault(seq, f"there is no data {name!r} for {', '.join(map(str, key))}")
    return dict(sorted(lacking.items()))


def _keys(rows: pa.Table, by: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    return zip(*(rows.column(column).to_pylist() for column in by), strict=True)


def _printable(text: str) -> str:
    shown = text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return shown if len(shown) <= LONGEST_ADDRESS else f"{shown[:LONGEST_ADDRESS]}…"
