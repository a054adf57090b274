"""`bp datasets`."""

import json
import sqlite3

from batch_pipelines_tests.cli.deployment import ALL_BAD, Deployment
from batch_pipelines_tests.processing.declaration.declarations import write_dataset


def test_all_datasets_are_listed_with_rows_partitions_and_dead_letters(seen: Deployment) -> None:
    lines = seen.bp("datasets").stdout.splitlines()

    assert lines[0].split("  ")[0] == "dataset"
    assert lines[2].split()[:6] == ["customers", "2", "1", "of", "1", "0"]
    assert lines[3].split()[:6] == ["orders", "4", "2", "of", "2", "3"]
    assert lines[3].endswith("What was bought.")
    assert seen.bp("datasets").stderr == "one of them: bp datasets NAME\n"


def test_the_list_fits_80_columns_and_cuts_the_description_only(seen: Deployment) -> None:
    lines = seen.bp("datasets", COLUMNS="80").stdout.splitlines()

    assert max(map(len, lines)) <= 80
    assert lines[3].split()[-1].endswith("…") or lines[3].endswith("What was bought.")


def test_json_has_the_same_in_exact_terms(seen: Deployment) -> None:
    orders = json.loads(seen.bp("datasets", "--json").stdout)[1]

    assert orders.pop("last_processed_at").startswith("20")
    assert orders == {
        "name": "orders",
        "description": "What was bought.",
        "rows": 4,
        "broken": None,
        "partitions_done": 2,
        "partitions_with_files": 2,
        "partitions_in_trouble": 0,
        "dead_letters": 3,
    }


def test_one_dataset_shows_its_partitions_and_where_it_lies(seen: Deployment) -> None:
    result = seen.bp("datasets", "orders")
    lines = result.stdout.splitlines()

    assert lines[:2] == ["dataset  orders: What was bought.", "source   in/orders-{%Y-%m}.csv"]
    assert lines[2] == f"table    {seen.home / 'data' / 'datasets' / 'orders'}"
    assert lines[-2].split()[:5] == ["2024-01", "published", "3", "3", "0"]
    assert lines[-1].split()[:5] == ["2024-02", "published", "1", "0", "0"]
    assert result.stderr == "its dead letters: bp dead-letters orders\n"


def test_before_anything_is_processed_each_partition_says_so(fresh: Deployment) -> None:
    result = fresh.bp("datasets", "orders")

    assert result.stdout.count("not processed") == 2
    assert result.stderr == "process what is missing: bp backfill orders --missing\n"


def test_a_failed_partition_keeps_its_rows_and_tells_why(fresh: Deployment) -> None:
    fresh.process("orders")
    fresh.write("orders-2024-02.csv", ALL_BAD)
    fresh.process("orders")

    result = fresh.bp("datasets", "orders")
    row = json.loads(fresh.bp("datasets", "orders", "--json").stdout)[1]

    assert result.stdout.splitlines()[-1].split()[:3] == ["2024-02", "failed", "1"]
    assert "2024-02: failed: 2 of 2 items are dead letters (100.0%), more than max_reject_rate 50.0%" in result.stderr
    assert (row["state"], row["rows"]) == ("failed", 1)
    assert "1 not well" in fresh.bp("datasets").stdout


def test_a_partition_whose_files_are_gone_keeps_its_rows(fresh: Deployment) -> None:
    fresh.process("orders")
    (fresh.home / "in" / "orders-2024-02.csv").unlink()

    result = fresh.bp("datasets", "orders")

    assert result.stdout.splitlines()[-1].split()[:3] == ["2024-02", "published", "1"]
    assert "its source files are gone, the table keeps its rows" in result.stderr
    assert "1 of 1" in fresh.bp("datasets").stdout.splitlines()[-1]


def test_a_window_of_a_query_that_has_not_ended_is_no_source_that_is_gone(fresh: Deployment) -> None:
    with sqlite3.connect(fresh.home / "till.db") as till:
        till.execute("create table sales (id integer, day text)")
        till.execute("insert into sales values (1, '2099-01-05')")
    write_dataset(
        fresh.home / "defs",
        "sales",
        "connection: till\nsql: select id from sales where day >= $start and day < $end\n"
        "partitions: {every: month, start: 2099-01}\ncolumns: {id: int}\n",
    )
    till_at = {"BP_CONNECTION_TILL": "sqlite:///till.db"}
    assert fresh.bp("process", "sales", "2099-01", **till_at).exit_code == 0

    result = fresh.bp("datasets", "sales", **till_at)

    assert result.stdout.splitlines()[-1].split()[:3] == ["2099-01", "published", "1"]
    assert result.stderr == ""
    assert fresh.bp("datasets", **till_at).stdout.splitlines()[-1].split()[:5] == ["sales", "1", "1", "of", "1"]


def test_a_deployment_without_datasets_says_where_it_looked(fresh: Deployment) -> None:
    empty = str(fresh.home / "empty")

    assert fresh.bp("datasets", BP_DEFS=empty).stderr == f"no datasets: no defs.yaml in {empty} declares one\n"
    assert json.loads(fresh.bp("datasets", "--json", BP_DEFS=empty).stdout) == []


def test_a_store_that_is_away_is_said_and_all_other_datasets_are_shown(fresh: Deployment) -> None:
    fresh.process("orders")
    write_dataset(fresh.home / "defs", "cloud", "source: s3://bucket/x/*.csv\ncolumns: {id: int}\n")
    away = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}

    result = fresh.bp("datasets", **away)

    assert result.exit_code == 0
    assert result.stderr.splitlines()[0].startswith("cloud: s3://bucket/x/: the endpoint does not answer")
    assert result.stdout.splitlines()[2].split()[:5] == ["cloud", "0", "0", "of", "?"]
    assert result.stdout.splitlines()[4].split()[:5] == ["orders", "4", "2", "of", "2"]
