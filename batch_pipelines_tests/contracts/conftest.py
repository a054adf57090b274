"""The ledgers that the suite runs on: SQLite, and PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from batch_pipelines.core.clock import FakeClock
from batch_pipelines.core.ledger.ledger import Ledger, open_ledger
from batch_pipelines_tests.servers import Database


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database that holds nothing yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.db'}"
    database: Database = request.getfixturevalue("postgres")
    return database.url


@pytest.fixture
def clock() -> FakeClock:
    """Time that stands still."""
    return FakeClock()


@pytest.fixture
def ledger(url: str, clock: FakeClock) -> Iterator[Ledger]:
    """A new ledger."""
    new = open_ledger(url, clock)
    yield new
    new.close()
