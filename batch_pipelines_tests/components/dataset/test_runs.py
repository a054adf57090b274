"""Runs of a dataset in Dagster: one, many partitions, none; what they log, and how they fail."""

from datetime import date, timedelta

import dagster as dg
import pytest

from batch_pipelines.orchestration.session import open_processing
from batch_pipelines_tests.components.shop import MONTHS, SALES, Shop, failure_text, materialised


def test_a_backfill_of_twelve_months_is_one_run_with_a_materialisation_for_each_month(
    shop: Shop, instance: dg.DagsterInstance
) -> None:
    shop.declare_sales()
    for number, month in enumerate(MONTHS):
        shop.sell(month, rows=number + 1)
    result = shop.run(instance, "sales", *MONTHS)
    assert len(instance.get_runs()) == 1
    read = {month: metadata["items_read"] for month, metadata in materialised(result, "sales").items()}
    assert read == {month: number + 1 for number, month in enumerate(MONTHS)}
    assert set(materialised(result, "sales_dead_letters")) == set(MONTHS)
    assert shop.rows("sales") == sum(range(1, 13))


@pytest.mark.timeout(300)
def test_a_backfill_of_365_daily_files_is_one_run(shop: Shop, instance: dg.DagsterInstance) -> None:
    days = [str(date(2013, 1, 1) + timedelta(days=number)) for number in range(365)]
    partitions = {"every": "day", "start": days[0], "end": days[-1]}
    shop.declare("visits", {"source": "sources/{%Y-%m-%d}.csv", "partitions": partitions, "columns": {"n": "int"}})
    for number, day in enumerate(days):
        shop.write(f"sources/{day}.csv", f"n\n{number}\n")
    result = shop.run(instance, "visits", *days)
    assert len(instance.get_runs()) == 1
    assert len(materialised(result, "visits")) == 365
    assert shop.rows("visits") == 365


def test_what_a_dataset_refers_to_is_processed_first_and_logged(shop: Shop, instance: dg.DagsterInstance) -> None:
    shop.declare_sales()
    shop.sell("2013-01")
    result = shop.run(instance, "sales", "2013-01")
    assert materialised(result, "stores")[None]["items_written"] == 2
    logged = result.filter_events(lambda event: event.is_step_materialization)
    assert [event.asset_key for event in logged].count(dg.AssetKey("stores")) == 1


def test_what_it_refers_to_is_logged_if_the_run_that_processed_that_was_killed(
    shop: Shop, instance: dg.DagsterInstance
) -> None:
    shop.declare_sales()
    shop.sell("2013-01")
    with open_processing() as killed_before_it_logged:
        killed_before_it_logged.run("stores")
    result = shop.run(instance, "sales", "2013-01")
    assert materialised(result, "stores")[None]["items_written"] == 2
    assert materialised(shop.run(instance, "sales", "2013-01"), "stores") == {}


def test_the_metadata_says_what_people_look_for(shop: Shop, instance: dg.DagsterInstance) -> None:
    shop.declare_sales()
    shop.sell("2013-01", rows=4, bad=2)
    result = shop.run(instance, "sales", "2013-01")
    table = materialised(result, "sales")["2013-01"]
    assert (table["dagster/row_count"], table["dagster/partition_row_count"]) == (4, 4)
    assert (table["items_read"], table["items_written"], table["items_dead_lettered"]) == (6, 4, 2)
    columns = {column.name: column for column in table["dagster/column_schema"].columns}
    assert list(columns) == ["id", "store", "amount", "doubled"]
    assert columns["id"].description == "Number of the sale."
    assert not columns["id"].constraints.nullable
    assert columns["store"].constraints.other == ["in stores.store"]
    assert columns["doubled"].description == "Derived: amount * 2"
    assert "| 3 | B | 3.5 | 7.0 |" in table["preview"]
    assert "| reference: store | 2 |" in table["reject_reasons"]
    assert table["source_files"] == "- `sources/sales-2013-01.csv`"
    assert (table["generation"], table["publication"]) == (1, 1)
    letters = materialised(result, "sales_dead_letters")["2013-01"]
    assert letters["dead_letters"] == 2
    assert "- store 'X' is not in stores.store  \n  sales-2013-01.csv:6" in letters["samples"]


def test_the_chunk_table_has_every_chunk(shop: Shop, instance: dg.DagsterInstance) -> None:
    shop.declare_sales(chunk_size="40B")
    shop.sell("2013-01", rows=20)
    chunks = materialised(shop.run(instance, "sales", "2013-01"), "sales")["2013-01"]["chunks"]
    items = [record.data["items"] for record in chunks.records]
    assert len(items) > 3
    assert sum(items) == 20


