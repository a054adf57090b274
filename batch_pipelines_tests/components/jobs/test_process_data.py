"""The job `process_data`: its run config, and that it and asset jobs find each other's work."""

import dagster as dg
import pytest
from pydantic import ValidationError

from batch_pipelines.components.jobs.flat_config import refusal_of
from batch_pipelines.components.jobs.process_data import process_data_job as process_data_job_of
from batch_pipelines.components.jobs.process_data_config import PlanConfig, order_of, run_config_model
from batch_pipelines.core.declaring.quantities import MB
from batch_pipelines.orchestration.session import open_processing
from batch_pipelines.processing.declaration.catalog import Catalog
from batch_pipelines.processing.pipeline import Overrides
from batch_pipelines_tests.components.shop import Shop, failure_text, materialised, warnings

NAMES = ["airlines", "flights", "planes"]


def config(**values: object) -> PlanConfig:
    return PlanConfig(dataset="sales", **values)  # type: ignore[arg-type]


def test_without_config_it_processes_every_partition_that_has_files(shop: Shop, instance: dg.DagsterInstance) -> None:
    shop.declare_sales()
    shop.sell("2013-01")
    shop.sell("2013-03")
    result = shop.process(instance, dataset="sales")
    assert set(materialised(result, "sales")) == {"2013-01", "2013-03"}


def test_files_of_the_inbox_that_fit_no_partition_are_warned_of(shop: Shop, instance: dg.DagsterInstance) -> None:
    shop.declare_sales()
    shop.sell("2013-01")
    shop.write("data/inbox/sales/Sales_2013-02.csv", "x\n")
    result = shop.process(instance, dataset="sales")
    [warned] = warnings(instance, result)
    assert warned.startswith("data/inbox/sales/Sales_2013-02.csv: the name does not fit sales-{%Y-%m}.csv")
    assert warned.endswith("rename the file, for example to sales-2013-01.csv")


def test_the_launchpad_opens_on_flights_and_otherwise_on_the_first_dataset() -> None:
    assert run_config_model(NAMES)().dataset == "flights"  # type: ignore[attr-defined]
    assert run_config_model(["b", "a"])().dataset == "b"  # type: ignore[attr-defined]


def test_every_field_has_a_default_and_a_description() -> None:
    fields = run_config_model(NAMES).model_fields
    assert set(fields) == {
        *("dataset", "partitions", "force", "chunk_size", "lanes", "attempts"),
        *("soft_time_limit", "hard_time_limit", "items", "processor", "items_per_chunk"),
    }
    assert all(not field.is_required() and field.description for field in fields.values())


def test_it_finds_nothing_to_do_after_the_asset_job(shop: Shop, instance: dg.DagsterInstance) -> None:
    shop.declare_sales()
    shop.sell("2013-01")
    first = materialised(shop.run(instance, "sales", "2013-01"), "sales")["2013-01"]
    result = shop.process(instance, dataset="sales", partitions=["2013-01"])
    assert materialised(result, "sales") == {}
    again = materialised(shop.run(instance, "sales", "2013-01"), "sales")["2013-01"]
    assert again["publication"] == first["publication"] == 1


def test_the_asset_job_finds_nothing_to_do_after_it(shop: Shop, instance: dg.DagsterInstance) -> None:
    shop.declare_sales()
    shop.sell("2013-01")
    first = materialised(shop.process(instance, dataset="sales"), "sales")["2013-01"]
    again = materialised(shop.run(instance, "sales", "2013-01"), "sales")["2013-01"]
    assert (again["batch_key"], again["publication"]) == (first["batch_key"], first["publication"])
    assert set(again) == set(first)


def test_it_logs_what_is_current_where_dagster_knows_nothing_of_it(shop: Shop, instance: dg.DagsterInstance) -> None:
    shop.declare_sales()
    shop.sell("2013-01")
    shop.process(instance, dataset="sales")
    with dg.DagsterInstance.ephemeral() as fresh:
        assert set(materialised(shop.process(fresh, dataset="sales"), "sales")) == {"2013-01"}


def test_it_logs_what_was_published_after_a_run_had_logged_the_partition(
    shop: Shop, instance: dg.DagsterInstance
) -> None:
    shop.declare_sales()
    shop.sell("2013-01")
    shop.sell("2013-02")
    shop.process(instance, dataset="sales")
    shop.sell("2013-01", rows=5)
    with open_processing() as killed_before_it_logged:
        killed_before_it_logged.run("sales")
    logged = materialised(shop.process(instance, dataset="sales"), "sales")
    assert {partition: table["items_written"] for partition, table in logged.items()} == {"2013-01": 5}
    assert materialised(shop.process(instance, dataset="sales"), "sales") == {}


