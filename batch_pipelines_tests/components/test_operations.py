"""The operations every deployment has: the janitor and the pools' limits."""

import os
import time
from pathlib import Path

import dagster as dg

from batch_pipelines.components.operations import clean_up_schedule, pool_limits_sensor
from batch_pipelines.definitions import defs
from batch_pipelines.orchestration.names import OPERATIONS
from batch_pipelines_tests.components.report_shop import ReportShop
from batch_pipelines_tests.components.shop import Shop, warnings


def test_the_janitor_removes_files_that_nobody_names_and_leaves_the_table(
    shop: Shop, instance: dg.DagsterInstance
) -> None:
    shop.declare_sales()
    shop.sell("2013-01")
    shop.process(instance, dataset="sales")
    orphan = shop.write("data/datasets/sales/2013-01/orphan.parquet", "nobody")
    result = shop.job("clean_up_files").execute_in_process(instance=instance)
    assert result.success
    assert not orphan.exists()
    assert shop.rows("sales") == 3


def test_the_janitor_leaves_out_a_table_that_cannot_be_read(shop: Shop, instance: dg.DagsterInstance) -> None:
    shop.declare_sales()
    shop.sell("2013-01")
    shop.process(instance, dataset="sales")
    shop.write("data/datasets/sales/_delta_log/00000000000000000001.json", "{")
    orphan = shop.write("data/datasets/stores/all/orphan.parquet", "nobody")
    result = shop.job("clean_up_files").execute_in_process(instance=instance)
    assert not orphan.exists()
    assert any(said.startswith("left out: the log of table 'sales'") for said in warnings(instance, result))


def test_the_janitor_comes_every_day_without_being_asked() -> None:
    assert clean_up_schedule.default_status is dg.DefaultScheduleStatus.RUNNING
    assert clean_up_schedule.cron_schedule == "0 3 * * *"


def test_pool_limits_are_set_where_nobody_has_set_one(disk_instance: dg.DagsterInstance) -> None:
    disk_instance.event_log_storage.set_concurrency_slots("send_emails", 1)
    context = dg.build_sensor_context(instance=disk_instance)
    first = pool_limits_sensor(context)
    assert "process_data 10, generate_report 2" in str(first)
    limits = {pool.name: pool.limit for pool in disk_instance.event_log_storage.get_pool_limits()}
    assert limits == {"process_data": 10, "generate_report": 2, "send_emails": 1}
    assert "every pool has a limit" in str(pool_limits_sensor(context))


def test_all_that_is_shipped_loads_as_the_ui_loads_it(home: Path) -> None:
    assert home.exists()
    dg.Definitions.validate_loadable(defs())


def test_the_names_of_all_steps_that_no_pipeline_declares_are_known_to_be_taken(home: Path) -> None:
    assert home.exists()
    repository = defs().get_repository_def()
    taken = {name for steps in OPERATIONS.values() for name in steps}
    made = {node.name for job in OPERATIONS for node in repository.get_job(job).all_node_defs}
    assert made - set(OPERATIONS) == taken


def test_a_report_on_record_outlives_newer_makings_that_nobody_recorded(
    shop: Shop, instance: dg.DagsterInstance
) -> None:
    reports = ReportShop(shop, instance)
    reports.sell("2013-01")
    reports.declare(deliver=None)
    reports.run("2013-01")
    window = shop.home / "data/reports/monthly/2013-01"
    (on_record,) = window.iterdir()
    others = [shop.write(f"data/reports/monthly/2013-01/id{age}/manifest.json", "{}").parent for age in range(2, 7)]
    for age, folder in enumerate([*others, on_record], 2):
        os.utime(folder, (time.time() - age * 86_400,) * 2)
    assert shop.job("clean_up_files").execute_in_process(instance=instance).success
    assert [folder.exists() for folder in others] == [True, True, True, False, False]
    assert on_record.exists()
