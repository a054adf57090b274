"""SQL over the tables, and nothing else within its reach."""

import itertools
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from batch_pipelines.core.errors import ConfigError
from batch_pipelines.lake.query import (
    count_rows,
    keep_query,
    open_tables,
    open_versions,
    run_query,
    table_names,
)
from batch_pipelines_tests.processing.datasets import Project


@pytest.fixture
def shop(project: Project) -> Project:
    project.declare("shop", "source: in/*.csv\npartitions: file\ncolumns: {id: int, city: string}")
    project.write("in/a.csv", "id,city\n1,Aachen\n2,Bonn\n")
    project.write("in/b.csv", "id,city\n3,Celle\n")
    project.run("shop")
    return project


def rows(project: Project, sql: str, *names: str, system_columns: bool = False) -> list[dict[str, object]]:
    with open_tables(project.data, names or ("shop",), system_columns=system_columns) as connection:
        return run_query(connection, sql).to_pylist()


def test_a_view_shows_the_columns_that_people_declared(shop: Project) -> None:
    assert rows(shop, "select * from shop order by id desc limit 1") == [{"id": 3, "city": "Celle"}]


def test_system_columns_are_shown_on_request(shop: Project) -> None:
    (row,) = rows(shop, "from shop where id = 2", system_columns=True)
    assert row == {
        "id": 2, "city": "Bonn", "_source": "in/a.csv", "_line": 3, "_offset": 17, "_partition": "a"
    }  # fmt: skip


def test_only_parts_that_the_table_names_are_read(shop: Project) -> None:
    folder = shop.data / "datasets" / "shop" / "a"
    (part,) = folder.iterdir()
    part.with_name("orphan.parquet").write_bytes(part.read_bytes())
    assert rows(shop, "select count(*) as n from shop") == [{"n": 3}]


def test_an_open_connection_keeps_to_the_version_it_found(shop: Project) -> None:
    with open_tables(shop.data, ["shop"]) as connection:
        shop.write("in/b.csv", "id,city\n9,Jena\n")
        shop.run("shop")
        assert run_query(connection, "select max(id) as id from shop").to_pylist() == [{"id": 3}]
    assert rows(shop, "select max(id) as id from shop") == [{"id": 9}]


def test_older_parts_without_a_column_show_null(shop: Project) -> None:
    shop.declare("shop", "source: in/*.csv\npartitions: file\ncolumns: {price: float, id: int, city: string}")
    shop.write("in/c.csv", "id,city,price\n4,Düren,2.5\n")
    shop.run("shop", ["c"])
    found = rows(shop, "select id, price from shop order by id")
    assert [row["price"] for row in found] == [None, None, None, 2.5]


def test_a_table_without_rows_is_empty_and_of_the_right_types(project: Project) -> None:
    project.declare("shop", 'source: in/a.csv\ncolumns: {id: int, day: date, at: timestamp, price: "decimal(8,2)"}')
    project.write("in/a.csv", "id,day,at,price\n")
    project.run("shop")
    with open_tables(project.data, ["shop"]) as connection:
        schema = run_query(connection, "from shop").schema
    expected = {"id": pa.int64(), "day": pa.date32(), "at": pa.timestamp("us", tz="UTC"), "price": pa.decimal128(8, 2)}
    assert dict(zip(schema.names, schema.types, strict=True)) == expected


@pytest.mark.parametrize("column", ["filename", "file_row_number", "File", 'a"b', "select"])
def test_columns_may_have_any_name(project: Project, column: str) -> None:
    project.declare("shop", f"source: in/a.csv\ncolumns: {{'{column}': string}}")
    header = column.replace('"', '""')
    project.write("in/a.csv", f'"{header}"\nhere\n')
    project.run("shop")
    assert rows(project, "from shop") == [{column: "here"}]


def test_datasets_without_a_table_have_no_view(shop: Project) -> None:
    with pytest.raises(ConfigError, match="Table with name cities does not exist"):
        rows(shop, "from cities", "shop", "cities")
    assert table_names(shop.data) == ["shop"]
    assert table_names(shop.data / "nowhere") == []


def test_rows_are_counted_from_the_log(shop: Project) -> None:
    assert (count_rows(shop.data, "shop"), count_rows(shop.data, "shop", "a"), count_rows(shop.data, "x")) == (3, 2, 0)


def test_wrong_sql_and_values_are_refused_in_the_databases_words(shop: Project) -> None:
    for sql, words in {
        "select nothing from shop": 'Referenced column "nothing" not found',
        "selec 1": "syntax error",
        "select cast(city as int) from shop": "Could not convert string '.*' to INT32",
    }.items():
        with pytest.raises(ConfigError, match=words):
            rows(shop, sql)


def attacks(secret: Path) -> list[str]:
    reading = [
        f"select * from '{secret}'",
        f"from read_csv('{secret}')",
        f"from read_text('{secret}')",
        f"from read_blob('{secret}')",
        f"from read_parquet('{secret}')",
        f"from read_json('{secret}')",
        f"from sniff_csv('{secret}')",
        f"from glob('{secret.parent}/*')",
        f"from read_csv('{secret.parent}/home/data/datasets/shop/../../../../{secret.name}')",
        "from read_text('/proc/self/environ')",
        "from read_csv('https://example.com/x.csv')",
        "select getenv('HOME')",
    ]
    writing = [
        f"copy shop to '{secret.parent}/out.csv'",
        f"copy (select 1) to '{secret.parent}/out.parquet'",
        f"export database '{secret.parent}/out'",
        f"import database '{secret.parent}'",
        f"attach '{secret.parent}/new.db'",
        f"attach '{secret.parent}/new.db' as other; create table other.t as select 1",
        "create table t as select 1",
        "create or replace view shop as select 1 as id",
        "drop view shop",
        "insert into shop values (1, 'x')",
        "install httpfs",
        "load httpfs",
    ]
    settings = [
        "set enable_external_access = true",
        "set lock_configuration = false",
        "set allowed_paths = ['/']",
        "set memory_limit = '100GB'",
        "reset threads",
        "pragma enable_external_access",
        "select 1; set threads = 1",
        "explain set threads = 1",
        f"explain analyze copy shop to '{secret.parent}/out.csv'",
    ]
    return [*reading, *writing, *settings]


