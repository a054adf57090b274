"""Connections and transactions on the ledger's database, and its migrations.

SQLite: WAL, synchronous=FULL, 30 s of patience for a lock, every write transaction IMMEDIATE, one writer at a time
in a process; on a local disk only. PostgreSQL: through psycopg2. What is written lives in the sibling modules.
"""

import fcntl
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DatabaseError, InterfaceError, OperationalError

from batch_pipelines.core.errors import ConfigError, TransientError
from batch_pipelines.core.ledger.schema import HEAD

_MIGRATION_LOCK = 7_283_001  # any number, the same in every process: PostgreSQL's advisory lock


class Store:
    """One process's way to the ledger's database."""

    def __init__(self, url: str) -> None:
        """Connect to `url` and bring its tables up to date.

        Raises:
            ConfigError: The address cannot be used, or the ledger is of a newer release.
        """
        self.url = url
        self.engine = _engine(url)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        self._writer = threading.RLock()
        _migrate(self.engine)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for reading, each statement on its own.

        Raises:
            TransientError: The database is away.
        """
        with self._explained(), self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction: all of it, durable, or nothing.

        Raises:
            TransientError: The database is away, or its disk is full.
        """
        with self._explained(), self._writer, self.engine.begin() as connection:
            yield connection

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (OperationalError, InterfaceError) as error:
            where, why = self.engine.url.render_as_string(), str(error.orig).strip().replace("\n", " ")
            msg = f"the ledger at {where} cannot be used: {why}; cure that and run again, it goes on where it stopped"
            raise TransientError(msg) from error

    @contextmanager
    def write_alone(self, table: str) -> Iterator[Connection]:
        """A transaction beside which nobody else writes to `table`."""
        with self.write() as connection:
            if not self.is_sqlite:
                connection.execute(text(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE"))
            yield connection

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
    except Exception as error:
        msg = f"BP_LEDGER_URL is not a database address: {error}"
        raise ConfigError(msg) from error
    if parsed.get_backend_name() == "sqlite":
        if parsed.database in (None, "", ":memory:"):
            raise ConfigError(
                "BP_LEDGER_URL names no file: a ledger in memory forgets; write sqlite:////folder/ledger.db"
            )
        return _sqlite_engine(url, Path(str(parsed.database)))
    if parsed.get_backend_name() != "postgresql":
        msg = f"the ledger runs on SQLite or PostgreSQL, not on {parsed.get_backend_name()}"
        raise ConfigError(msg)
    return create_engine(url, pool_pre_ping=True, executemany_mode="values_plus_batch")


def _sqlite_engine(url: str, file: Path) -> Engine:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"the folder of the ledger {file} cannot be made: {error.strerror}; correct BP_DATA or BP_LEDGER_URL"
        raise ConfigError(msg) from error
    engine = create_engine(url)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_immediate)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # this module begins transactions, not the driver
    for pragma in ("busy_timeout=30000", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_immediate(connection: Connection) -> None:
    if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _migrate(engine: Engine) -> None:
    # A new SQLite file is looked at under the lock, too: two that turn it to WAL at once find it locked, unwaited for.
    if engine.dialect.name != "sqlite" and _revision(engine) == HEAD:
        return
    with _alone(engine):
        current = _revision(engine)
        if current == HEAD:
            return
        if current is not None and current > HEAD:
            msg = f"the ledger is of a newer release (its tables are {current}, this release knows {HEAD}); upgrade"
            raise ConfigError(msg)
        with engine.connect() as connection:
            _upgrade(connection)
            connection.commit()


def _upgrade(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415  0.3 s that only a new ledger should pay
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, HEAD)


def _revision(engine: Engine) -> str | None:
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            if not inspect(connection).has_table("alembic_version"):
                return None
            return _text(connection.execute(text("SELECT version_num FROM alembic_version")).scalar())
    except DatabaseError as error:
        why = str(error.orig).strip().replace("\n", " ")
        msg = f"the ledger at {engine.url.render_as_string()} cannot be read: {why}"
        raise ConfigError(msg) from error


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


@contextmanager
def _alone(engine: Engine) -> Iterator[None]:
    """Nobody else migrates meanwhile."""
    if engine.dialect.name == "sqlite":
        with Path(f"{engine.url.database}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        return
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _MIGRATION_LOCK})
        try:
            yield
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _MIGRATION_LOCK})
