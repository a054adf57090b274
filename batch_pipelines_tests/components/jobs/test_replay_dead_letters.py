"""The job `replay_dead_letters`: flat config, real runs in this process, and what the UI is told."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from batch_pipelines.components.jobs.flat_config import refusal_of
from batch_pipelines.components.jobs.replay_config import PlanReplayConfig, replay_of, run_config_model
from batch_pipelines.components.jobs.replay_dead_letters import replay_dead_letters_job
from batch_pipelines.orchestration.session import open_processing
from batch_pipelines.processing.dead_letters.selection import Wanted
from batch_pipelines.processing.declaration.catalog import Catalog
from batch_pipelines.processing.replaying.replay import Replay, accept
from batch_pipelines_tests.components.shop import Shop, failure_text, materialised

JOB = "replay_dead_letters"


@pytest.fixture
def sold(shop: Shop, instance: dg.DagsterInstance) -> Shop:
    """Two months, each with a sale of a store that there is not."""
    shop.declare_sales()
    shop.sell("2013-01", bad=1)
    shop.sell("2013-02", rows=4, bad=2)
    shop.process(instance, dataset="sales")
    return shop


def replay(
    shop: Shop, instance: dg.DagsterInstance, *, raises: bool = True, **config: Any
) -> dg.ExecuteInProcessResult:
    return shop.job(JOB).execute_in_process(run_config=config, instance=instance, raise_on_error=raises)


def test_what_is_good_by_now_is_written_and_materialised(sold: Shop, instance: dg.DagsterInstance) -> None:
    sold.write("sources/stores.csv", "store\nA\nB\nX\n")
    sold.process(instance, dataset="stores")
    result = replay(sold, instance, dataset="sales")
    events = materialised(result, "sales")
    assert set(events) == {"2013-01", "2013-02"}
    assert (events["2013-02"]["items_written"], events["2013-02"]["items_dead_lettered"]) == (6, 0)
    assert events["2013-02"]["outcome"] == (
        "6 read, 6 written, 0 dead-lettered; 2 dead letters tried: 2 written, 0 still dead"
    )
    assert materialised(result, "sales_dead_letters")["2013-01"]["dead_letters"] == 0
    assert sold.rows("sales") == 10
    checks = {check.check_name: check.passed for check in result.get_asset_check_evaluations()}
    assert checks["open_dead_letters"]
    assert checks["row_count"]


def test_nothing_meant_ends_well_and_says_so(sold: Shop, instance: dg.DagsterInstance) -> None:
    result = replay(sold, instance, dataset="sales", reason="no such reason")
    assert result.success
    assert materialised(result, "sales") == {}
    said = [event.message for event in instance.all_logs(result.run_id)]
    assert any("nothing to do: none of the 3 dead letters of sales is meant" in str(message) for message in said)


def test_a_selection_and_a_correction_hold_for_what_is_meant(sold: Shop, instance: dg.DagsterInstance) -> None:
    one: dict[str, Any] = {"partitions": ["2013-02"], "where": "id = '5'"}
    replay(sold, instance, **{**one, "dataset": "sales", "set": {"store": "'B'"}, "note": "typo"})
    assert (sold.rows("sales", "2013-01"), sold.rows("sales", "2013-02")) == (3, 5)
    again = materialised(sold.process(instance, dataset="sales", force=True), "sales")
    assert (again["2013-01"]["items_written"], again["2013-02"]["items_written"]) == (3, 5)


def test_a_partition_that_cannot_be_replayed_fails_the_run_and_is_named(
    sold: Shop, instance: dg.DagsterInstance
) -> None:
    sold.declare_sales(where="amount < 1000")
    text = failure_text(replay(sold, instance, raises=False, dataset="sales", partitions=["2013-01"]))
    assert "sales/2013-01: its rules have changed since it was processed" in text


def test_wrong_sql_fails_the_run_with_one_line(sold: Shop, instance: dg.DagsterInstance) -> None:
    text = failure_text(replay(sold, instance, raises=False, dataset="sales", where="shop = 1"))
    assert text.startswith('where: Binder Error: Referenced column "shop" not found')


def test_every_field_has_a_default_and_a_description() -> None:
    fields = run_config_model(["flights", "stores"]).model_fields
    assert set(fields) == {"dataset", "partitions", "reason", "where", "set", "accepted", "note"}
    assert all(not field.is_required() and field.description for field in fields.values())


def test_config_is_read_as_it_is_meant() -> None:
    config = PlanReplayConfig(dataset="sales", reason="in: store", set={"store": "'B'"})
    asked = replay_of(config, root_run="r", who="ann")
    assert (asked.partitions, asked.wanted) == (None, Wanted("in: store", None))
    assert (asked.changes, asked.note, asked.who, asked.root_run) == ({"store": "'B'"}, None, "ann", "r")


def test_wrong_config_gets_one_clear_line() -> None:
    said = refusal_of(run_config_model(["sales"]), {"dataset": "sales", "reasons": "x"})
    assert said == "unknown key 'reasons'; did you mean 'reason'?"


def test_a_deployment_without_datasets_has_no_such_job() -> None:
    assert replay_dead_letters_job(Catalog("dataset", {})) is None


def test_accepted_letters_do_not_warn_and_are_told_apart(sold: Shop, instance: dg.DagsterInstance) -> None:
    with open_processing() as processing:
        accept(processing, Replay("sales", ["2013-02"], Wanted(reason="in: store")))
    result = sold.process(instance, dataset="sales")
    (check,) = [one for one in result.get_asset_check_evaluations() if one.check_name == "open_dead_letters"]
    assert (check.passed, check.description) == (False, "1 dead letters are open; 2 are accepted")


def test_the_example_is_what_the_job_takes() -> None:
    example = yaml.safe_load((Path(__file__).parents[3] / "examples" / "replay_dead_letters.yaml").read_text())
    assert refusal_of(run_config_model(["flights"]), example) is None
