"""An empty SQLite ledger for each test."""

from pathlib import Path

import pytest

from batch_pipelines_tests.ledgers import copied


@pytest.fixture
def ledger_url(tmp_path: Path, blank_ledger: Path) -> str:
    """The address of an empty ledger."""
    return copied(blank_ledger, tmp_path)
