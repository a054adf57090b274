"""The Delta table: one partition replaced at a time, columns added and never changed."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from deltalake import DeltaTable

from batch_pipelines.core.errors import ConfigError, IntegrityError
from batch_pipelines.lake.commits import delta_stats
from batch_pipelines.lake.delta import (
    app_id,
    create,
    files_at,
    files_by_partition,
    load,
    published_number,
    schema_of,
    table_path,
    version,
)
from batch_pipelines.lake.schema_change import changes_between, widened
from batch_pipelines_tests.processing.datasets import Project

SHOP = "source: in/*.csv\npartitions: file\ncolumns: {id: int, city: string, day: date, at: timestamp, price: float}"
ROW = "1,Aachen,2013-01-31,2013-01-31T05:00:00Z,2.5"


@pytest.fixture
def shop(project: Project) -> Project:
    """Two partitions of a row each."""
    project.declare("shop", SHOP)
    for name in ("a", "b"):
        project.write(f"in/{name}.csv", f"id,city,day,at,price\n{ROW}\n")
    project.run("shop")
    return project


def test_no_table_is_none_everywhere(tmp_path: Path) -> None:
    path = table_path(tmp_path, "shop")
    assert (load(path), version(path), published_number(path, "shop/all"), schema_of(path)) == (None,) * 4
    assert files_by_partition(path, "all") == []
    (path / "_delta_log").mkdir(parents=True)
    assert load(path) is None


def test_a_table_that_was_made_and_never_published_to_has_no_version(tmp_path: Path) -> None:
    path = tmp_path / "datasets" / "shop"
    path.parent.mkdir()
    schema = fields(("id", pa.int64()), ("_partition", pa.string()))
    create(path, schema)
    create(path, schema)
    assert load(path) is not None
    assert version(path) is None


def test_publication_numbers_are_kept_by_partition(shop: Project) -> None:
    path = table_path(shop.data, "shop")
    shop.run("shop", ["b"], force=True)
    assert published_number(path, app_id("shop", "a")) == 1
    assert published_number(path, app_id("shop", "b")) == 2
    assert published_number(path, app_id("shop", "c")) is None


def test_older_versions_name_the_parts_they_had(shop: Project) -> None:
    path = table_path(shop.data, "shop")
    before, (b_before,) = version(path), files_by_partition(path, "b")
    assert before is not None
    shop.run("shop", ["b"], force=True)
    assert b_before in files_at(path, before)
    assert b_before not in files_at(path, before + 1)
    assert len(files_at(path, before + 1)) == 2
    with pytest.raises(IntegrityError, match=r"table 'shop' has no version 99 any more .*; process with force"):
        files_at(path, 99)


def test_others_read_the_table_through_its_log(shop: Project) -> None:
    """Parts of lost claims lie beside the others; readers that follow the log don't see them."""
    path = table_path(shop.data, "shop")
    (part,) = shop.live("shop", "a")
    (path / part).with_name("orphan.parquet").write_bytes((path / part).read_bytes())
    frame = DeltaTable(path).to_pandas()
    assert len(frame) == 2
    assert frame["at"].dtype == pd.DatetimeTZDtype("us", "UTC")
    assert set(frame["_partition"]) == {"a", "b"}


def test_statistics_let_readers_pass_over_parts(shop: Project) -> None:
    row = load(table_path(shop.data, "shop")).get_add_actions(flatten=True)  # type: ignore[union-attr]
    found = {name: row[name].to_pylist()[0] for name in ("num_records", "min.id", "max.city", "null_count.price")}
    assert found == {"num_records": 1, "min.id": 1, "max.city": "Aachen", "null_count.price": 0}
    dataset = DeltaTable(table_path(shop.data, "shop")).to_pyarrow_dataset()
    assert dataset.count_rows() == 2


def test_unknown_ends_are_left_out_of_the_statistics() -> None:
    part = {"rows": 3, "stats": {"a": [1, 5, 0], "b": [None, None, 2]}}
    assert delta_stats(part) == {
        "numRecords": 3,
        "minValues": {"a": 1},
        "maxValues": {"a": 5},
        "nullCount": {"a": 0, "b": 2},
    }
    assert delta_stats({"rows": 0, "stats": None})["numRecords"] == 0


def fields(*columns: tuple[str, pa.DataType]) -> pa.Schema:
    return pa.schema([pa.field(name, kind) for name, kind in columns])


def test_a_table_is_widened_by_columns_at_its_end_and_keeps_those_it_had() -> None:
    existing = fields(("a", pa.int64()), ("b", pa.string()), ("_partition", pa.string()))
    wanted = fields(("c", pa.float64()), ("b", pa.large_string()))
    assert widened(existing, wanted, "shop").names == ["a", "b", "c", "_partition"]
    assert widened(None, wanted, "shop").names == ["c", "b", "_partition"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (pa.int64(), pa.string()),
        (pa.string(), pa.int64()),
        (pa.decimal128(8, 2), pa.decimal128(8, 3)),
        (pa.decimal128(10, 2), pa.decimal128(8, 2)),
        (pa.int64(), pa.decimal128(18, 0)),
        (pa.float64(), pa.decimal128(38, 10)),
        (pa.float64(), pa.int64()),
        (pa.timestamp("us", tz="UTC"), pa.date32()),
        (pa.bool_(), pa.int64()),
    ],
)
def test_a_column_changes_its_type_to_nothing_but_a_wider_one(before: pa.DataType, after: pa.DataType) -> None:
    existing = fields(("a", before), ("_partition", pa.string()))
    with pytest.raises(ConfigError, match=r"column 'a' of table 'shop' is .*: give the column another name, or move"):
        widened(existing, fields(("a", after)), "shop")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (pa.int64(), pa.decimal128(19, 0), "a is widened from int to decimal(19,0)"),
        (pa.int64(), pa.float64(), "a is widened from int to float"),
        (pa.decimal128(8, 2), pa.decimal128(10, 4), "a is widened from decimal(8,2) to decimal(10,4)"),
        (pa.date32(), pa.timestamp("us", tz="UTC"), "a is widened from date to timestamp"),
    ],
)
def test_a_column_may_be_widened(before: pa.DataType, after: pa.DataType, said: str) -> None:
    existing = fields(("a", before), ("_partition", pa.string()))
    columns = widened(existing, fields(("b", pa.string()), ("a", after)), "shop")
    assert columns == fields(("a", after), ("b", pa.string()), ("_partition", pa.string()))
    assert changes_between(existing, columns) == ["b (string) is added, null in older rows", said]
    assert changes_between(None, columns) == []
