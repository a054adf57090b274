"""What can be wrong with a query's rows or its database: each is a dead letter or a clear failure; counts add up."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from batch_pipelines_tests.processing.databases import asking, extracts, numbers
from batch_pipelines_tests.processing.datasets import reasons
from batch_pipelines_tests.processing.export.targets import execute
from batch_pipelines_tests.servers import Database


@dataclass(frozen=True)
class Failing:
    """A query that cannot be frozen, and what is said of it."""

    sql: str
    said: str


@dataclass(frozen=True)
class Dying:
    """A query with one good row and one bad, the type of its column `x`, and the rule that the bad one breaks."""

    good: str
    bad: str
    type: str
    rule: str


SLOW = "select n, pg_sleep(0.01) from generate_series(1, 1000) n"
LOST = (
    "select n as id, case when n = 5000 then pg_terminate_backend(pg_backend_pid()) end from generate_series(1, 9000) n"
)
FAILING = {
    "no such table": Failing("select id from nowhere", 'relation "nowhere" does not exist'),
    "no such column": Failing("select nothing from sales", 'column "nothing" does not exist'),
    "no SQL": Failing("select from where", "syntax error"),
    "no right": Failing("select id from secret", "permission denied for table secret"),
    "statement timeout": Failing(SLOW, "canceling statement due to statement timeout"),
    "an error in the middle": Failing(
        "select 1 / (5000 - n) as id from generate_series(1, 9000) n", "division by zero"
    ),
    "the connection is lost in the middle": Failing(LOST, "connection"),
    "a column twice": Failing("select id, id from sales", "the query has the column 'id' twice"),
    "a column twice but for case": Failing('select id, 1 as "ID" from sales', "the query has the column 'id' twice"),
    "a column without a name": Failing("select 1 + id from sales", "column 1 of the query has no name"),
    "a statement that writes": Failing(
        "with gone as (delete from sales returning id) select id from gone",
        "must not contain data-modifying statements",
    ),
    "a function that writes": Failing("select nextval('numbers') as id", "cannot execute nextval() in a read-only"),
    "a huge value": Failing("select repeat('x', 17000000) as id", "has 17,000,000 bytes, at most 16,777,216 are read"),
    "too many columns": Failing(
        "select " + ", ".join(f"1 as c{n}" for n in range(1700)) + ", sales.* from sales",
        "target lists can have at most",
    ),
}
DYING = {
    "infinity as a date": Dying("date '2013-01-31'", "date 'infinity'", "date", "type: x"),
    "a date before Christ": Dying("date '2013-01-31'", "date '0044-03-15 BC'", "date", "type: x"),
    "infinity as a moment": Dying("timestamptz '2013-01-31 05:00Z'", "timestamptz '-infinity'", "timestamp", "type: x"),
    "a year of five digits": Dying("timestamp '2013-01-31 05:00'", "timestamp '12013-01-31'", "timestamp", "type: x"),
    "NaN as a decimal": Dying("1.50::numeric(8,2)", "'NaN'::numeric(8,2)", '"decimal(8,2)"', "type: x"),
    "a decimal with too many places": Dying("1.5::numeric", "1.555::numeric", '"decimal(8,2)"', "type: x"),
    "a decimal that is too large": Dying("1.5::numeric", "1e30::numeric", '"decimal(8,2)"', "type: x"),
    "NaN as a float": Dying("1.5::float8", "'NaN'::float8", "float", "type: x"),
    "infinity as a float": Dying("1.5::float8", "'-Infinity'::float8", "float", "type: x"),
    "a number too large for a whole one": Dying("7::numeric", "9223372036854775808::numeric", "int", "type: x"),
    "text that is no number": Dying("'7'::text", "'seven'::text", "int", "type: x"),
    "text that is no truth": Dying("'true'::text", "'perhaps'::text", "bool", "type: x"),
    "nothing where something is required": Dying("7", "null::int", "{type: int, required: true}", "required: x"),
    "too small": Dying("7", "-7", "{type: int, min: 0}", "min: x"),
}


@pytest.fixture(scope="module")
def server(postgres_instance: Any) -> Any:
    with postgres_instance.database() as database:
        execute(
            database.url,
            "CREATE TABLE sales (id INTEGER)",
            "INSERT INTO sales VALUES (1), (2)",
            "CREATE TABLE secret (id INTEGER)",
            "CREATE SEQUENCE numbers",
            "CREATE ROLE clerk LOGIN",
            "GRANT SELECT, DELETE ON sales TO clerk",
            "GRANT USAGE ON SEQUENCE numbers TO clerk",
        )
        yield database
        execute(database.url, "DROP OWNED BY clerk", "DROP ROLE clerk")


def address(database: Database, timeout_ms: int = 0) -> str:
    """Its address for a role that may not do everything; 0 for no timeout."""
    options = f"options=-c%20statement_timeout%3D{timeout_ms}"
    return f"{database.url.replace('postgres@', 'clerk@')}?{options}"


@pytest.mark.parametrize("kind", FAILING)
def test_a_query_that_cannot_be_frozen_is_a_clear_line_and_leaves_nothing(
    home: Path, server: Database, kind: str
) -> None:
    timeout_ms = 300 if kind == "statement timeout" else 0
    project = asking(home, address(server, timeout_ms), FAILING[kind].sql)
    said = project.plan("sales").problems["all"]

    assert said.startswith("sql:shop: ")
    assert FAILING[kind].said in said
    assert "\n" not in said
    assert extracts(project) == []
    assert project.batches("sales") == []


def test_after_a_lost_connection_the_next_run_freezes_anew_and_the_table_was_untouched(
    home: Path, server: Database
) -> None:
    project = asking(home, address(server), "select n as id from generate_series(1, 9000) n")
    project.one("sales")
    text = (home / "defs/sales/defs.yaml").read_text()
    (home / "defs/sales/defs.yaml").write_text(text.replace("select n as id", LOST.partition(" from ")[0]))
    project.reopen()
    assert "connection" in project.plan("sales").problems["all"]
    assert len(project.rows("sales")) == 9000

    (home / "defs/sales/defs.yaml").write_text(text.replace("9000", "9001"))
    project.reopen()
    assert project.one("sales").rows == 9001


@pytest.mark.parametrize("kind", DYING)
def test_a_value_that_has_no_place_is_a_dead_letter_and_its_neighbour_is_not(
    home: Path, server: Database, kind: str
) -> None:
    case = DYING[kind]
    query = f"select 1 as id, {case.good} as x union all select 2, {case.bad} order by id"
    project = asking(home, address(server), query, f"columns: {{id: int, x: {case.type}}}\n")
    report = project.one("sales")

    assert (report.counts.items, report.rows, report.dead_letters) == (2, 1, 1), report.samples
    assert [row["id"] for row in project.rows("sales")] == [1]
    (letter,) = project.dead("sales")
    assert (letter["source"], letter["line"], reasons(letter)) == ("sql:shop", 2, [case.rule])
    assert json.loads(letter["raw"])["id"] == 2


def test_values_without_a_type_of_ours_are_kept_as_their_text(home: Path, server: Database) -> None:
    query = """
    select array[1, null, 3] as list, '{"a": [1, 2]}'::jsonb as doc, '\\xdeadbeef'::bytea as bytes,
        interval '1 day 2 hours' as span, '9b2c3d4e-0000-4000-8000-000000000001'::uuid as id,
        12345678901234567890.123456789::numeric as exact, true as flag, 0.1::float4 as small
    """
    project = asking(home, address(server), query)
    assert project.one("sales").ok
    assert project.rows("sales") == [
        {
            "list": "{1,NULL,3}",
            "doc": '{"a": [1, 2]}',
            "bytes": "\\xdeadbeef",
            "span": "1 day 02:00:00",
            "id": "9b2c3d4e-0000-4000-8000-000000000001",
            "exact": "12345678901234567890.123456789",
            "flag": True,
            "small": 0.1,
        }
    ]


def test_a_missing_column_and_an_unwanted_one_fail_and_no_rows_are_a_batch_of_none(
    home: Path, server: Database
) -> None:
    missing = asking(home, address(server), "select id from sales", "columns: {id: int, name: string}\n")
    assert "column 'name' is missing" in missing.plan("sales").problems["all"]
    unwanted = asking(home, address(server), "select id, 1 as x from sales", "columns: {id: int}\nextra: fail\n")
    assert "column 'x' is not declared" in unwanted.plan("sales").problems["all"]
    nothing = asking(home, address(server), "select id from sales where false", "columns: {id: int}\n")
    assert nothing.one("sales").message == "the source is empty: 0 items"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://me:hidden@127.0.0.1:1/shop", "Connection refused"),
        ("postgresql://postgres@127.0.0.1:{port}/nowhere", 'database "nowhere" does not exist'),
        ("postgresql://nobody:hidden@127.0.0.1:{port}/{name}", 'role "nobody" does not exist'),
    ],
)
def test_a_database_that_cannot_be_reached_is_a_clear_line(home: Path, server: Database, url: str, said: str) -> None:
    project = asking(home, url.format(port=server.port, name=server.name), "select 1 as id")
    problem = project.plan("sales").problems["all"]
    assert said in problem
    assert "hidden" not in problem


@pytest.mark.parametrize(
    ("statements", "sql", "said"),
    [
        (
            ["INSERT INTO t VALUES (1, CAST(x'ff41' AS TEXT))"],
            "select id, x from t",
            "row 2, column 'x': the text is not UTF-8",
        ),
        ([], "select id, missing from t", "no such column: missing"),
        ([], "with x as (select 1) delete from t", "attempt to write a readonly database"),
        ([], "select id, id from t", "the query has the column 'id' twice"),
    ],
)
def test_what_sqlite_refuses_is_a_clear_line(
    home: Path, tmp_path: Path, statements: list[str], sql: str, said: str
) -> None:
    url = f"sqlite:///{tmp_path}/shop.db"
    execute(url, "CREATE TABLE t (id INTEGER, x TEXT)", "INSERT INTO t VALUES (0, 'fine')", *statements)
    project = asking(home, url, sql)
    problem = project.plan("sales").problems["all"]
    assert said in problem
    assert extracts(project) == []


def test_a_file_that_is_no_database_is_a_clear_line(home: Path) -> None:
    (home / "shop.db").write_text("no database at all, but long enough to be looked at" * 20)
    problem = asking(home, "sqlite:///shop.db", "select 1 as id from t").plan("sales").problems["all"]
    assert "file is not a database" in problem


def test_a_column_of_sqlite_may_hold_values_of_several_types(home: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/shop.db"
    execute(
        url,
        "CREATE TABLE t (id INTEGER, a, b, c, d)",
        "INSERT INTO t VALUES (1, 1, 1, 9007199254740993, x'00ff'), (2, 2.5, 'two', 0.5, NULL)",
    )
    project = asking(home, url, "select * from t order by id")
    assert project.one("sales").ok
    assert project.rows("sales") == [
        {"id": 1, "a": 1.0, "b": "1", "c": "9007199254740993", "d": "\\x00ff"},
        {"id": 2, "a": 2.5, "b": "two", "c": "0.5", "d": None},
    ]


BOMB = """
import sys
from pathlib import Path
from batch_pipelines_tests.processing.databases import asking

