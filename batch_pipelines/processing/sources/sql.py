"""A query's rows as text, streamed out of one snapshot: one transaction that can only read.

PostgreSQL: REPEATABLE READ, READ ONLY, a server-side cursor; SQLite: one read transaction, `query_only`. Every value
comes as the text that the database writes for it, so nothing is rounded, shifted or cut on the way, and a kind that
says what the text stands for. What must not live here: what becomes of the texts (extract.py).
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from batch_pipelines.core.connections import Connections
from batch_pipelines.core.databases import POSTGRES, opened, said
from batch_pipelines.core.errors import InputError
from batch_pipelines.processing.declaration.sql_text import Query

FIRST_ROWS, MOST_ROWS = 16, 8192  # rows asked for at a time: few, until it is known how large they are
BATCH_BYTES = 4 << 20
_KINDS = {
    16: "bool",
    20: "int",
    21: "int",
    23: "int",
    26: "int",
    700: "float",
    701: "float",
    1082: "date",
    1114: "timestamp",
    1184: "moment",
}
_NUMERIC = 1700
_MOST_DIGITS = 38
_SESSION = {"datestyle": "ISO, YMD", "intervalstyle": "postgres", "bytea_output": "hex", "extra_float_digits": "1"}
_UNNAMED = "?column?"
_WIDEST = 1 << 53
Text = str | None


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows of a query, by column.

    Attributes:
        names: Names of all columns, in order.
        kinds: What the texts of each stand for: `int`, `float`, `bool`, `date`, `timestamp` (without a zone), `moment`
            (with one), `decimal(p,s)`, `string`, `wide` (whole numbers that no float holds) or `null`. SQLite has types
            of values, not of columns: there it is what these rows hold.
        columns: Texts of each, None where there is no value.
        size: Bytes of all texts, about.
    """

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    columns: tuple[Sequence[Text], ...]
    size: int


@dataclass(frozen=True, slots=True)
class Window:
    """What `$start` and `$end` stand for.

    Attributes:
        start: Aware time, included.
        end: Aware time, excluded.
        zone: The clock on which days begin: a column of dates is compared by it.
    """

    start: datetime
    end: datetime
    zone: str


def read_rows(connections: Connections, name: str, query: Query, window: Window | None) -> Iterator[Rows]:
    """Go through the rows of a query, some at a time; at least once, so that the columns are known.

    Args:
        connections: Where databases are.
        name: The connection.
        query: The query.
        window: What its parameters stand for, None if it has none.

    Raises:
        InputError: The database is away or lost, refuses, or has no such table; one clear line.
        ConfigError: The connection cannot be used.
    """
    with opened(connections, name) as engine:
        driver_error: type[Exception] = engine.dialect.loaded_dbapi.Error
        try:
            with engine.connect() as connection:
                on_postgres = connection.dialect.name == POSTGRES
                begin = _from_postgres if on_postgres else _from_sqlite
                with begin(connection, query, window) as (cursor, kinds_of):
                    yield from _fetched(cursor, kinds_of, f"sql:{name}")
        except (DBAPIError, driver_error) as error:
            why = said(_first(error, (DBAPIError, driver_error)), connections, name)
            raise InputError(f"sql:{name}", f"{why}; nothing of it was kept: cure that and run again") from None


def _first(error: BaseException, kinds: tuple[type[BaseException], ...]) -> BaseException:
    """Return what went wrong first: closing what is lost fails, too."""
    while isinstance(error.__context__, kinds):
        error = error.__context__
    return error


Kinds = Callable[[Any, Sequence[Sequence[Any]]], tuple[str, ...]]
Open = tuple[Any, Kinds]


