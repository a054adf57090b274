"""`bp export`, and exports of `bp process`."""

import json
from pathlib import Path

from batch_pipelines_tests.cli.deployment import ORDERS, Deployment
from batch_pipelines_tests.processing.declaration.declarations import write_dataset
from batch_pipelines_tests.processing.export.targets import held, query

TARGETS = "export: [{csv: 'out/orders-{partition}.csv'}, {table: orders, connection: mart}]\n"


def mart(home: Path) -> str:
    return f"sqlite:///{home}/mart.db"


def test_processing_exports_and_exporting_again_writes_nothing(fresh: Deployment) -> None:
    write_dataset(fresh.home / "defs", "orders", TARGETS + ORDERS.strip())
    done = fresh.bp("process", "orders", BP_CONNECTION_MART="sqlite:///mart.db")

    assert done.exit_code == 0, done.stderr
    assert "orders/2024-01 → mart:orders: 3 rows written" in done.stderr
    assert {key: len(ids) for key, ids in held(mart(fresh.home)).items()} == {"2024-01": 3, "2024-02": 1}

    again = fresh.bp("export", "orders", "--json", BP_CONNECTION_MART="sqlite:///mart.db")
    assert {row["done"] for row in json.loads(again.stdout)} == {"current"}


def test_one_partition_can_be_asked_for_and_an_unknown_one_is_named(fresh: Deployment) -> None:
    fresh.process("orders")
    write_dataset(fresh.home / "defs", "orders", TARGETS + ORDERS.strip())
    done = fresh.bp("export", "orders", "-p", "2024-02", BP_CONNECTION_MART="sqlite:///mart.db")

    assert "orders/2024-02 → out/orders-2024-02.csv: 1 rows written" in done.stdout
    assert query(mart(fresh.home), "SELECT partition FROM bp_exports") == [{"partition": "2024-02"}]

    unknown = fresh.bp("export", "orders", "-p", "2025-02", BP_CONNECTION_MART="sqlite:///mart.db")
    assert unknown.exit_code == 3
    assert "partition '2025-02' of orders is not published; published: 2024-01, 2024-02" in unknown.stderr


def test_what_fails_is_a_line_and_exit_code_1(fresh: Deployment) -> None:
    fresh.process("orders")
    write_dataset(fresh.home / "defs", "orders", TARGETS + ORDERS.strip())
    done = fresh.bp("export", "orders")

    assert done.exit_code == 1
    assert "error: orders/2024-01 → mart:orders: connection 'mart' is not known here" in done.stderr
    assert "2 exports failed" in done.stderr
    assert (fresh.home / "out/orders-2024-01.csv").exists()


def test_a_dataset_without_targets_is_wrong_usage(fresh: Deployment) -> None:
    done = fresh.bp("export", "customers")
    assert done.exit_code == 2
    assert "customers has no targets" in done.stderr
