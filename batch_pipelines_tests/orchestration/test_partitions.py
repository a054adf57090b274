"""Partitions in Dagster's terms: our keys, our ends, nothing else."""

from typing import Any

import dagster as dg
import pytest

from batch_pipelines.core.declaring.partitions import keys
from batch_pipelines.orchestration.partitions import announce_files, dagster_key, files_set, partitions_def
from batch_pipelines.processing.declaration.model import DatasetDeclaration


def declared(partitions: Any, source: str = "a-{%Y-%m}.csv") -> DatasetDeclaration:
    return DatasetDeclaration.model_validate({"name": "sales", "source": source, "partitions": partitions})


@pytest.mark.parametrize(
    ("partitions", "source"),
    [
        ({"every": "month", "start": "2013-01", "end": "2013-12"}, "a-{%Y-%m}.csv"),
        ({"every": "week", "start": "2013-01-07", "end": "2013-12-29"}, "a-{%Y-%m-%d}.csv"),
        ({"every": "day", "start": "2013-03-01", "end": "2013-04-10", "timezone": "Europe/Berlin"}, "a-{%Y-%m-%d}.csv"),
        ({"every": "hour", "start": "2013-01-01 00:00", "end": "2013-01-02 05:00"}, "a-{%Y-%m-%d-%H}.csv"),
    ],
)
def test_dagster_has_exactly_our_keys(partitions: dict[str, str], source: str) -> None:
    declaration = declared(partitions, source)
    made = partitions_def(declaration)
    assert isinstance(made, dg.TimeWindowPartitionsDefinition)
    assert list(made.get_partition_keys()) == keys(declaration.partitions)  # type: ignore[arg-type]


def test_the_window_that_has_begun_is_a_partition_already() -> None:
    made = partitions_def(declared({"every": "month", "start": "2013-01"}))
    assert made is not None
    assert made.get_partition_keys()[-1] == f"{_now():%Y-%m}"


def test_a_partition_per_file_is_dynamic_and_one_partition_is_none() -> None:
    by_file = partitions_def(declared("file", "orders/*.csv"))
    assert isinstance(by_file, dg.DynamicPartitionsDefinition)
    assert by_file.name == files_set("sales")
    assert partitions_def(declared(None, "a.csv")) is None
    assert (dagster_key("all"), dagster_key("2013-01")) == (None, "2013-01")


def test_files_are_announced_once_and_only_where_they_are_partitions() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        by_file = declared("file", "orders/*.csv")
        announce_files(instance, by_file, ["b", "a"])
        announce_files(instance, by_file, ["a", "c"])
        announce_files(instance, declared({"every": "month", "start": "2013-01"}), ["2013-01"])
        assert list(instance.get_dynamic_partitions("sales_files")) == ["b", "a", "c"]


def _now() -> Any:
    from datetime import UTC, datetime  # noqa: PLC0415

    return datetime.now(UTC)