project = asking(Path(sys.argv[1]), "sqlite:///shop.db", "select id, x from t order by id", "columns: {id: int}\\n")
rows = project.one("sales").rows
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(rows, int(peak.split()[1]) // 1024)
"""


def test_large_rows_without_an_order_are_refused_with_the_cure(home: Path) -> None:
    execute(f"sqlite:///{home}/shop.db", "CREATE TABLE t (id INTEGER)")
    project = asking(home, "sqlite:///shop.db", f"select n, printf('%.*c', 50000, 'x') as x from ({numbers(9)}) n")
    assert "write ORDER BY into the query" in project.plan("sales").problems["all"]
    assert extracts(project) == []


def test_three_hundred_megabytes_of_large_rows_need_less_than_half_a_gigabyte(home: Path) -> None:
    grow = f"INSERT INTO t SELECT n, printf('%.*c', 1000000, 'x') FROM ({numbers(300)}) n"
    execute(f"sqlite:///{home}/shop.db", "CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT)", grow)
    done = subprocess.run([sys.executable, "-c", BOMB, str(home)], capture_output=True, text=True, check=True)
    rows, peak_mib = map(int, done.stdout.split())
    assert rows == 300
    assert peak_mib < 400, f"{peak_mib} MiB, with 140 before it began"
