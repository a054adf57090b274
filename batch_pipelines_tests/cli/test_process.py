"""`bp process` and `bp janitor`."""

import json

from batch_pipelines_tests.cli.deployment import ALL_BAD, JANUARY, ORDERS, Deployment
from batch_pipelines_tests.processing.declaration.declarations import write_dataset

VISITS = "partitions: {every: month, start: 2024-01}\ncolumns: {id: int}\n"


def test_it_processes_with_real_workers_and_says_what_came_of_it(fresh: Deployment) -> None:
    result = fresh.bp("process", "orders")

    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[:3] == ["          7  read", "          4  written", "          3  dead-lettered"]
    assert "           customer is not in customers.id: 7 1" in lines
    assert lines[-1].startswith("The table lies in home/data/datasets/orders (Delta Lake, 2 Parquet files, ")
    assert "planning" in result.stderr

    again = fresh.bp("process", "orders")

    assert "nothing to do: 2 of 2 partitions are current" in again.stderr
    assert again.stdout == result.stdout


def test_one_partition_can_be_forced(fresh: Deployment) -> None:
    fresh.process("orders")

    result = fresh.bp("process", "orders", "2024-02", "--force")

    assert result.stdout.splitlines()[0] == "          1  read"
    assert "nothing to do" not in result.stderr


def test_what_fails_is_named_and_the_rest_is_done(fresh: Deployment) -> None:
    fresh.write("orders-2024-02.csv", ALL_BAD)
    fresh.write("orders-2024-03.csv", "id,amount\n1,2\n")

    result = fresh.bp("process", "orders")

    assert result.exit_code == 1
    errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert errors[0].startswith("error: orders/2024-03: in/orders-2024-03.csv:1: column 'customer' is missing")
    assert errors[1].startswith("error: orders/2024-02: failed: 2 of 2 items are dead letters")
    assert errors[2] == "error: 2 partitions failed. See bp datasets orders"
    assert result.stdout.splitlines()[0] == "          6  read"
    assert "\n2024-01" in fresh.bp("datasets", "orders").stdout


def test_what_is_not_published_is_neither_counted_nor_shown_as_a_table(fresh: Deployment) -> None:
    fresh.write("orders-2024-02.csv", ALL_BAD)

    assert fresh.bp("process", "orders", "2024-02").stdout == ""


def test_one_reason_for_many_partitions_is_said_once(fresh: Deployment) -> None:
    keys = "connection: till\nsql: select * from sales where at >= $start and at < $end"
    write_dataset(fresh.home / "defs", "till", f"{keys}\npartitions: {{every: month, start: 2024-01, end: 2024-05}}")

    first, same, count = fresh.bp("process", "till").stderr.splitlines()[-3:]

    assert first.startswith("error: till/2024-01: connection 'till' is not known here: ")
    assert same == "error: the same for 4 more partitions, up to till/2024-05"
    assert count == "error: 5 partitions failed"


def test_a_partition_without_files_is_named(fresh: Deployment) -> None:
    result = fresh.bp("process", "orders", "2024-09")

    assert result.exit_code == 1
    assert "error: orders/2024-09: " in result.stderr
    assert "partition '2024-09' of dataset 'orders' has no file" in result.stderr


def test_files_of_the_inbox_that_fit_no_partition_are_named_and_the_rest_is_done(fresh: Deployment) -> None:
    write_dataset(fresh.home / "defs", "orders", f"{ORDERS}\ninbox: true")
    inbox = fresh.home / "data" / "inbox" / "orders"
    inbox.mkdir(parents=True)
    for name in ("orders_2024-03.csv", "orders-2025-01.csv", *(f"{n}.csv" for n in range(30))):
        (inbox / name).write_text(JANUARY)

    result = fresh.bp("process", "orders")

    assert result.exit_code == 0
    assert "          4  written" in result.stdout.splitlines()
    said = [line for line in result.stderr.splitlines() if line.startswith("warning: ")]
    assert said[0] == (
        "warning: data/inbox/orders/0.csv: the name does not fit orders-{%Y-%m}.csv (plain, .gz or .zst); "
        "rename the file, for example to orders-2024-01.csv"
    )
    assert len(said) == 21
    assert said[20] == "warning: … and 12 more in the inbox"


def test_where_nothing_fits_the_misfits_are_named_before_it_fails(fresh: Deployment) -> None:
    write_dataset(fresh.home / "defs", "visits", "source: in/visits-{%Y-%m}.csv\ninbox: true\n" + VISITS)
    inbox = fresh.home / "data" / "inbox" / "visits"
    inbox.mkdir(parents=True)
    (inbox / "visits.csv").write_text("id\n1\n")

    result = fresh.bp("process", "visits")

    assert result.exit_code != 0
    assert result.stderr.splitlines()[0].startswith("warning: data/inbox/visits/visits.csv: the name does not fit")


def test_an_unknown_dataset_is_not_found(fresh: Deployment) -> None:
    assert fresh.bp("process", "nope").exit_code == 3


def test_the_janitor_removes_what_nobody_names_and_nothing_else(fresh: Deployment) -> None:
    fresh.process("orders")
    stray = fresh.home / "data" / "datasets" / "orders" / "2024-01" / "00000000-g1-c00000-e1-abcdef.parquet"
    stray.write_bytes(b"x" * 10)

    result = fresh.bp("janitor")

    assert result.exit_code == 0
    assert "1 file removed, 0.0 MB" in result.stdout
    assert not stray.exists()
    assert fresh.bp("query", "select count(*) as n from orders", "--csv").stdout == "n\n4\n"
    assert json.loads(fresh.bp("janitor", "orders", "--json").stdout) == [{"dataset": "orders", "files": 0, "bytes": 0}]
    assert fresh.bp("janitor", "nope").exit_code == 3


def test_reasons_are_those_of_what_was_processed_and_not_of_what_was_appended_before(fresh: Deployment) -> None:
    write_dataset(
        fresh.home / "defs",
        "visits",
        "source: in/visits-*.csv\nwrite: append\nmax_reject_rate: 100%\ncolumns: {id: {type: int, required: true}}\n",
    )
    fresh.write("visits-1.csv", "id\n1\nx\n")
    fresh.process("visits")
    fresh.write("visits-2.csv", "id\n2\ny\n")

    lines = fresh.bp("process", "visits").stdout.splitlines()

    assert lines[2:4] == ["          1  dead-lettered", "           id is not an int: y 1"]


def test_what_could_not_even_be_planned_is_not_said_to_be_in_the_list(fresh: Deployment) -> None:
    fresh.write("orders-2024-02.csv", "id\n1\n")

    unplanned = fresh.bp("process", "orders", "2024-02").stderr.splitlines()
    fresh.write("orders-2024-02.csv", ALL_BAD)
    failed = fresh.bp("process", "orders", "2024-02").stderr.splitlines()

    assert unplanned[-1] == "error: 1 partition failed"
    assert failed[-1] == "error: 1 partition failed. See bp datasets orders"