def test_force_makes_a_new_generation(shop: Shop, instance: dg.DagsterInstance) -> None:
    shop.declare_sales()
    shop.sell("2013-01")
    shop.process(instance, dataset="sales")
    again = materialised(shop.process(instance, dataset="sales", force=True), "sales")["2013-01"]
    assert (again["generation"], again["publication"]) == (2, 2)
    assert shop.rows("sales") == 3


def test_reprocessing_one_partition_replaces_only_that(shop: Shop, instance: dg.DagsterInstance) -> None:
    shop.declare_sales()
    shop.sell("2013-01", rows=3)
    shop.sell("2013-02", rows=4)
    shop.process(instance, dataset="sales")
    shop.sell("2013-02", rows=6)
    result = shop.process(instance, dataset="sales")
    assert set(materialised(result, "sales")) == {"2013-02"}
    assert (shop.rows("sales", "2013-01"), shop.rows("sales", "2013-02")) == (3, 6)


def test_a_chunk_size_in_the_config_is_taken(shop: Shop, instance: dg.DagsterInstance) -> None:
    shop.declare_sales()
    shop.sell("2013-01", rows=20)
    metadata = materialised(shop.process(instance, dataset="sales", chunk_size="40B"), "sales")["2013-01"]
    assert len(metadata["chunks"].records) > 3


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"dataset": "flihgts"}, "dataset: 'flihgts' is not allowed; write 'airlines', 'flights' or 'planes'"),
        ({"partition": ["2013-01"]}, "unknown key 'partition'; did you mean 'partitions'?"),
        ({"partitions": "2013-01"}, "partitions: '2013-01' is not a list"),
        ({"lanes": "two", "force": 7}, "force: "),
    ],
)
def test_wrong_config_gets_one_clear_line(given: dict[str, object], said: str) -> None:
    refusal = refusal_of(run_config_model(NAMES), given)
    assert refusal is not None
    assert said in refusal
    assert "\n" not in refusal


def test_wrong_config_is_refused_before_there_is_a_run(shop: Shop, instance: dg.DagsterInstance) -> None:
    shop.declare_sales()
    with pytest.raises(dg.DagsterInvalidConfigError, match=r"^run config: unknown key 'partition'; did you mean"):
        shop.process(instance, partition=["2013-01"])
    assert instance.get_runs() == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"chunk_size": "16XB"}, "run config: chunk_size: '16XB' is not a size; write for example 256KB or 16MB"),
        ({"lanes": 0}, "run config: lanes: 0 is out of range; write a number from 1 to 64, or null"),
        ({"attempts": 101}, "run config: attempts: 101 is out of range; write a number from 1 to 100, or null"),
        ({"hard_time_limit": "soon"}, "run config: hard_time_limit: 'soon' is not a duration; write for example"),
        (
            {"soft_time_limit": "5m", "hard_time_limit": "60s"},
            "run config: soft_time_limit: 300 s is longer than hard_time_limit, 60 s",
        ),
    ],
)
def test_a_value_that_cannot_be_is_named_with_what_to_write(given: dict[str, object], said: str) -> None:
    with pytest.raises(dg.Failure) as caught:
        order_of(config(**given))
    assert str(caught.value.description).startswith(said)
    assert caught.value.allow_retries is False


def test_units_are_read() -> None:
    order = order_of(config(chunk_size="16MB", attempts=2, soft_time_limit="1m", hard_time_limit="90s"))
    assert order.overrides == Overrides(chunk_size=16 * MB, attempts=2, soft_s=60.0, hard_s=90.0)


def test_no_partitions_are_all_partitions() -> None:
    assert order_of(config()).partitions is None


def test_an_impossible_partition_fails_the_run_and_is_named(shop: Shop, instance: dg.DagsterInstance) -> None:
    shop.declare_sales()
    result = shop.process(instance, raises=False, dataset="sales", partitions=["2013-13"])
    assert "sales/2013-13: partition '2013-13' is not a month; write for example 2013-01" in failure_text(result)


def test_a_deployment_without_datasets_has_no_such_job() -> None:
    assert process_data_job_of(Catalog("dataset", {})) is None


def test_the_model_forbids_what_it_does_not_know() -> None:
    with pytest.raises(ValidationError):
        run_config_model(NAMES)(nonsense=1)
