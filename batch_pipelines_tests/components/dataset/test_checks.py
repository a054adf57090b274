"""Checks after a run: they pass on what is right, and fail on each thing that can be wrong."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest
from deltalake import DeltaTable

from batch_pipelines.components.dataset import checks
from batch_pipelines.components.dataset.checks import conservation, open_dead_letters, rejects
from batch_pipelines.core.model import BatchState, Counts
from batch_pipelines.lake.query import rows_by_partition
from batch_pipelines.orchestration.session import open_processing
from batch_pipelines.processing.reports import BatchReport
from batch_pipelines_tests.components.shop import Shop, failure_text

REPORT = BatchReport(
    batch_id=1,
    dataset="sales",
    partition="2013-01",
    state=BatchState.PUBLISHED,
    ok=True,
    message="",
    key="k",
    generation=1,
    publication=1,
    counts=Counts(items=10, written=7, filtered=1, dead=2),
    seconds=1.0,
    reasons={},
    warnings={},
    samples=[],
    chunks=[],
    files=[],
    columns=[],
)


def verdicts(result: dg.ExecuteInProcessResult) -> Mapping[str, tuple[bool, bool]]:
    """By check: whether it passed, whether it is a mere warning."""
    return {
        each.check_name: (each.passed, each.severity is dg.AssetCheckSeverity.WARN)
        for each in result.get_asset_check_evaluations()
    }


def test_after_a_good_run_all_pass(shop: Shop, instance: dg.DagsterInstance) -> None:
    shop.declare_sales(max_reject_rate="50%")
    shop.sell("2013-01")
    assert verdicts(shop.run(instance, "sales", "2013-01")) == {
        "conservation": (True, False),
        "row_count": (True, False),
        "reject_rate": (True, False),
        "open_dead_letters": (True, True),
    }


def test_dead_letters_warn_and_the_run_succeeds(shop: Shop, instance: dg.DagsterInstance) -> None:
    shop.declare_sales()
    shop.sell("2013-01", bad=2)
    result = shop.run(instance, "sales", "2013-01")
    assert result.success
    assert verdicts(result)["open_dead_letters"] == (False, True)


def test_rows_that_are_not_the_ledgers_fail_the_row_count(shop: Shop, instance: dg.DagsterInstance) -> None:
    shop.declare_sales()
    shop.sell("2013-01")
    shop.sell("2013-02")
    shop.run(instance, "sales", "2013-01", "2013-02")
    DeltaTable(shop.settings.data / "datasets" / "sales").delete("_partition = '2013-01'")
    result = shop.run(instance, "sales", "2013-02", raises=False)
    [found] = [each for each in result.get_asset_check_evaluations() if each.check_name == "row_count"]
    assert not found.passed
    assert "| 2013-01 | 3 | 0 |" in str(found.metadata["partitions"].value)
    assert not result.success


def test_a_limit_that_was_lowered_fails_the_reject_rate(shop: Shop, instance: dg.DagsterInstance) -> None:
    shop.declare_sales(max_reject_rate="50%")
    shop.sell("2013-01", rows=3, bad=1)
    assert verdicts(shop.run(instance, "sales", "2013-01"))["reject_rate"] == (True, False)
    shop.declare_sales(max_reject_rate="10%")
    assert verdicts(shop.run(instance, "sales", "2013-01", raises=False))["reject_rate"] == (False, False)


def test_process_data_makes_the_same_checks_and_fails_with_them(shop: Shop, instance: dg.DagsterInstance) -> None:
    shop.declare_sales(max_reject_rate="50%")
    shop.sell("2013-01", rows=3, bad=1)
    assert verdicts(shop.process(instance, dataset="sales")) == {
        "conservation": (True, False),
        "row_count": (True, False),
        "reject_rate": (True, False),
        "open_dead_letters": (False, True),
    }
    shop.declare_sales(max_reject_rate="10%")
    broken = shop.process(instance, dataset="sales", raises=False)
    assert not broken.success
    assert "reject_rate: at most 25.00% of a partition are dead letters; 10.00% are allowed" in failure_text(broken)


def test_an_item_that_is_nowhere_fails_the_conservation() -> None:
    lost = replace(REPORT, partition="2013-02", counts=Counts(items=10, written=7, filtered=1, dead=1))
    finding = conservation([REPORT, lost])
    assert finding.wrong == [{"partition": "2013-02", "read": 10, "accounted for": 9}]


def test_items_that_are_all_accounted_for_pass_the_conservation() -> None:
    assert conservation([REPORT]).wrong == []


def test_no_limit_rejects_nothing_and_says_so() -> None:
    finding = rejects([REPORT], None)
    assert (finding.wrong, finding.said) == (
        [],
        "at most 20.00% of a partition are dead letters; no limit is declared",
    )


def test_a_share_at_the_limit_is_allowed() -> None:
    assert rejects([REPORT], 0.2).wrong == []
    assert len(rejects([REPORT], 0.19).wrong) == 1


def test_a_dataset_without_batches_has_no_dead_letters() -> None:
    assert open_dead_letters([]).said == "there are none"


def test_what_guards_the_table_blocks_and_dead_letters_do_not(shop: Shop) -> None:
    shop.declare_sales()
    graph = shop.definitions().resolve_asset_graph()
    specs = {
        key.name: graph.get_check_spec(key)
        for key in graph.asset_check_keys
        if "sales" in key.asset_key.to_user_string()
    }
    assert {name for name, spec in specs.items() if spec.blocking} == {"conservation", "row_count", "reject_rate"}
    assert not specs["open_dead_letters"].blocking


def test_what_another_run_publishes_while_the_ledger_and_the_table_are_read_is_no_fault(
    shop: Shop, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.declare_sales()
    shop.sell("2013-01")
    shop.process(instance, dataset="sales")
    shop.sell("2013-02")
    looks: list[dict[str, int]] = []

    def published_meanwhile(data: Path, name: str) -> dict[str, int]:
        if not looks:
            with open_processing() as other:
                other.run("sales", ["2013-02"])
        looks.append(rows_by_partition(data, name))
        return looks[-1]

    monkeypatch.setattr(checks, "rows_by_partition", published_meanwhile)
    with open_processing() as processing:
        results = checks.check_dataset(processing, shop.declaration("sales"))
    assert [len(look) for look in looks] == [2, 2]
    assert {key.name for key, result in results.items() if not result.passed} == set()