def _fetched(cursor: Any, kinds_of: Kinds, source: str) -> Iterator[Rows]:
    wanted, names = FIRST_ROWS, None
    while True:
        rows = cursor.fetchmany(wanted)
        if names is None:
            names = _names(cursor.description, source)
        elif not rows:
            return
        values = list(zip(*rows, strict=True)) if rows else [()] * len(names)
        kinds = kinds_of(cursor.description, values)
        columns = tuple(map(_texts, values))
        size = sum(len(value) for column in columns for value in column if value is not None)
        yield Rows(names, kinds, columns, size)
        if not rows:
            return
        wanted = max(1, min(MOST_ROWS, BATCH_BYTES * len(rows) // max(size, 1)))


def _texts(column: Sequence[Any]) -> Sequence[Text]:
    return [value if value is None or isinstance(value, str) else _text(value) for value in column]


def _text(value: Any) -> str:
    """SQLite's bytes and numbers as PostgreSQL writes them."""
    return f"\\x{value.hex()}" if isinstance(value, bytes) else repr(value)


def _names(description: Sequence[Any], source: str) -> tuple[str, ...]:
    names = tuple(str(column[0]) for column in description)
    for place, name in enumerate(names, start=1):
        if name == _UNNAMED or not name.strip():
            raise InputError(source, f"column {place} of the query has no name; write it as … AS name")
    twice = [name for name, count in Counter(name.casefold() for name in names).items() if count > 1]
    if twice:
        raise InputError(
            source, f"the query has the column {twice[0]!r} twice; name one of them differently (… AS name)"
        )
    return names


@contextmanager
def _from_postgres(connection: Connection, query: Query, window: Window | None) -> Iterator[Open]:
    from psycopg2 import extensions  # noqa: PLC0415  only who reads from PostgreSQL needs it

    driver: Any = connection.connection.driver_connection
    driver.set_session(isolation_level="REPEATABLE READ", readonly=True)
    driver.set_client_encoding("UTF8")
    connection.execute(text("SELECT set_config('TimeZone', :zone, true)"), {"zone": window.zone if window else "UTC"})
    for setting, value in _SESSION.items():
        connection.execute(text("SELECT set_config(:setting, :value, true)"), {"setting": setting, "value": value})
    parsed = {*extensions.string_types, *driver.string_types}  # what the driver would read as numbers, times, UUIDs …
    plain = extensions.new_type(tuple(parsed), "TEXT", lambda value, _: value)
    extensions.register_type(plain, driver)
    with driver.cursor(name="bp_extract") as cursor:
        cursor.execute(query.for_psycopg2(), {"start": window.start, "end": window.end} if window else {})
        yield cursor, lambda description, _: tuple(map(_postgres_kind, description))


def _postgres_kind(column: Any) -> str:
    if column.type_code != _NUMERIC:
        return _KINDS.get(column.type_code, "string")
    digits, scale = column.precision, column.scale
    known = digits is not None and scale is not None and 0 < digits <= _MOST_DIGITS and 0 <= scale <= digits
    return f"decimal({digits},{scale})" if known else "string"


@contextmanager
def _from_sqlite(connection: Connection, query: Query, window: Window | None) -> Iterator[Open]:
    driver: Any = connection.connection.driver_connection
    driver.text_factory = lambda data: data.decode("utf-8", "surrogateescape")
    connection.execute(text("SELECT 1"))  # begins the transaction
    values = {"start": _sqlite_time(window.start), "end": _sqlite_time(window.end)} if window else {}
    cursor = driver.cursor()
    try:
        cursor.execute(query.text, values)
        yield cursor, lambda _, columns: tuple(map(_sqlite_kind, columns))
    finally:
        cursor.close()


def _sqlite_time(moment: datetime) -> str:
    """SQLite has no times, only texts that sort: a day alone at midnight, so that it sorts before all of that day."""
    local = moment.replace(tzinfo=None).isoformat(sep=" ", timespec="minutes")
    return re.sub(r" 00:00\Z", "", local)


def _sqlite_kind(column: Sequence[Any]) -> str:
    kinds = {type(value) for value in column} - {type(None)}
    if not kinds:
        return "null"
    if not kinds <= {int, float}:
        return "string"
    wide = any(abs(value) > _WIDEST for value in column if type(value) is int)
    if kinds == {int}:
        return "wide" if wide else "int"
    return "string" if wide else "float"
