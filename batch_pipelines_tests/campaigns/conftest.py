"""The deployment that most of these tests use."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from batch_pipelines_tests.campaigns.shop_news import ShopNews, make_shop_news
from batch_pipelines_tests.system.memory_folder import memory_folder


@pytest.fixture
def news(blank_ledger: Path) -> Iterator[ShopNews]:
    """A deployment with one campaign and three people; mail goes to .eml files."""
    with memory_folder() as folder:
        made = make_shop_news(folder, blank_ledger)
        made.declare()
        made.people(3)
        yield made
