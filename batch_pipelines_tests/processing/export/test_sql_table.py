"""Partitions as rows of a SQL table: exactly once, all or none, never changed without a word."""

import math
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from batch_pipelines.processing.export.exporter import Exporting
from batch_pipelines.processing.export.targets import Done
from batch_pipelines_tests.processing.datasets import Project
from batch_pipelines_tests.processing.export.targets import HEADER, execute, exporting, held, lines, query
from batch_pipelines_tests.servers import PostgresServer

TARGET = "{table: orders, connection: mart}"


@pytest.fixture(params=["sqlite", "postgresql"])
def mart(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/mart.db"
        return
    server: PostgresServer = request.getfixturevalue("postgres_instance")
    with server.database() as database:
        yield database.url


def project_of(home: Path, mart: str, **more: Any) -> Project:
    return exporting(home, TARGET, mart=mart, **more)


def written(project: Project) -> Exporting:
    project.processing.run("orders")
    return project.processing.export("orders")


def dones(exporting_: Exporting) -> list[Done]:
    assert exporting_.failures == []
    return [each.done for each in exporting_.done]


def test_rows_and_commit_row_arrive_and_a_second_export_writes_nothing(home: Path, mart: str) -> None:
    project = project_of(home, mart, monthly=True)
    project.write("in/orders-2013-01.csv", lines(1, 2))
    project.write("in/orders-2013-02.csv", lines(3))

    assert dones(written(project)) == [Done.WRITTEN, Done.WRITTEN]
    assert held(mart) == {"2013-01": [1, 2], "2013-02": [3]}
    commits = query(mart, "SELECT dataset, partition, target, publication, rows FROM bp_exports ORDER BY partition")
    assert [tuple(each.values()) for each in commits] == [
        ("orders", "2013-01", "orders", 1, 2),
        ("orders", "2013-02", "orders", 1, 1),
    ]

    assert dones(project.processing.export("orders")) == [Done.CURRENT, Done.CURRENT]
    assert held(mart) == {"2013-01": [1, 2], "2013-02": [3]}
    assert project.processing.not_exported("orders") == []


def test_a_table_that_was_dropped_is_written_anew_although_its_commit_rows_are_there(home: Path, mart: str) -> None:
    project = project_of(home, mart)
    project.write("in/orders.csv", lines(1, 2))
    written(project)
    execute(mart, "DROP TABLE orders")

    assert len(project.processing.not_exported("orders")) == 1
    assert dones(project.processing.export("orders")) == [Done.WRITTEN]
    assert held(mart) == {"all": [1, 2]}
    assert project.processing.not_exported("orders") == []


def test_a_new_publication_replaces_its_partition_and_nothing_else(home: Path, mart: str) -> None:
    project = project_of(home, mart, monthly=True)
    project.write("in/orders-2013-01.csv", lines(1, 2))
    project.write("in/orders-2013-02.csv", lines(3))
    written(project)
    execute(mart, "INSERT INTO orders (id) VALUES (99)")
    project.write("in/orders-2013-01.csv", lines(4))

    assert dones(written(project)) == [Done.WRITTEN, Done.CURRENT]
    assert held(mart) == {"2013-01": [4], "2013-02": [3], None: [99]}


def test_values_arrive_as_they_are(home: Path, mart: str) -> None:
    project = project_of(home, mart)
    name = 'quote " comma, back\\slash \\. ünïcode'
    text = name.replace('"', '""')
    project.write(
        "in/orders.csv", f'{HEADER}1,2013-01-02,2013-01-02T05:00:00.123456Z,"{text}",-0.10,1e-300,false\n2,,,,,,\n'
    )
    written(project)

    first, second = query(mart, "SELECT * FROM orders ORDER BY id")
    assert (first["name"], first["share"], bool(first["paid"])) == (name, 1e-300, False)
    assert Decimal(first["price"]) == Decimal("-0.10")
    assert str(first["day"]) == "2013-01-02"
    assert str(first["at"]).startswith("2013-01-02 05:00:00.123456")
    assert all(second[key] is None for key in ("day", "at", "name", "price", "share", "paid"))


@pytest.mark.parametrize("table", ["CREATE TABLE orders (id INTEGER)", "CREATE TABLE orders (id {float}, {rest})"])
def test_a_table_whose_columns_do_not_hold_the_values_exactly_is_refused(home: Path, mart: str, table: str) -> None:
    rest = ", ".join(f"{name} TEXT" for name in ("day", "at", "name", "price", "share", "paid", "_partition"))
    execute(mart, table.format(float="DOUBLE PRECISION", rest=rest))
    project = project_of(home, mart)
    project.write("in/orders.csv", lines(1))

    (failure,) = written(project).failures
    assert "the columns do not fit" in failure
    assert ("'_partition' is missing" in failure) == ("(id INTEGER)" in table)
    assert query(mart, "SELECT count(*) AS n FROM orders")[0]["n"] == 0


@pytest.mark.parametrize("bad", [1, 500, 998])
def test_a_refused_row_is_named_by_its_place_and_the_table_is_untouched(home: Path, mart: str, bad: int) -> None:
    project = project_of(home, mart)
    project.write("in/orders.csv", lines(7))
    written(project)
    condition = f"CHECK (id <> {bad} OR name = 'fine')"
    if mart.startswith("sqlite"):
        execute(
            mart,
            "ALTER TABLE orders RENAME TO old",
            f"CREATE TABLE orders (id INTEGER {condition}, day TEXT, at TEXT, "
            "name TEXT, price TEXT, share REAL, paid INTEGER, _partition TEXT)",
            "INSERT INTO orders SELECT * FROM old",
        )
    else:
        execute(mart, f"ALTER TABLE orders ADD CONSTRAINT not_this {condition}")
    project.write("in/orders.csv", lines(*range(1, 999)))

    (failure,) = written(project).failures
    assert f"refuses the row from in/orders.csv:{bad + 1}: " in failure
    assert "Failing row" not in failure
    assert held(mart) == {"all": [7]}
    assert query(mart, "SELECT publication FROM bp_exports") == [{"publication": 1}]

    project.write("in/orders.csv", lines(8))
    assert dones(written(project)) == [Done.WRITTEN]
    assert held(mart) == {"all": [8]}


def test_a_unique_key_that_another_partition_holds_refuses_the_row(home: Path, mart: str) -> None:
    project = project_of(home, mart, monthly=True)
    project.write("in/orders-2013-01.csv", lines(1, 2))
    written(project)
    execute(mart, "CREATE UNIQUE INDEX one_id ON orders (id)")
    project.write("in/orders-2013-02.csv", lines(3, 2))

    (failure,) = written(project).failures
    assert failure.startswith("orders/2013-02 → mart:orders: refuses the row from in/orders-2013-02.csv:3")
    assert held(mart) == {"2013-01": [1, 2]}


def test_an_older_publication_never_overwrites_a_newer_one(home: Path, mart: str) -> None:
    project = project_of(home, mart)
    project.write("in/orders.csv", lines(1))
    written(project)
    execute(mart, "UPDATE bp_exports SET publication = 9", "UPDATE orders SET id = 100")

    (failure,) = project.processing.export("orders").failures
    assert "the target holds publication 9, the table only 1" in failure
    assert held(mart) == {"all": [100]}


def test_a_column_that_was_added_to_the_table_is_null_for_old_parts(home: Path, mart: str) -> None:
    project = project_of(home, mart, monthly=True)
    project.write("in/orders-2013-01.csv", lines(1))
    project.processing.run("orders")
    yaml = home / "defs/orders/defs.yaml"
    yaml.write_text(yaml.read_text() + "  derive: {twice: id * 2}\n")
    project.reopen()
    project.write("in/orders-2013-02.csv", lines(2))
    project.processing.run("orders", ["2013-02"])

    assert dones(project.processing.export("orders")) == [Done.WRITTEN, Done.WRITTEN]
    assert query(mart, "SELECT id, twice FROM orders ORDER BY id") == [
        {"id": 1, "twice": None},
        {"id": 2, "twice": 4},
    ]


def test_sqlite_would_lose_nan_so_that_row_is_refused(home: Path, tmp_path: Path) -> None:
    mart = f"sqlite:///{tmp_path}/mart.db"
    project = project_of(home, mart)
    yaml = home / "defs/orders/defs.yaml"
    yaml.write_text(yaml.read_text() + "  derive: {odd: \"case when id = 2 then 'nan'::double else 1 end\"}\n")
    project.reopen()
    project.write("in/orders.csv", lines(1, 2))

    (failure,) = written(project).failures
    assert "refuses the row from in/orders.csv:3: column 'odd' is NaN" in failure


def test_nan_arrives_in_postgresql(home: Path, postgres: Any) -> None:
    project = project_of(home, postgres.url)
    yaml = home / "defs/orders/defs.yaml"
    yaml.write_text(
        yaml.read_text() + "  derive: {odd: \"case when id = 2 then 'nan'::double else 'inf'::double end\"}\n"
    )
    project.reopen()
    project.write("in/orders.csv", lines(1, 2))

    written(project)
    found = [row["odd"] for row in query(postgres.url, "SELECT odd FROM orders ORDER BY id")]
    assert found[0] == math.inf
    assert math.isnan(found[1])


def test_a_database_that_is_away_may_work_later_and_no_secret_is_said(home: Path) -> None:
    project = project_of(home, "postgresql://me:hidden@127.0.0.1:1/mart")
    project.write("in/orders.csv", lines(1))
    exported = written(project)

    assert exported.may_work_later
    assert "the database cannot be used" in exported.failures[0]
    assert "hidden" not in exported.failures[0]
    assert "\n" not in exported.failures[0]


def test_a_missing_connection_is_named(home: Path) -> None:
    project = exporting(home, TARGET)
    project.write("in/orders.csv", lines(1))
    exported = written(project)
    assert "set the environment variable BP_CONNECTION_MART" in exported.failures[0]
    assert not exported.may_work_later


def test_tables_in_a_schema_have_their_commit_rows_there(home: Path, postgres: Any) -> None:
    execute(postgres.url, "CREATE SCHEMA sales")
    project = exporting(home, "{table: sales.Orders, connection: mart}", mart=postgres.url)
    project.write("in/orders.csv", lines(1))
    assert dones(written(project)) == [Done.WRITTEN]
    assert held(postgres.url, 'sales."Orders"') == {"all": [1]}
    assert query(postgres.url, "SELECT target FROM sales.bp_exports") == [{"target": "sales.Orders"}]


def test_rights_that_are_missing_are_said_in_a_line(home: Path, postgres: Any) -> None:
    execute(postgres.url, "CREATE ROLE reader LOGIN", "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    project = project_of(home, postgres.url.replace("postgres@", "reader@"))
    project.write("in/orders.csv", lines(1))
    (failure,) = written(project).failures
    execute(postgres.url, "DROP ROLE reader")
    assert "permission denied for schema public" in failure
