"""A shop with its tables, for tests of reports."""

from pathlib import Path

import pytest

from batch_pipelines_tests.reporting.shop import ORDERS, Shop


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """A shop with a table of orders and a report on it."""
    made = Shop(tmp_path)
    made.table("orders", ORDERS)
    made.declare()
    return made
