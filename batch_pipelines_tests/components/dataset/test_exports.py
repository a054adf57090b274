"""Exports in Dagster: an asset of their own, downstream of the table, whose failure leaves the publication alone."""

from pathlib import Path

import dagster as dg
import pytest

from batch_pipelines_tests.components.shop import Shop, failure_text, materialised
from batch_pipelines_tests.processing.export.targets import execute, held, query

TARGETS = [{"csv": "out/sales-{partition}.csv"}, {"table": "sales", "connection": "mart"}]


@pytest.fixture
def mart(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> str:
    shop.declare_sales(export=TARGETS)
    monkeypatch.setenv("BP_CONNECTION_MART", "sqlite:///mart.db")
    return f"sqlite:///{shop.home}/mart.db"


def evaluations(result: dg.ExecuteInProcessResult) -> dict[str, bool]:
    return {each.check_name: each.passed for each in result.get_asset_check_evaluations()}


def known(instance: dg.DagsterInstance, asset: str) -> set[str]:
    return set(instance.get_materialized_partitions(dg.AssetKey(asset)))


def test_a_run_publishes_then_exports_then_checks(shop: Shop, instance: dg.DagsterInstance, mart: str) -> None:
    shop.sell("2013-01")
    result = shop.run(instance, "sales", "2013-01")

    assert held(mart, "sales") == {"2013-01": [0, 1, 2]}
    assert (shop.home / "out/sales-2013-01.csv").read_text().count("\n") == 4
    (metadata,) = materialised(result, "sales_exports").values()
    assert metadata["dagster/partition_row_count"] == 3
    assert "mart:sales" in metadata["targets"]
    assert evaluations(result)["exported"] is True


def test_a_range_is_exported_in_one_run(shop: Shop, instance: dg.DagsterInstance, mart: str) -> None:
    for month in ("2013-01", "2013-02"):
        shop.sell(month)
    result = shop.run(instance, "sales", "2013-01", "2013-02")

    assert set(materialised(result, "sales_exports")) == {"2013-01", "2013-02"}
    assert set(held(mart, "sales")) == {"2013-01", "2013-02"}


@pytest.mark.parametrize("through", ["asset job", "process_data"])
def test_a_failed_export_fails_the_run_but_not_the_publication_and_a_re_run_goes_on(
    shop: Shop, instance: dg.DagsterInstance, mart: str, through: str
) -> None:
    def go(raises: bool) -> dg.ExecuteInProcessResult:  # noqa: FBT001
        if through == "asset job":
            return shop.run(instance, "sales", "2013-01", raises=raises)
        return shop.process(instance, raises=raises, dataset="sales", partitions=["2013-01"])

    Path(mart.removeprefix("sqlite:///")).touch()
    execute(mart, "CREATE TABLE sales (id INTEGER)")
    shop.sell("2013-01")
    failed = go(raises=False)

    assert not failed.success
    assert "the columns do not fit: 'store' is missing" in failure_text(failed)
    assert known(instance, "sales") == {"2013-01"}
    assert known(instance, "sales_exports") == set()
    assert shop.rows("sales") == 3
    assert (shop.home / "out/sales-2013-01.csv").exists()

    execute(mart, "DROP TABLE sales")
    assert go(raises=True).success
    assert held(mart, "sales") == {"2013-01": [0, 1, 2]}
    assert [batch.generation for batch in shop.batches("sales")] == [1]


def test_good_partitions_are_exported_although_another_failed(
    shop: Shop, instance: dg.DagsterInstance, mart: str
) -> None:
    shop.sell("2013-01")
    result = shop.run(instance, "sales", "2013-01", "2013-02", raises=False)

    assert not result.success
    assert known(instance, "sales") == {"2013-01"}
    assert known(instance, "sales_exports") == {"2013-01"}
    assert held(mart, "sales") == {"2013-01": [0, 1, 2]}


def test_process_data_exports_and_logs_the_check(shop: Shop, instance: dg.DagsterInstance, mart: str) -> None:
    shop.sell("2013-01")
    result = shop.process(instance, dataset="sales", partitions=["2013-01"])

    assert set(materialised(result, "sales_exports")) == {"2013-01"}
    assert query(mart, "SELECT count(*) AS n FROM sales") == [{"n": 3}]
    assert instance.get_latest_materialization_event(dg.AssetKey("sales_exports"))


def test_definitions_load_without_the_variable_and_the_run_names_it(
    shop: Shop, instance: dg.DagsterInstance, mart: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BP_CONNECTION_MART")
    shop.sell("2013-01")
    result = shop.run(instance, "sales", "2013-01", raises=False)

    assert "set the environment variable BP_CONNECTION_MART" in failure_text(result)


def test_a_dataset_without_targets_has_no_such_asset(shop: Shop) -> None:
    shop.declare_sales()
    keys = {key.to_user_string() for key in shop.definitions().resolve_all_asset_keys()}
    assert not any("exports" in key for key in keys)


def test_a_dataset_of_one_partition_is_exported_too(shop: Shop, instance: dg.DagsterInstance) -> None:
    shop.write("sources/one.csv", "id\n1\n")
    shop.declare("one", {"source": "sources/one.csv", "export": {"csv": "out/one.csv"}, "columns": {"id": "int"}})
    result = shop.run(instance, "one")

    assert set(materialised(result, "one_exports")) == {None}
    assert (shop.home / "out/one.csv").read_text() == '"id"\n1\n'
