"""Datasets without files in Dagster: assets, runs, schedules of rows that a query gives."""

from typing import Any

import dagster as dg
import pytest

from batch_pipelines_tests.components.shop import Shop, failure_text, materialised
from batch_pipelines_tests.processing.export.targets import execute

TAKINGS = {
    "sql": "select id, day from takings where day >= $start and day < $end",
    "connection": "till",
    "partitions": {"every": "month", "start": "2013-01", "end": "2013-03"},
    "schedule": "0 6 * * *",
    "columns": {"id": "int", "day": "string"},
}


@pytest.fixture
def till(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    execute(
        f"sqlite:///{shop.home}/till.db",
        "CREATE TABLE takings (id INTEGER, day TEXT)",
        "INSERT INTO takings VALUES (1, '2013-01-05'), (2, '2013-02-05'), (3, '2013-02-06')",
    )
    monkeypatch.setenv("BP_CONNECTION_TILL", "sqlite:///till.db")
    shop.declare("takings", TAKINGS)
    return shop


def tick(shop: Shop, instance: dg.DagsterInstance) -> Any:
    schedule = shop.definitions().resolve_schedule_def("takings_schedule")
    (request,) = schedule.evaluate_tick(dg.build_schedule_context(instance=instance)).run_requests or ()
    return request.run_config


def test_a_run_asks_the_database_for_its_partitions(till: Shop, instance: dg.DagsterInstance) -> None:
    result = till.run(instance, "takings", "2013-01", "2013-02")
    found = materialised(result, "takings")

    assert {key: each["dagster/partition_row_count"] for key, each in found.items()} == {"2013-01": 1, "2013-02": 2}
    assert "sql:till" in found["2013-01"]["source_files"]


def test_a_schedule_asks_for_the_newest_window_and_those_never_published(
    till: Shop, instance: dg.DagsterInstance
) -> None:
    assert tick(till, instance) == {"dataset": "takings", "partitions": ["2013-01", "2013-02", "2013-03"]}
    till.process(instance, dataset="takings", partitions=["2013-01", "2013-03"])
    assert tick(till, instance) == {"dataset": "takings", "partitions": ["2013-02", "2013-03"]}


def test_definitions_load_without_the_variable_and_the_plan_step_names_it(
    till: Shop, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BP_CONNECTION_TILL")
    result = till.run(instance, "takings", "2013-01", raises=False)
    assert "set the environment variable BP_CONNECTION_TILL" in failure_text(result)


def test_a_query_that_is_wrong_in_a_partitioned_dataset_is_refused_with_file_and_line(till: Shop) -> None:
    till.declare("takings", {**TAKINGS, "sql": "select id from takings"})
    with pytest.raises(Exception, match=r"defs/takings/defs.yaml:\d+: sql: partitions by time need both"):
        till.definitions()


def test_a_query_has_no_inbox_sensor(till: Shop) -> None:
    assert "takings_inbox" not in {each.name for each in till.definitions().sensors or ()}
