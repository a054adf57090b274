"""When tables hold what a window needs: every overlapping partition published, and from what its files say now."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from batch_pipelines.core.declaring.partitions import Partitions
from batch_pipelines.orchestration.readiness import missing_of, needed_partitions
from batch_pipelines_tests.processing.datasets import Project

NEW_YORK = ZoneInfo("America/New_York")
MONTHS = Partitions(every="month", start="2013-01", end="2013-12")
SALES = """
source: sources/sales-{%Y-%m}.csv
partitions: {every: month, start: 2013-01, end: 2013-12}
columns: {id: int}
"""
STORES = "{source: sources/stores.csv, columns: {id: int}}"


def span(start: str, end: str) -> tuple[datetime, datetime]:
    begin, finish = (datetime.fromisoformat(text).replace(tzinfo=NEW_YORK) for text in (start, end))
    return begin, finish


@pytest.fixture
def shop(home: Path) -> Iterator[Project]:
    made = Project(home)
    made.declare("sales", SALES)
    made.declare("stores", STORES)
    made.write("sources/sales-2013-01.csv", "id\n1\n")
    made.write("sources/sales-2013-02.csv", "id\n2\n")
    made.write("sources/stores.csv", "id\n1\n")
    yield made
    made.processing.close()


@pytest.mark.parametrize(
    ("window", "keys"),
    [
        (("2013-01-31", "2013-02-01"), ["2013-01"]),
        (("2013-01-28", "2013-02-04"), ["2013-01", "2013-02"]),
        (("2013-12-30", "2014-01-06"), ["2013-12"]),
        (("2012-12-31", "2013-01-07"), ["2013-01"]),
        (("2014-01-06", "2014-01-13"), []),
    ],
)
def test_partitions_are_needed_as_clocks_on_the_wall_have_it(window: tuple[str, str], keys: list[str]) -> None:
    assert needed_partitions(MONTHS, span(*window)) == keys


def test_what_was_not_processed_is_named(shop: Project) -> None:
    shop.processing.run("sales", ["2013-01"])
    missing = missing_of(shop.processing, ["sales", "stores"], span("2013-01-28", "2013-02-04"))
    assert missing == ["sales 2013-02 is not processed", "stores is not processed"]
    assert missing_of(shop.processing, ["sales"], span("2013-01-30", "2013-01-31")) == []


def test_files_that_changed_since_are_waited_for(shop: Project) -> None:
    shop.processing.run("sales")
    shop.write("sources/sales-2013-02.csv", "id\n2\n3\n")
    window = span("2013-02-04", "2013-02-11")
    assert missing_of(shop.processing, ["sales"], window) == ["sales 2013-02 is processed from older files"]
    assert missing_of(shop.processing, ["sales"], window, current=False) == []
    shop.processing.run("sales")
    assert missing_of(shop.processing, ["sales"], window) == []


def test_a_table_without_windows_must_be_whole(shop: Project) -> None:
    shop.processing.run("sales", ["2013-01"])
    assert missing_of(shop.processing, ["sales"], None) == ["sales 2013-02 is not processed"]


def test_a_window_after_the_last_partition_is_said_to_have_none(shop: Project) -> None:
    assert missing_of(shop.processing, ["sales"], span("2014-01-06", "2014-01-13")) == [
        "sales has no partition for that time"
    ]


def test_a_table_without_any_file_has_not_been_processed(shop: Project) -> None:
    (shop.home / "sources" / "stores.csv").unlink()
    assert missing_of(shop.processing, ["stores"], None) == ["stores has not been processed"]
