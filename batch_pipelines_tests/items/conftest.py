"""A workshop whose workers are this process."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from batch_pipelines_tests.items.workshop import Workshop
from batch_pipelines_tests.ledgers import copied


@pytest.fixture
def workshop(home: Path, blank_ledger: Path) -> Iterator[Workshop]:
    """Workers are this process, time is turned by hand."""
    copied(blank_ledger, home / "data")
    made = Workshop(home)
    yield made
    made.items.close()


@pytest.fixture
def busy_workshop(home: Path, blank_ledger: Path) -> Iterator[Workshop]:
    """Workers are processes, in real time."""
    copied(blank_ledger, home / "data")
    made = Workshop(home, processes=True)
    yield made
    made.items.close()
