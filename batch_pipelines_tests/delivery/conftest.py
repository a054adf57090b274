"""Fixtures: a ledger, a clock that tests turn."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from batch_pipelines.core.clock import FakeClock
from batch_pipelines.core.ledger.ledger import Ledger, open_ledger
from batch_pipelines_tests.ledgers import copied


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def ledger(blank_ledger: Path, tmp_path: Path, clock: FakeClock) -> Iterator[Ledger]:
    made = open_ledger(copied(blank_ledger, tmp_path), clock)
    yield made
    made.close()
