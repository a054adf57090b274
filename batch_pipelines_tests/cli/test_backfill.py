"""`bp backfill`: which partitions are meant. The runs themselves: test_runs_in_dagster.py."""

import pytest

from batch_pipelines_tests.cli.deployment import Deployment


@pytest.mark.parametrize("arguments", [[], ["--all", "--missing"], ["--missing", "--from", "2024-01"]])
def test_it_wants_to_know_which_partitions(seen: Deployment, arguments: list[str]) -> None:
    result = seen.bp("backfill", "orders", *arguments)

    assert result.exit_code == 2
    assert "say which partitions: --missing, --all, or --from and --to. See bp backfill --help" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (
            ["--from", "2024-13"],
            2,
            "--from '2024-13' is not a month; write for example 2013-01. See bp backfill --help",
        ),
        (["--from", "2023-01"], 2, "--from '2023-01' is outside the partitions, which are 2024-01 to 2024-12"),
        (["--from", "2024-03", "--to", "2024-02"], 2, "--to 2024-02 is before --from 2024-03"),
        (["--from", "2024-05"], 3, "no file in that range for orders; 2024-01 to 2024-02 of it has files"),
    ],
)
def test_a_range_without_meaning_is_refused(seen: Deployment, arguments: list[str], code: int, message: str) -> None:
    result = seen.bp("backfill", "orders", *arguments)

    assert result.exit_code == code
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_dataset_of_one_partition_has_no_range(seen: Deployment) -> None:
    result = seen.bp("backfill", "customers", "--from", "2024-01")

    assert result.exit_code == 2
    assert "customers has one partition only; use --all" in result.stderr


def test_where_all_is_current_there_is_nothing_to_do(seen: Deployment) -> None:
    result = seen.bp("backfill", "orders", "--missing")

    assert result.exit_code == 0
    assert result.stderr == "nothing to do: every partition of orders that has files is current\n"
    assert seen.bp("backfill", "orders", "--missing", "--json").stdout == "[]\n"
