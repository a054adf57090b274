"""`bp query`."""

import json
from pathlib import Path

import pytest

from batch_pipelines_tests.cli.deployment import ORDERS, Deployment, make_deployment
from batch_pipelines_tests.processing.declaration.declarations import write_dataset


def test_rows_come_as_a_table_and_their_number_is_said(seen: Deployment) -> None:
    result = seen.bp("query", "select id, amount, null as n, true as b from orders order by id")

    assert result.stdout.splitlines() == [
        "id  amount  n     b",
        "─" * 22,
        " 1     9.5  null  true",
        " 4    1.25  null  true",
        " 6       3  null  true",
        " 7       4  null  true",
    ]
    assert result.stderr == "4 rows\n"
    assert result.exit_code == 0


def test_rows_that_are_left_out_are_spoken_of(seen: Deployment) -> None:
    result = seen.bp("query", "select * from range(100)")

    assert len(result.stdout.splitlines()) == 42
    assert result.stderr == "the first 40 rows; there are more: --limit 0 shows all, --csv and --json write all\n"
    assert len(seen.bp("query", "select * from range(100)", "--limit", "0").stdout.splitlines()) == 102
    assert seen.bp("query", "select * from range(100)", "-n", "100").stderr == "100 rows\n"


def test_columns_that_do_not_fit_are_named(seen: Deployment) -> None:
    result = seen.bp("query", "select 'a' as first, repeat('x', 30) as second, 1 as third", COLUMNS="30")

    assert max(map(len, result.stdout.splitlines())) <= 30
    assert "1 of 3 columns fit this terminal" in result.stderr
    assert result.stderr.endswith("Left out: second, third\n")


def test_json_is_an_array_with_a_row_a_line(seen: Deployment) -> None:
    sql = "select id, amount, date '2024-01-31' as d, 'nan'::double as n, [1] as l from orders order by id limit 2"
    result = seen.bp("query", sql, "--json")

    assert json.loads(result.stdout) == [
        {"id": 1, "amount": 9.5, "d": "2024-01-31", "n": None, "l": [1]},
        {"id": 4, "amount": 1.25, "d": "2024-01-31", "n": None, "l": [1]},
    ]
    assert len(result.stdout.splitlines()) == 4
    assert json.loads(seen.bp("query", "from orders where false", "--json").stdout) == []


def test_csv_has_a_header_and_empty_fields_for_what_is_not_there(seen: Deployment) -> None:
    result = seen.bp("query", "select 'a,b' as x, null as y, true as z, {'k': 1} as s", "--csv")

    assert result.stdout == 'x,y,z,s\n"a,b",,true,"{""k"": 1}"\n'
    assert result.stderr == ""


def test_a_limit_holds_for_programs_too(seen: Deployment) -> None:
    assert seen.bp("query", "select * from range(9)", "--csv", "-n", "2").stdout == "range\n0\n1\n"
    assert len(seen.bp("query", "select * from range(100)", "--csv").stdout.splitlines()) == 101


def test_a_dash_reads_the_statement_from_stdin(seen: Deployment) -> None:
    assert seen.bp("query", "-", "--csv", stdin="select 1 as one;\n").stdout == "one\n1\n"
    assert "the statement is empty" in seen.bp("query", "-", stdin=" \n").stderr


def test_system_columns_lead_back_to_the_source(seen: Deployment) -> None:
    result = seen.bp("query", "select * from orders where id = 4", "--system-columns", "--json")

    (row,) = json.loads(result.stdout)
    assert (row["_source"], row["_line"], row["_partition"]) == ("in/orders-2024-01.csv", 5, "2024-01")
    assert "_source" not in seen.bp("query", "from orders", "--csv").stdout


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("from nope", "there is no table 'nope'. Tables: customers, orders. All datasets: bp datasets"),
        (
            "selct 1",
            'Parser Error: syntax error at or near "selct". Tables: bp query "show tables"',
        ),
        (
            "select 'a'::int",
            "Conversion Error: Could not convert string 'a' to INT32. Tables: bp query \"show tables\"",
        ),
        ("select sum(name) from customers", "Binder Error: No function matches the given name and argument types"),
        ("from read_text('/etc/passwd')", "file system operations are disabled"),
        ("copy orders to 'x.csv'", "only statements that read are allowed"),
        ("select 1; drop view orders", "only statements that read are allowed"),
        ("explain analyze copy orders to 'x.csv'", "only statements that read are allowed"),
        ("set threads = 9", "only statements that read are allowed"),
    ],
)
def test_wrong_sql_is_refused_in_one_line(seen: Deployment, sql: str, message: str) -> None:
    result = seen.bp("query", sql)

    assert result.exit_code == 1
    assert message in result.stderr
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1


