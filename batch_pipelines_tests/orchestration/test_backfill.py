"""A backfill in the foreground is one real run of the instance."""

import dagster as dg
import pytest

from batch_pipelines.orchestration.backfill import run_range
from batch_pipelines.orchestration.instance import open_instance
from batch_pipelines_tests.components.shop import Shop


@pytest.fixture(autouse=True)
def own_instance(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(shop.home))


def runs(shop: Shop) -> list[dg.DagsterRun]:
    with open_instance(shop.settings) as instance:
        return list(instance.get_runs())


def test_a_range_is_one_run_with_the_tags_of_a_range(shop: Shop) -> None:
    shop.declare_sales()
    months = ["2013-01", "2013-02", "2013-03"]
    for month in months:
        shop.sell(month)
    done = run_range(shop.settings, shop.declaration("sales"), months)
    assert (done.ok, done.failures) == (True, [])
    [run] = runs(shop)
    assert run.run_id == done.run_id
    assert run.job_name == "sales_job"
    assert run.tags["dagster/asset_partition_range_start"] == "2013-01"
    assert run.tags["dagster/asset_partition_range_end"] == "2013-03"
    assert shop.rows("sales") == 9


def test_a_range_of_files_is_one_run_too(shop: Shop) -> None:
    shop.declare("orders", {"source": "sources/orders/*.csv", "partitions": "file", "columns": {"n": "int"}})
    keys = [f"order-{number}" for number in range(4)]
    for key in keys:
        shop.write(f"sources/orders/{key}.csv", "n\n1\n2\n")
    assert run_range(shop.settings, shop.declaration("orders"), keys).ok
    assert len(runs(shop)) == 1
    assert shop.rows("orders") == 8


def test_what_failed_is_said(shop: Shop) -> None:
    shop.declare_sales()
    done = run_range(shop.settings, shop.declaration("sales"), ["2013-01"])
    assert not done.ok
    assert "1 of 1 partitions of sales failed" in done.failures[0]