def test_files_settings_and_writing_are_out_of_reach(shop: Project) -> None:
    secret = shop.home.parent / "secret.csv"
    secret.write_text("password\nhunter2\n")
    with open_tables(shop.data, ["shop"]) as connection:
        before = {file for file in shop.home.parent.rglob("*") if "__pycache__" not in file.parts}
        for sql in attacks(secret):
            with pytest.raises(ConfigError):
                run_query(connection, sql)
        after = {file for file in shop.home.parent.rglob("*") if "__pycache__" not in file.parts}
        assert run_query(connection, "select count(*) as n from shop").to_pylist() == [{"n": 3}]
    assert after == before


@pytest.mark.parametrize(
    "sql",
    [
        "from duckdb_settings()",
        'select value from "DuckDB_Settings" /* all */ ()',
        "from system.main.duckdb_settings()",
        "pivot (from duckdb_settings()) on name using first(value)",
        "select (select count(*) from pg_settings)",
        "select current_setting('allowed_paths')",
        "show temp_directory",
        "from (show temp_directory)",
        "from query(E'\\x66rom duckdb_settings()')",
        "from query_table('duckdb_views')",
        "select sql from duckdb_views()",
        "select sql from sqlite_master",
        "select view_definition from information_schema.views",
        "select 'äöü', * from duckdb_secrets()",
    ],
)
def test_the_database_behind_the_tables_is_out_of_reach(sql: str, shop: Project) -> None:
    with open_tables(shop.data, ["shop"]) as connection:
        for ask in (run_query, lambda opened, text: keep_query(opened, "kept", text)):
            with pytest.raises(ConfigError, match=r"out of reach|one statement that reads"):
                ask(connection, sql)


def test_names_like_those_of_the_database_in_texts_comments_and_columns_are_only_names(shop: Project) -> None:
    sql = "select 'duckdb_settings()' as query, count(*) as \"show\" from shop -- not information_schema"
    assert rows(shop, sql) == [{"query": "duckdb_settings()", "show": 3}]
    assert len(rows(shop, "show tables")) == 1


def test_variables_of_the_program_are_no_tables(shop: Project) -> None:
    secret = pa.table({"password": ["hunter2"]})
    assert secret.num_rows == 1
    with pytest.raises(ConfigError, match="Table with name secret does not exist"):
        rows(shop, "from secret")


def test_a_query_ends_at_its_limit(shop: Project) -> None:
    with open_tables(shop.data, ["shop"]) as connection:
        assert run_query(connection, "from shop order by id", limit=2).num_rows == 2
        for again in itertools.repeat(connection, 3):
            assert run_query(again, "from shop", limit=1).num_rows == 1


def test_parameters_are_bound_never_formatted_in(shop: Project) -> None:
    hostile = "Bonn' or 1 = 1 --"
    with open_tables(shop.data, ["shop"]) as connection:
        sql = "select id from shop where city = $city"
        assert run_query(connection, sql, parameters={"city": "Bonn", "spare": 1}).to_pylist() == [{"id": 2}]
        assert run_query(connection, sql, parameters={"city": hostile}).num_rows == 0
        with pytest.raises(ConfigError, match=r"not provided for the following parameters: city"):
            run_query(connection, sql)


def test_a_kept_query_is_run_once_and_later_ones_may_use_it(shop: Project) -> None:
    with open_tables(shop.data, ["shop"]) as connection:
        keep_query(connection, "kept", "select *, random() as dice from shop where id > $low;", {"low": 1})
        first = run_query(connection, "from kept").to_pylist()
        assert run_query(connection, "from kept").to_pylist() == first
        keep_query(connection, "wide", "pivot kept on city using count(*) -- a comment")
        assert run_query(connection, "select Bonn, Celle from wide limit 1").num_rows == 1


@pytest.mark.parametrize(
    "sql",
    [
        "select 1; select 2",
        "copy shop to 'x.csv'",
        "select 1) as a; drop view shop; from (select 2",
        "create table a (b int)",
    ],
)
def test_a_kept_query_is_one_statement_that_reads(shop: Project, sql: str) -> None:
    with open_tables(shop.data, ["shop"]) as connection:
        with pytest.raises(ConfigError):
            keep_query(connection, "kept", sql)
        assert run_query(connection, "select count(*) as n from shop").to_pylist() == [{"n": 3}]


def test_days_begin_where_the_connection_is(shop: Project) -> None:
    connection, (table,) = open_versions(shop.data, ["shop", "gone"], timezone="America/New_York")
    with connection:
        sql = "select date '2013-01-01' >= $start as day, timestamptz '2013-01-01 04:59:00+00' >= $start as before"
        start = datetime(2013, 1, 1)  # noqa: DTZ001 - a local clock's time
        assert run_query(connection, sql, parameters={"start": start}).to_pylist() == [{"day": True, "before": False}]
    assert (table.table, table.version, table.at.tzinfo) == ("shop", 2, UTC)