def test_a_partition_without_a_file_fails_the_run_and_the_others_are_there_all_the_same(
    shop: Shop, instance: dg.DagsterInstance
) -> None:
    shop.declare_sales()
    shop.sell("2013-01")
    result = shop.run(instance, "sales", "2013-01", "2013-02", raises=False)
    assert not result.success
    assert "1 of 2 partitions of sales failed:\n  sales/2013-02: sources/sales-2013-02.csv: partition" in failure_text(
        result
    )
    assert instance.get_materialized_partitions(dg.AssetKey("sales")) == {"2013-01"}
    assert shop.rows("sales") == 3


def test_too_many_rejects_fail_the_run_and_leave_the_table_alone(shop: Shop, instance: dg.DagsterInstance) -> None:
    shop.declare_sales(max_reject_rate="10%")
    shop.sell("2013-01", rows=2, bad=2)
    result = shop.run(instance, "sales", "2013-01", raises=False)
    assert not result.success
    assert "sales/2013-01: failed:" in failure_text(result)
    assert shop.rows("sales") == 0


def test_a_failed_run_is_not_retried_by_the_step(shop: Shop, instance: dg.DagsterInstance) -> None:
    shop.declare_sales()
    result = shop.run(instance, "sales", "2013-01", raises=False)
    assert not result.filter_events(lambda event: event.is_step_up_for_retry)


def test_an_asset_job_without_a_partition_says_how_to_give_one(shop: Shop, instance: dg.DagsterInstance) -> None:
    shop.declare_sales()
    result = shop.run(instance, "sales", raises=False)
    assert "sales_job needs a partition" in failure_text(result)


def test_the_same_input_again_changes_nothing(shop: Shop, instance: dg.DagsterInstance) -> None:
    shop.declare_sales()
    shop.sell("2013-01")
    first = materialised(shop.run(instance, "sales", "2013-01"), "sales")["2013-01"]
    again = materialised(shop.run(instance, "sales", "2013-01"), "sales")["2013-01"]
    assert (again["publication"], again["batch_key"]) == (first["publication"], first["batch_key"])


def test_an_unpartitioned_dataset_is_one_materialisation_without_a_partition(
    shop: Shop, instance: dg.DagsterInstance
) -> None:
    shop.declare_sales()
    result = shop.run(instance, "stores")
    assert materialised(result, "stores")[None]["dagster/row_count"] == 2


def test_several_lanes_come_to_the_same_table(shop: Shop, instance: dg.DagsterInstance) -> None:
    shop.declare_sales(chunk_size="40B")
    shop.sell("2013-01", rows=30)
    result = shop.process(instance, dataset="sales", lanes=3)
    lanes = [event.step_key for event in result.filter_events(lambda event: event.is_step_success)]
    assert {"lane[1]", "lane[2]", "lane[3]"} <= set(lanes)
    assert shop.rows("sales", "2013-01") == 30


def test_progress_is_a_tag_of_the_run(shop: Shop, instance: dg.DagsterInstance) -> None:
    shop.declare_sales()
    shop.sell("2013-01", rows=5)
    run = instance.get_run_by_id(shop.run(instance, "sales", "2013-01").run_id)
    assert run is not None
    assert run.tags["batch/progress"].startswith("100% · 5 of 5 items")


def test_assets_carry_what_the_yaml_says_of_them(shop: Shop) -> None:
    shop.declare_sales(group="money", tags={"team": "a"})
    specs = {spec.key.to_user_string(): spec for spec in shop.definitions().resolve_all_asset_specs()}
    table, letters = specs["sales"], specs["sales_dead_letters"]
    assert table.group_name == letters.group_name == "money"
    assert list(table.owners) == SALES["owners"]
    assert table.tags["team"] == "a"
    assert table.kinds == {"deltalake", "pyarrow", "duckdb"}
    assert {dep.asset_key.to_user_string() for dep in table.deps} == {"stores"}
    assert str(table.description).startswith("Sales of every month.")
    assert table.code_version


@pytest.mark.parametrize("name", ["sales_job", "stores_job", "process_data"])
def test_jobs_with_lanes_retry_all_steps_and_end_some_time(shop: Shop, name: str) -> None:
    shop.declare_sales()
    tags = shop.job(name).tags
    assert tags["dagster/retry_strategy"] == "ALL_STEPS"
    assert int(tags["dagster/max_runtime"]) > 0


def test_a_schedule_in_the_yaml_is_running(shop: Shop) -> None:
    shop.declare_sales(schedule="0 6 * * *")
    schedule = shop.definitions().resolve_schedule_def("sales_schedule")
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
    assert schedule.job_name == "process_data"
