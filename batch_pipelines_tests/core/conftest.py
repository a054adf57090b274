"""An empty SQLite ledger, and an engine on it, for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from batch_pipelines_tests.core.engine import Engine
from batch_pipelines_tests.ledgers import copied


@pytest.fixture
def ledger_url(tmp_path: Path, blank_ledger: Path) -> str:
    """The address of an empty ledger."""
    return copied(blank_ledger, tmp_path)


@pytest.fixture
def engine(ledger_url: str) -> Iterator[Engine]:
    """A ledger, a workload and lanes."""
    new = Engine(ledger_url)
    yield new
    new.ledger.close()
