"""`bp replay`, `bp corrections`, `bp dead-letters … accept`."""

import json

import pytest

from batch_pipelines_tests.cli.deployment import Deployment
from batch_pipelines_tests.processing.declaration.declarations import write_dataset


@pytest.fixture
def processed(fresh: Deployment) -> Deployment:
    fresh.process("orders")
    return fresh


def test_what_will_be_tried_is_said_then_what_became_of_it(processed: Deployment) -> None:
    processed.write("customers.csv", "id,name\n1,Ann\n2,Bob\n7,Cy\n")
    processed.process("customers")
    result = processed.bp("replay", "orders")

    assert result.exit_code == 0, result.stderr
    assert result.stderr.splitlines()[:4] == [
        "3 of 3 dead letters of orders, in 1 partition:",
        "          1  type: amount",
        "          1  reference: customer",
        "          1  min: amount",
    ]
    assert result.stdout.splitlines() == [
        "          3  tried",
        "          1  written",
        "          2  still dead",
        "             min: amount 1",
        "             type: amount 1",
    ]


def test_a_dry_run_only_says(processed: Deployment) -> None:
    result = processed.bp("replay", "orders", "--reason", "in: customer", "--dry-run")

    assert result.stderr.splitlines() == [
        "1 of 3 dead letters of orders, in 1 partition:",
        "          1  reference: customer",
    ]
    assert len(processed.processing().ledger.batches.of_pipeline("orders")) == 2


def test_nothing_meant_is_no_failure(processed: Deployment) -> None:
    result = processed.bp("replay", "orders", "--where", "amount = 'y'")

    assert result.exit_code == 0
    assert result.stderr == "nothing to do: none of the 3 dead letters of orders is meant\n"


def test_a_correction_is_applied_listed_and_discarded(processed: Deployment) -> None:
    arguments = ("--where", "id = '5'", "--set", "amount=abs(amount::double)", "--set", "customer=1", "--note", "sign")
    assert processed.bp("replay", "orders", *arguments).stdout.splitlines()[1] == "          1  written"
    amounts = processed.bp("query", "select amount, customer from orders where id = 5", "--json")
    assert json.loads(amounts.stdout) == [{"amount": 1.0, "customer": 1}]

    listed = json.loads(processed.bp("corrections", "orders", "--json").stdout)
    assert [(each["column"], each["set to"], each["records"], each["note"]) for each in listed] == [
        ("amount", "abs(amount::double)", 1, "sign"),
        ("customer", "'1'", 1, "sign"),
    ]
    assert "abs(amount::double)" in processed.bp("corrections", "orders").stdout

    result = processed.bp("corrections", "orders", "discard", "1", "2")
    assert result.stderr == "2 corrections of orders discarded; bp process orders brings the table in line\n"
    assert processed.bp("corrections", "orders").stderr == "orders has no corrections\n"
    assert len(processed.bp("corrections", "orders", "--all", "--json").stdout.splitlines()) == 4
    processed.process("orders")
    assert json.loads(processed.bp("query", "select id from orders where id = 5", "--json").stdout) == []


def test_a_letter_shows_what_it_was_corrected_to(processed: Deployment) -> None:
    processed.bp("replay", "orders", "--where", "id = '5'", "--set", "amount='-2'")
    letters = processed.bp("dead-letters", "orders", "-r", "min", "--raw").stdout.splitlines()

    assert letters[-2:] == ["    5,2,-1", "    corrected: amount = -2"]
    (letter,) = json.loads(processed.bp("dead-letters", "orders", "-r", "min", "--json").stdout)
    assert (letter["raw"], letter["corrected"]) == ("5,2,-1", {"amount": "-2"})


def test_accepted_letters_are_counted_apart_and_left_alone(processed: Deployment) -> None:
    result = processed.bp("dead-letters", "orders", "accept", "-r", "type", "--note", "known")
    assert result.stderr == "1 more dead letter of orders is accepted\n"
    assert "          1  of them accepted: known, to be left alone" in processed.bp("dead-letters", "orders").stdout
    assert processed.bp("replay", "orders", "--dry-run").stderr.startswith("2 of 3 dead letters")
    assert processed.bp("replay", "orders", "--dry-run", "--accepted").stderr.startswith("3 of 3 dead letters")
    result = processed.bp("dead-letters", "orders", "unaccept", "--where", "id = '2'")
    assert result.stderr == "1 dead letter of orders is no longer accepted\n"


def test_json_has_an_object_a_partition(processed: Deployment) -> None:
    (row,) = json.loads(processed.bp("replay", "orders", "--json", "-p", "2024-01").stdout)

    assert (row["partition"], row["ok"], row["tried"], row["written"], row["dead"]) == ("2024-01", True, 3, 0, 3)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--set", "amount"), "--set 'amount' is not column=expression, for example dest=SJU."),
        (("--where", "amount"), "error: where: gives string, not true or false; compare it with something"),
        (("--set", "total=1"), "error: set total: there is no such column; the records have id, customer, amount"),
        (("-p", "2025-01"), "error: orders has no published partition '2025-01'; there are 2024-01 to 2024-02"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(processed: Deployment, arguments: tuple[str, ...], said: str) -> None:
    result = processed.bp("replay", "orders", *arguments)

    assert result.exit_code != 0
    assert said in result.stderr


def test_corrections_that_there_are_not_are_not_found(processed: Deployment) -> None:
    assert processed.bp("corrections", "orders", "discard", "9").exit_code == 3
    assert processed.bp("corrections", "orders", "discard").exit_code == 2


def test_letters_of_what_was_appended_before_are_said_to_stay(fresh: Deployment) -> None:
    write_dataset(
        fresh.home / "defs",
        "visits",
        "source: in/visits-*.csv\nwrite: append\nmax_reject_rate: 100%\ncolumns: {id: {type: int, required: true}}\n",
    )
    for number, rows in enumerate(("1\nx\n", "2\ny\nz\n")):
        fresh.write(f"visits-{number}.csv", f"id\n{rows}")
        fresh.process("visits")

    lines = fresh.bp("replay", "visits", "--dry-run").stderr.splitlines()

    assert lines[0] == "1 dead letter of older batches stay: only the newest one's are tried"
    assert lines[1] == "2 of 2 dead letters of visits, in 1 partition:"
