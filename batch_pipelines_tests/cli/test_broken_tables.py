"""A table that cannot be read: whoever names it is told, all others go on."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from batch_pipelines_tests.cli.deployment import Deployment


def spoil_the_log(folder: Path) -> None:
    newest = max((folder / "_delta_log").glob("*.json"))
    newest.write_bytes(newest.read_bytes()[:100])


def remove_a_part(folder: Path) -> None:
    next((folder / "2024-01").iterdir()).unlink()


def truncate_a_part(folder: Path) -> None:
    part = next((folder / "2024-01").iterdir())
    part.write_bytes(part.read_bytes()[:-9])


def spoil_a_part(folder: Path) -> None:
    """Of the right size, but no Parquet."""
    part = next((folder / "2024-01").iterdir())
    part.write_bytes(b"x" * part.stat().st_size)


DAMAGES = {
    spoil_the_log: "the log of table 'orders' cannot be read (",
    remove_a_part: "table 'orders' is damaged: part 2024-01/",
    truncate_a_part: "table 'orders' is damaged: part 2024-01/",
    spoil_a_part: "table 'orders' is damaged: ",
}


@pytest.fixture(params=DAMAGES, ids=lambda damage: damage.__name__)
def said(request: pytest.FixtureRequest, fresh: Deployment) -> str:
    """What is said of the table after it was damaged."""
    fresh.process("orders")
    request.param(fresh.home / "data" / "datasets" / "orders")
    return DAMAGES[request.param]


def test_only_queries_that_name_a_broken_table_fail(fresh: Deployment, said: str) -> None:
    named = fresh.bp("query", "select count(*) from Orders")
    joined = fresh.bp("query", "from customers join orders on customer = customers.id")
    other = fresh.bp("query", "select count(*) as n from customers", "--csv")

    for failed in (named, joined):
        assert failed.exit_code == 1
        assert failed.stderr.startswith(f"error: {said}")
        assert failed.stderr.count("\n") == 1
    assert (other.exit_code, other.stdout, other.stderr) == (0, "n\n2\n", "")


def test_tables_are_listed_without_the_broken_one_which_is_spoken_of(fresh: Deployment, said: str) -> None:
    listed = fresh.bp("query", "show tables", "--csv")

    assert (listed.exit_code, listed.stdout) == (0, "name\ncustomers\n")
    assert listed.stderr.startswith(f"left out: {said}")


@pytest.mark.parametrize("damage", [spoil_the_log, remove_a_part, truncate_a_part])
def test_the_list_of_datasets_shows_which_table_is_broken_and_why(
    fresh: Deployment, damage: Callable[[Path], None]
) -> None:
    fresh.process("orders")
    damage(fresh.home / "data" / "datasets" / "orders")
    everything, one = fresh.bp("datasets"), fresh.bp("datasets", "orders")
    customers, orders = json.loads(fresh.bp("datasets", "--json").stdout)

    assert (everything.exit_code, one.exit_code) == (0, 0)
    assert [line.split()[:5] for line in everything.stdout.splitlines()[2:]] == [
        ["customers", "2", "1", "of", "1"],
        ["orders", "broken", "2", "of", "2"],
    ]
    assert (customers["broken"], customers["rows"]) == (None, 2)
    assert orders["rows"] is None
    for told in (everything.stderr, one.stderr, orders["broken"]):
        assert told.startswith(
            ("the log of table 'orders' cannot be read (", "table 'orders' is damaged: part 2024-01")
        )
    assert one.stdout.splitlines()[-1].split()[:2] == ["2024-02", "published"]


def test_a_partition_whose_part_is_missing_is_whole_again_when_it_is_processed_with_force(fresh: Deployment) -> None:
    fresh.process("orders")
    remove_a_part(fresh.home / "data" / "datasets" / "orders")

    again = fresh.bp("process", "orders", "2024-01", "--force")

    assert again.exit_code == 0
    assert fresh.bp("query", "select count(*) as n from orders", "--csv").stdout == "n\n4\n"


def test_the_janitor_leaves_a_table_alone_that_it_cannot_read_and_sweeps_the_others(fresh: Deployment) -> None:
    fresh.process("orders")
    folder = fresh.home / "data" / "datasets"
    for name in ("orders/2024-01", "customers/all"):
        (folder / name / "00000000-g1-c00000-e1-abcdef.parquet").write_bytes(b"x")
    spoil_the_log(folder / "orders")
    before = {file for file in (folder / "orders").rglob("*") if file.is_file()}

    result = fresh.bp("janitor")

    assert result.exit_code == 0
    assert result.stderr.startswith("left out: the log of table 'orders' cannot be read (")
    assert "1 file removed" in result.stdout
    assert {file for file in (folder / "orders").rglob("*") if file.is_file()} == before
