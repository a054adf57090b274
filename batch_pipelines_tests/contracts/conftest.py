"""The ledgers that the suite runs on: SQLite, and PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from batch_pipelines.core.clock import FakeClock
from batch_pipelines.core.ledger.ledger import Ledger, open_ledger
from batch_pipelines.core.ledger.schema import metadata
from batch_pipelines_tests.ledgers import copied
from batch_pipelines_tests.servers import Database, PostgresServer


@pytest.fixture(params=["sqlite", "postgres"])
def fresh_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database that holds nothing at all."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.db'}"
    database: Database = request.getfixturevalue("postgres")
    return database.url


@pytest.fixture(scope="session")
def postgres_ledger_url(postgres_instance: PostgresServer) -> Iterator[str]:
    """A PostgreSQL ledger that tests use one after the other: making one takes half a second."""
    with postgres_instance.database() as database:
        open_ledger(database.url).close()
        yield database.url


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty ledger."""
    if request.param == "sqlite":
        return copied(request.getfixturevalue("blank_ledger"), tmp_path)
    address: str = request.getfixturevalue("postgres_ledger_url")
    emptied(address)
    return address


@pytest.fixture
def clock() -> FakeClock:
    """Time that stands still."""
    return FakeClock()


@pytest.fixture
def ledger(url: str, clock: FakeClock) -> Iterator[Ledger]:
    """An empty ledger."""
    new = open_ledger(url, clock)
    yield new
    new.close()


def emptied(url: str) -> None:
    """Remove all rows of a PostgreSQL ledger."""
    ledger = open_ledger(url)
    with ledger.store.write() as connection:
        tables = ", ".join(table.name for table in metadata.sorted_tables)
        connection.execute(text(f"TRUNCATE {tables} RESTART IDENTITY CASCADE"))
    ledger.close()
