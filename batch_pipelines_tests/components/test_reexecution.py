"""Re-execution after a crash: whatever Dagster leaves out, a green run has every row."""

import json
import os
import signal
import subprocess
import sys
from typing import Any

import dagster as dg
import pytest

from batch_pipelines.core.faults import arm
from batch_pipelines_tests.components.shop import Shop

ROWS = 40
PARTITION = {"dagster/partition": "2013-01"}
NO_RETRIES: dict[str, Any] = {"execution": {"config": {"retries": {"disabled": {}}}}}


def sales_job() -> dg.JobDefinition:
    """The job under test, by a name that Dagster can find again."""
    from batch_pipelines.definitions import defs  # noqa: PLC0415  only once the environment names the deployment

    return defs().resolve_job_def("sales_job")


def process_data_job() -> dg.JobDefinition:
    """The other one."""
    from batch_pipelines.definitions import defs  # noqa: PLC0415

    return defs().resolve_job_def("process_data")


@pytest.fixture
def big_shop(shop: Shop) -> Shop:
    """A month of many chunks."""
    shop.declare_sales(chunk_size="40B")
    shop.sell("2013-01", rows=ROWS)
    return shop


def test_a_run_that_lost_its_lanes_and_repeats_only_the_last_step_has_every_row(
    big_shop: Shop, disk_instance: dg.DagsterInstance
) -> None:
    job = dg.reconstructable(sales_job)
    arm("raise@lane.worked:5")
    try:
        with dg.execute_job(job, disk_instance, tags=PARTITION, run_config=NO_RETRIES) as broken:
            assert not broken.success
    finally:
        arm("")
    assert big_shop.rows("sales") == 0
    lost = dg.ReexecutionOptions(parent_run_id=broken.run_id, step_selection=["sales.publish"])
    with dg.execute_job(job, disk_instance, reexecution_options=lost, tags=PARTITION) as again:
        assert again.success
    assert big_shop.rows("sales") == ROWS


@pytest.mark.system
@pytest.mark.parametrize("point", ["lane.submitted:4", "lane.worked:4", "publish.delta_committed:2"])
def test_from_failure_after_a_kill_never_ends_green_with_rows_missing(
    big_shop: Shop, disk_instance: dg.DagsterInstance, point: str
) -> None:
    run = kill_at(point, big_shop, disk_instance, "sales_job", "--tags", json.dumps(PARTITION))
    resume = dg.ReexecutionOptions.from_failure(run.run_id, disk_instance)
    with dg.execute_job(
        dg.reconstructable(sales_job), disk_instance, reexecution_options=resume, tags=PARTITION
    ) as again:
        assert again.success
    assert big_shop.rows("sales") == ROWS


@pytest.mark.system
def test_the_re_execution_of_a_forced_run_goes_on_with_the_generation_it_began(
    big_shop: Shop, disk_instance: dg.DagsterInstance
) -> None:
    big_shop.process(disk_instance, dataset="sales")
    config = big_shop.write("config.yaml", "dataset: sales\nforce: true\n")
    run = kill_at("lane.worked:2", big_shop, disk_instance, "process_data", "-c", str(config))
    resume = dg.ReexecutionOptions.from_failure(run.run_id, disk_instance)
    with dg.execute_job(dg.reconstructable(process_data_job), disk_instance, reexecution_options=resume) as again:
        assert again.success
    assert [batch.generation for batch in big_shop.batches("sales")] == [1, 2]
    assert big_shop.rows("sales") == ROWS


@pytest.mark.system
def test_lanes_in_processes_of_their_own_share_the_chunks(shop: Shop, disk_instance: dg.DagsterInstance) -> None:
    shop.declare_sales(chunk_size="40B", lanes=2)
    shop.sell("2013-01", rows=ROWS)
    done = execute(shop, disk_instance, {}, "sales_job", "--tags", json.dumps(PARTITION))
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    assert shop.rows("sales") == ROWS
    [run] = disk_instance.get_runs()
    ends = disk_instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_SUCCESS)
    assert {"sales.lane[1]", "sales.lane[2]"} <= {str(end.step_key) for end in ends}


def execute(
    shop: Shop, instance: dg.DagsterInstance, environ: dict[str, str], job: str, *options: str
) -> subprocess.CompletedProcess[bytes]:
    """Run a job in a process of its own."""
    command = [sys.executable, "-m", "dagster", "job", "execute", "-m", "batch_pipelines.definitions", "-j", job]
    environ = {**os.environ, "DAGSTER_HOME": instance.root_directory, **environ}
    return subprocess.run([*command, *options], env=environ, cwd=shop.home, capture_output=True, check=False)


def kill_at(point: str, shop: Shop, instance: dg.DagsterInstance, job: str, *options: str) -> dg.DagsterRun:
    """Run a job in a process of its own that kills itself; return its run, told to have failed as a daemon would."""
    before = {run.run_id for run in instance.get_runs()}
    killed = execute(shop, instance, {"BP_FAULTS": f"kill@{point}"}, job, *options)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()[-2000:]
    [run] = [run for run in instance.get_runs() if run.run_id not in before]
    instance.report_run_failed(run)
    return run
