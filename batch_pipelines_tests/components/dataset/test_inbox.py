"""The inbox sensor: what becomes a run, and what it says of the rest."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime

import dagster as dg

from batch_pipelines_tests.components.shop import Shop

NOW = datetime(2026, 1, 1, tzinfo=UTC)
INBOX = "data/inbox/sales"


def ticks(shop: Shop, instance: dg.DagsterInstance, count: int, dataset: str = "sales") -> list[dg.SensorResult]:
    found: list[dg.SensorResult] = []
    for _ in range(count):
        found.append(shop.tick(instance, dataset, found[-1].cursor if found else None, NOW))
    return found


def requests(result: dg.SensorResult) -> Sequence[dg.RunRequest]:
    return result.run_requests or []


def reason(result: dg.SensorResult) -> str:
    assert result.skip_reason is not None
    return str(result.skip_reason.skip_message)


def test_a_whole_file_becomes_one_run_of_its_partition(shop: Shop, instance: dg.DagsterInstance) -> None:
    shop.declare_sales()
    shop.sell("2013-02", folder=INBOX)
    first, second, third = ticks(shop, instance, 3)
    assert "may still be written" in reason(first)
    [request] = requests(second)
    assert request.partition_key == "2013-02"
    assert str(request.run_key).startswith("sales/2013-02/")
    assert request.tags["batch/inbox"] == "data/inbox/sales/sales-2013-02.csv"
    assert reason(third) == "nothing new in data/inbox/sales"


def test_a_half_written_file_is_not_touched_until_it_is_whole(shop: Shop, instance: dg.DagsterInstance) -> None:
    shop.declare_sales()
    file = shop.sell("2013-02", folder=INBOX)
    with file.open("a") as writer:
        first, second = ticks(shop, instance, 2)
        assert "is open in a process that writes" in reason(second)
        writer.write("9,A,1\n")
    third = shop.tick(instance, "sales", second.cursor, NOW)
    fourth = shop.tick(instance, "sales", third.cursor, NOW)
    assert not requests(first)
    assert not requests(third)
    assert len(requests(fourth)) == 1


def test_a_misfit_is_named_with_the_pattern_that_is_expected(shop: Shop, instance: dg.DagsterInstance) -> None:
    shop.declare_sales()
    shop.write(f"{INBOX}/report.csv", "x\n")
    [result] = ticks(shop, instance, 1)
    assert "data/inbox/sales/report.csv: the name does not fit sales-{%Y-%m}.csv" in reason(result)


def test_a_misfit_does_not_hold_up_the_others(shop: Shop, instance: dg.DagsterInstance) -> None:
    shop.declare_sales()
    shop.write(f"{INBOX}/sales-2019-01.csv", "x\n")
    shop.sell("2013-02", folder=INBOX)
    first, second = ticks(shop, instance, 2)
    assert "2019-01 is outside the partitions" in reason(first)
    assert len(requests(second)) == 1


def test_a_window_that_has_not_begun_waits_for_its_time(shop: Shop, instance: dg.DagsterInstance) -> None:
    shop.declare_sales(partitions={"every": "month", "start": "2013-01"})
    shop.sell("2026-02", folder=INBOX)
    results = ticks(shop, instance, 2)
    assert "partition 2026-02 lies ahead" in reason(results[1])
    begun = datetime(2026, 2, 1, tzinfo=UTC)
    first = shop.tick(instance, "sales", results[1].cursor, begun)
    second = shop.tick(instance, "sales", first.cursor, begun)
    assert [request.partition_key for request in requests(second)] == ["2026-02"]


def test_a_changed_file_is_another_run_and_the_same_file_is_not(shop: Shop, instance: dg.DagsterInstance) -> None:
    shop.declare_sales()
    file = shop.sell("2013-02", folder=INBOX)
    *_, launched = ticks(shop, instance, 2)
    shop.sell("2013-02", rows=9, folder=INBOX)
    os.utime(file, ns=(1, 1))
    third = shop.tick(instance, "sales", launched.cursor, NOW)
    fourth = shop.tick(instance, "sales", third.cursor, NOW)
    [before], [after] = requests(launched), requests(fourth)
    assert before.run_key != after.run_key


def test_a_file_per_partition_is_made_known_before_its_run(shop: Shop, instance: dg.DagsterInstance) -> None:
    shop.declare(
        "orders", {"source": "sources/orders/*.csv", "partitions": "file", "inbox": True, "columns": {"n": "int"}}
    )
    shop.write("data/inbox/orders/today.csv", "n\n1\n")
    first, second = ticks(shop, instance, 2, "orders")
    [added] = first.dynamic_partitions_requests or []
    assert (added.partitions_def_name, added.partition_keys) == ("orders_files", ["today"])
    assert [request.partition_key for request in requests(second)] == ["today"]


def test_source_files_of_a_dataset_without_inbox_become_partitions_too(
    shop: Shop, instance: dg.DagsterInstance
) -> None:
    shop.declare("orders", {"source": "sources/orders/*.csv", "partitions": "file", "columns": {"n": "int"}})
    shop.write("sources/orders/one.csv", "n\n1\n")
    [result] = ticks(shop, instance, 1, "orders")
    [added] = result.dynamic_partitions_requests or []
    assert added.partition_keys == ["one"]
    assert not requests(result)


def test_an_unpartitioned_dataset_is_run_without_a_partition(shop: Shop, instance: dg.DagsterInstance) -> None:
    shop.declare("stores", {"source": "sources/stores.csv", "inbox": True, "columns": {"store": "string"}})
    shop.write("data/inbox/stores/stores.csv", "store\nA\n")
    *_, second = ticks(shop, instance, 2, "stores")
    assert [request.partition_key for request in requests(second)] == [None]


def test_the_sensor_runs_without_being_asked_and_only_where_there_is_an_inbox(shop: Shop) -> None:
    shop.declare_sales()
    definitions = shop.definitions()
    sensors = {sensor.name: sensor for sensor in definitions.sensors or []}
    assert sensors["sales_inbox"].default_status is dg.DefaultSensorStatus.RUNNING
    assert sensors["sales_inbox"].minimum_interval_seconds == 10
    assert "stores_inbox" not in sensors


def test_a_delivered_file_is_in_the_table_after_the_run_it_asks_for(shop: Shop, instance: dg.DagsterInstance) -> None:
    shop.declare_sales()
    shop.sell("2013-02", rows=2)
    shop.sell("2013-02", rows=5, folder=INBOX)
    *_, second = ticks(shop, instance, 2)
    [request] = requests(second)
    shop.run(instance, "sales", str(request.partition_key))
    assert shop.rows("sales", "2013-02") == 5