def test_two_formats_at_once_are_wrong_usage(seen: Deployment) -> None:
    result = seen.bp("query", "select 1", "--json", "--csv")

    assert result.exit_code == 2
    assert result.stderr.endswith("--json and --csv exclude each other; give one of them. See bp query --help\n")


def test_data_does_not_drive_the_terminal(seen: Deployment) -> None:
    result = seen.bp("query", "select chr(27) || '[2J' as x, '[bold]:smile:' as y")

    assert result.stdout.splitlines()[2] == "\\x1b[2J  [bold]:smile:"


def test_a_plan_is_shown_as_it_is_drawn(seen: Deployment) -> None:
    assert "╭─ Projection" in seen.bp("query", "explain select 1").stdout


def test_a_query_that_stops_early_ends_its_process_in_peace(seen: Deployment) -> None:
    for _ in range(3):
        assert seen.shell("bp query 'select * from orders limit 1' --csv").returncode == 0


def test_a_column_that_older_partitions_lack_is_null_in_them(fresh: Deployment) -> None:
    fresh.process("orders")
    write_dataset(fresh.home / "defs", "orders", f"{ORDERS}derive: {{double: amount * 2}}\n")
    fresh.process("orders", ["2024-02"])

    result = fresh.bp(
        "query", "select id, double, _partition from orders where id > 4 order by id", "--system-columns", "--csv"
    )

    assert result.stdout == "id,double,_partition\n6,,2024-01\n7,8.0,2024-02\n"


def test_before_anything_is_processed_it_says_so(fresh: Deployment) -> None:
    assert fresh.bp("query", "from orders").stderr == (
        "error: there is no table 'orders'. Tables: none yet. All datasets: bp datasets\n"
    )


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """Orders of January, then of January and February."""
    made = make_deployment(tmp_path_factory.mktemp("older") / "home")
    with pytest.MonkeyPatch.context() as patched:
        patched.delenv("BP_LEDGER_URL", raising=False)
        made.process("orders", ["2024-01"])
        made.process("orders", ["2024-02"])
    return made


def test_a_table_is_asked_as_it_was(older: Deployment) -> None:
    def counted(*at: str) -> str:
        result = older.bp("query", "select count(*) as n from orders", "--csv", *at)
        assert result.exit_code == 0, result.stderr
        return result.stdout.splitlines()[-1]

    assert counted() == "4"
    assert counted("--at", "1") == "3"
    assert counted("--at", "orders=0") == "0"
    assert counted("--at", "2000-01-01") == "0"
    assert counted("--at", "2999-01-01T00:00Z") == "4"


@pytest.mark.parametrize(
    ("sql", "at", "said"),
    [
        ("from orders", "77", "table 'orders' has no version 77; the newest is 2"),
        ("from orders", "noon", "--at noon: is neither a version nor a time such as 2013-01-31T05:00Z"),
        ("from orders", "customers=1", "does not read a table 'customers'; it reads orders"),
        (
            "from orders join customers on customer = customers.id",
            "1",
            "each table counts its own versions; write NAME=1. Read: customers, orders",
        ),
    ],
)
def test_a_version_that_is_not_there_or_not_clear_is_refused(older: Deployment, sql: str, at: str, said: str) -> None:
    result = older.bp("query", sql, "--at", at)
    assert result.exit_code == 1
    assert said in result.stderr


def test_a_version_whose_parts_were_swept_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BP_LEDGER_URL", raising=False)
    made = make_deployment(tmp_path / "home")
    made.process("orders", ["2024-01"])
    for part in (made.home / "data" / "datasets" / "orders" / "2024-01").iterdir():
        part.unlink()
    result = made.bp("query", "from orders", "--at", "1")
    assert result.exit_code == 1
    assert "version 1 of table 'orders' is not kept any more" in result.stderr
