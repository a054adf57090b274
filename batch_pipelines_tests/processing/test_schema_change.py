"""What becomes of a table whose declaration changes: columns are added, widened without loss, or it is refused."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from batch_pipelines.core.faults import arm
from batch_pipelines.core.model import BatchState
from batch_pipelines.lake.delta import files_at, held_parts, load, published_number, schema_of, table_path, version
from batch_pipelines_tests.processing.datasets import Project

SHOP = "source: in/*.csv\npartitions: file\ncolumns: {id: int, price: %s, day: %s}"
ROWS = "id,price,day\n1,%s,2013-01-31\n"


@pytest.fixture
def shop(project: Project) -> Project:
    """Two partitions of a row each."""
    project.declare("shop", SHOP % ("int", "date"))
    for name in ("a", "b"):
        project.write(f"in/{name}.csv", ROWS % 5)
    project.run("shop")
    return project


def prices(project: Project) -> list[Any]:
    return [row["price"] for row in project.rows("shop")]


def test_a_column_that_is_declared_anew_is_null_in_older_rows_and_said_to_be_added(shop: Project) -> None:
    shop.declare("shop", "source: in/*.csv\npartitions: file\ncolumns: {id: int, price: int, day: date, zip: string}")
    shop.write("in/b.csv", "id,price,day,zip\n1,5,2013-01-31,52062\n")
    (report,) = shop.run("shop", ["b"])
    assert report.schema_change == ["zip (string) is added, null in older rows"]
    assert [row["zip"] for row in shop.rows("shop")] == [None, "52062"]
    (again,) = shop.run("shop", ["b"], force=True)
    assert again.schema_change == []


@pytest.mark.parametrize(
    ("kind", "text", "held", "new"),
    [
        ('"decimal(21,2)"', "7.25", Decimal("5.00"), Decimal("7.25")),
        ("float", "7.25", 5.0, 7.25),
    ],
)
def test_a_column_is_widened_in_all_partitions_and_publications_stay(
    shop: Project, kind: str, text: str, held: object, new: object
) -> None:
    shop.declare("shop", SHOP % (kind, "date"))
    shop.write("in/b.csv", ROWS % text)
    (report,) = shop.run("shop", ["b"])
    assert report.schema_change == [f"price is widened from int to {kind.strip(chr(34))}"]
    assert prices(shop) == [held, new]
    assert published_number(table_path(shop.data, "shop"), "shop/a") == 1
    assert shop.processing.current("shop")["b"] is not None
    table = load(table_path(shop.data, "shop"))
    assert table is not None
    assert [part.rows for part in held_parts(table, "a")] == [1]


def test_dates_become_timestamps_at_midnight(shop: Project) -> None:
    shop.declare("shop", SHOP % ("int", "timestamp"))
    shop.write("in/b.csv", "id,price,day\n1,5,2013-01-31T05:00:00Z\n")
    shop.run("shop", ["b"])
    found = [row["day"] for row in shop.rows("shop")]
    assert found == [datetime(2013, 1, 31, tzinfo=UTC), datetime(2013, 1, 31, 5, tzinfo=UTC)]


def test_older_versions_keep_their_types(shop: Project) -> None:
    path = table_path(shop.data, "shop")
    before = version(path)
    assert before is not None
    shop.declare("shop", SHOP % ("float", "timestamp"))
    shop.run("shop")
    assert all((path / name).exists() for name in files_at(path, before))
    assert {row["price"] for row in load_at(shop, before)} == {5}
    assert {row["day"] for row in load_at(shop, before)} == {date(2013, 1, 31)}
    assert set(prices(shop)) == {5.0}


def load_at(project: Project, at: int) -> list[dict[str, Any]]:
    table = load(table_path(project.data, "shop"))
    assert table is not None
    table.load_as_version(at)
    return table.to_pyarrow_table().to_pylist()


def test_a_whole_number_that_no_float_can_hold_stops_the_widening_and_the_table_is_untouched(shop: Project) -> None:
    shop.write("in/a.csv", ROWS % (2**53 + 1))
    shop.run("shop", ["a"])
    shop.declare("shop", SHOP % ("float", "date"))
    shop.write("in/b.csv", ROWS % 7.25)
    (report,) = shop.run("shop", ["b"])
    assert report.state is BatchState.FAILED
    assert "column 'price' of table 'shop' cannot be widened from int to float" in report.message
    assert prices(shop) == [2**53 + 1, 5]


@pytest.mark.parametrize("point", ["widen.prepared", "publish.checked"])
def test_a_crash_between_widening_and_publishing_is_gone_with_the_next_run(shop: Project, point: str) -> None:
    shop.declare("shop", SHOP % ("float", "date"))
    shop.write("in/b.csv", ROWS % 7.25)
    planning = shop.plan("shop", ["b"])
    arm(f"raise@{point}:1")
    with pytest.raises(OSError, match="Input/output"):
        shop.work(planning)
    arm("")
    (report,) = shop.run("shop", ["b"])
    assert report.ok
    assert prices(shop) == [5.0, 7.25]
    assert len(shop.live("shop", "a")) == len(shop.live("shop", "b")) == 1


@pytest.mark.parametrize(
    ("first", "second"), [("float", "int"), ("int", "string"), ('"decimal(9,3)"', '"decimal(9,2)"')]
)
def test_any_other_change_is_refused_when_planned_with_the_cure(project: Project, first: str, second: str) -> None:
    project.declare("shop", SHOP % (first, "date"))
    project.write("in/a.csv", ROWS % 5)
    project.run("shop")
    project.declare("shop", SHOP % (second, "date"))
    said = project.failures("shop")
    assert f"the declaration makes it {second.strip(chr(34))}; columns can only be widened" in said
    assert "give the column another name, or move data/datasets/shop away" in said
    assert version(table_path(project.data, "shop")) == 1
    assert schema_of(table_path(project.data, "shop")) is not None
