"""Opening the databases that `connection:` names: SQLAlchemy engines, and what went wrong in one clear line.

What must not live here: the ledger's own database (ledger/store.py), what is asked of a database (the domains).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from batch_pipelines.core.connections import Connections, hidden, variable_of
from batch_pipelines.core.errors import ConfigError

PATIENCE_S = 30
POSTGRES = "postgresql"
_DEAD_AFTER = {"connect_timeout": 10, "keepalives": 1, "keepalives_idle": 30, "keepalives_interval": 10}


@contextmanager
def opened(connections: Connections, name: str, *, make: bool = False) -> Iterator[Engine]:
    """Open a database for as long as the block runs; it keeps no connection open.

    Args:
        connections: Where databases are.
        name: Which one.
        make: Whether it is written to, and a SQLite file may be made.

    Raises:
        ConfigError: Its address cannot be used.
    """
    engine = _engine(connections.url(name), name, make=make)
    try:
        yield engine
    finally:
        engine.dispose()


def said(error: BaseException, connections: Connections, name: str) -> str:
    """Return what a database said when something went wrong, on one line, without secrets and without rows.

    PostgreSQL's details repeat values of the row at fault, so only its first line is taken.
    """
    cause: Any = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    first = str(cause).strip().partition("\n")[0] or type(cause).__name__
    return hidden(first, connections.url(name))


def _engine(url: str, name: str, *, make: bool) -> Engine:
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
    except (ArgumentError, SQLAlchemyError, ValueError) as error:
        raise ConfigError(f"{variable_of(name)} is not a database address: {hidden(str(error), url)}") from None
    if backend == POSTGRES:
        given = {key for key in _DEAD_AFTER if key in parsed.query}
        extra = {key: value for key, value in _DEAD_AFTER.items() if key not in given}
        return create_engine(parsed, poolclass=NullPool, hide_parameters=True, connect_args=extra)
    if backend != "sqlite":
        raise ConfigError(f"connection {name!r} ({variable_of(name)}) is {backend}; PostgreSQL and SQLite are known")
    file = Path(parsed.database or "")
    if not parsed.database or parsed.database == ":memory:":
        raise ConfigError(f"{variable_of(name)} names no file; write sqlite:///data/shop.db")
    if not make and not file.is_file():
        raise ConfigError(f"connection {name!r} ({variable_of(name)}) names {file}, and there is no such file")
    if not file.parent.is_dir():
        raise ConfigError(f"connection {name!r} ({variable_of(name)}) names {file}, whose folder does not exist")
    return _sqlite(create_engine(parsed, poolclass=NullPool, hide_parameters=True), reads=not make)


def _sqlite(engine: Engine, *, reads: bool) -> Engine:
    """Transactions as everywhere else: begun by us, DDL within them, one for reading cannot write."""

    def prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout={PATIENCE_S * 1000}")
        connection.execute(f"PRAGMA query_only={'ON' if reads else 'OFF'}")

    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", begin)
    return engine
