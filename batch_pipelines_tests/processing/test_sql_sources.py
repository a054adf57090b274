"""Rows of a query: frozen out of one snapshot, known by content, the same as from a file."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from batch_pipelines.core.errors import ConfigError
from batch_pipelines.core.faults import arm
from batch_pipelines.core.model import BatchState
from batch_pipelines.processing.declared_sql import check_sql
from batch_pipelines.processing.sources import extract
from batch_pipelines.processing.tables.janitor import sweep
from batch_pipelines_tests.processing.databases import ask, asking, extracts, numbers
from batch_pipelines_tests.processing.datasets import reasons
from batch_pipelines_tests.processing.export.targets import execute
from batch_pipelines_tests.servers import PostgresServer

COLUMNS = "columns: {id: {type: int, required: true}, name: string}\n"
MONTHS = "partitions: {every: month, start: 2013-01, end: 2013-03}\n"
IN_TIME = "select id, name, day from sales where day >= $start and day < $end"


@pytest.fixture(params=["sqlite", "postgresql"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database with a table of five sales."""
    statements = (
        "CREATE TABLE sales (id INTEGER, name TEXT, day DATE)",
        "INSERT INTO sales VALUES (3, 'c', '2013-02-01'), (1, 'a', '2013-01-01'), (2, NULL, '2013-01-31')",
        "INSERT INTO sales VALUES (4, '', '2013-02-28'), (5, 'e', '2013-03-01')",
    )
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/shop.db"
        execute(url, *statements)
        yield url
        return
    server: PostgresServer = request.getfixturevalue("postgres_instance")
    with server.database() as database:
        execute(database.url, *statements)
        yield database.url


@pytest.fixture(autouse=True)
def _disarmed() -> Iterator[None]:
    yield
    arm("")


def test_rows_have_the_connection_and_their_number_as_their_place(home: Path, shop: str) -> None:
    project = asking(home, shop, "select id, name from sales order by id desc", COLUMNS)
    report = project.one("sales")

    assert report.ok, report.message
    found = [(row["_source"], row["_line"], row["id"], row["name"]) for row in project.table("sales")]
    assert found == [
        ("sql:shop", line, number, name)
        for line, (number, name) in enumerate(zip((5, 4, 3, 2, 1), ("e", "", "c", None, "a"), strict=True), 1)
    ]


def test_the_same_rows_are_the_same_batch_whatever_order_they_come_in(home: Path, shop: str) -> None:
    project = asking(home, shop, "select id, name from sales", COLUMNS)
    project.one("sales")
    execute(
        shop,
        "CREATE TABLE other AS SELECT * FROM sales ORDER BY id DESC",
        "DROP TABLE sales",
        "ALTER TABLE other RENAME TO sales",
    )

    planning = project.plan("sales")
    assert planning.current == planning.batch_ids
    assert [row["id"] for row in project.table("sales")] == [1, 2, 3, 4, 5]
    assert len([file for file in extracts(project) if file.suffix == ".parquet"]) == 1

    execute(shop, "UPDATE sales SET name = 'new' WHERE id = 4")
    assert project.plan("sales").current == []


def test_each_partition_asks_for_its_time(home: Path, shop: str) -> None:
    project = asking(home, shop, IN_TIME, MONTHS + "columns: {id: int, name: string, day: date}\n")
    reports = project.run("sales")

    assert [(each.partition, each.rows) for each in reports] == [("2013-01", 2), ("2013-02", 2), ("2013-03", 1)]
    assert project.plan("sales", ["2013-02"]).current != []


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kolkata"])
def test_days_begin_where_the_partitions_say(home: Path, shop: str, zone: str) -> None:
    partitions = f"partitions: {{every: month, start: 2013-01, end: 2013-03, timezone: {zone}}}\n"
    project = asking(home, shop, IN_TIME, partitions)
    assert [each.rows for each in project.run("sales")] == [2, 2, 1]


def test_a_snapshot_is_not_disturbed_by_who_writes_meanwhile(home: Path, shop: str) -> None:
    many = numbers(3000)
    wide = f"select s.id, s.name, n.n from sales s, ({many}) n"
    project = asking(home, shop, wide, "columns: {id: int, name: string, n: int}\n")
    writer = threading.Thread(target=lambda: execute(shop, "DELETE FROM sales WHERE id > 2"))
    writer.start()
    report = project.one("sales")
    writer.join()
    assert report.rows in (15_000, 6_000)


def test_columns_are_inferred_from_the_types_that_the_database_has(home: Path, shop: str) -> None:
    project = asking(home, shop, "select id, name, id * 0.5 as half, day from sales where id <> 2")
    report = project.one("sales")
    kinds = dict(report.columns)

    assert (kinds["id"], kinds["name"]) == ("int64", "string")
    assert kinds["day"] == ("string" if shop.startswith("sqlite") else "date32[day]")


def test_a_resumed_batch_goes_on_with_the_extract_it_has(home: Path, shop: str) -> None:
    project = asking(home, shop, "select id, name from sales", COLUMNS)
    planning = project.plan("sales")
    again = project.plan("sales")

    assert again.batch_ids == planning.batch_ids
    assert project.work(again)[0].ok


def test_an_extract_that_is_gone_is_source_changed_and_the_next_run_makes_it_anew(home: Path, shop: str) -> None:
    project = asking(home, shop, "select id, name from sales", COLUMNS)
    planning = project.plan("sales")
    for file in extracts(project):
        file.unlink()

    assert project.work(planning)[0].state is BatchState.SOURCE_CHANGED
    assert project.one("sales").ok


def test_an_extract_is_whole_or_not_there(home: Path, shop: str) -> None:
    project = asking(home, shop, "select id, name from sales", COLUMNS)
    for fault in ("raise@extract.rows_read:1", "enospc@extract.rows_read:1"):
        arm(fault)
        failed = project.plan("sales").problems["all"]
        assert failed.startswith("sql:shop: its rows cannot be kept in ")
        assert extracts(project) == []
    arm("")
    assert project.one("sales").ok


def test_an_extract_has_page_checksums(home: Path, shop: str) -> None:
    project = asking(home, shop, "select id, name from sales", COLUMNS)
    planning = project.plan("sales")
    (file,) = extracts(project)
    data = bytearray(file.read_bytes())
    data[30] ^= 1
    file.write_bytes(data)

    with pytest.raises(OSError, match=r"CRC|checksum|Couldn't|invalid"):
        pq.ParquetFile(file, page_checksum_verification=True).read()
    assert project.work(planning)[0].state is BatchState.SOURCE_CHANGED


def test_a_large_result_is_cut_into_chunks_that_add_up(home: Path, shop: str) -> None:
    many = f"select n as id, 'x' || n as name from ({numbers(20_000)}) n"
    project = asking(home, shop, many, COLUMNS + "chunk_size: 32KB\nkey: id\n")
    report = project.one("sales")

    assert (report.rows, report.dead_letters) == (20_000, 0)
    assert len(report.chunks) > 3


def test_bad_rows_are_dead_letters_and_doubled_keys_too(home: Path, shop: str) -> None:
    execute(shop, "INSERT INTO sales (id, name) VALUES (NULL, 'none'), (5, 'double')")
    project = asking(home, shop, "select id, name from sales", COLUMNS + "key: id\n")
    report = project.one("sales")

    assert (report.rows, report.dead_letters) == (5, 2)
    letters = project.dead("sales")
    assert sorted(reason for letter in letters for reason in reasons(letter)) == ["duplicate: id", "required: id"]
    assert all(letter["source"] == "sql:shop" for letter in letters)


def test_only_reading_reaches_the_database(home: Path, shop: str) -> None:
    project = asking(home, shop, "with gone as (select 1) select id from sales", "columns: {id: int}\n")
    assert project.one("sales").ok
    ask(project, "delete from sales")
    with pytest.raises(ConfigError, match="begins with SELECT"):
        project.plan("sales")


def test_a_query_in_a_file_is_checked_when_definitions_load(home: Path, shop: str) -> None:
    project = asking(home, shop, "select 1 as id")
    project.declare("months", f"sql: months.sql\nconnection: shop\n{MONTHS}")
    with pytest.raises(ConfigError, match=r"defs/months/defs.yaml:3: sql: the file months.sql .* cannot be read"):
        check_sql(project.processing.catalog)

    (home / "defs/months/months.sql").write_text("select id from sales")
    with pytest.raises(ConfigError, match="need both"):
        check_sql(project.processing.catalog)

    (home / "defs/months/months.sql").write_text(IN_TIME)
    check_sql(project.processing.catalog)
    assert [each.rows for each in project.run("months")] == [2, 2, 1]


def test_a_missing_variable_is_named_when_it_is_planned(home: Path) -> None:
    project = asking(home, None, "select 1 as id")
    check_sql(project.processing.catalog)
    assert "set the environment variable BP_CONNECTION_SHOP" in project.plan("sales").problems["all"]


def test_a_password_is_nowhere_in_the_ledger_or_the_data(home: Path, postgres: Any) -> None:
    url = postgres.url.replace("postgres@", "postgres:canary@")
    project = asking(home, url, "select 1 as id", "export: {table: out, connection: shop}\n")
    assert project.one("sales").ok
    assert project.processing.export("sales").failures == []
    ask(project, "select x from nowhere")
    assert "canary" not in project.plan("sales").problems["all"]
    project.processing.close()
    files = [file for file in home.rglob("*") if file.is_file()]
    assert not [file for file in files if b"canary" in file.read_bytes()]


def test_a_sqlite_file_is_only_read(home: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/shop.db"
    execute(url, "CREATE TABLE sales (id INTEGER)", "INSERT INTO sales VALUES (1)")
    before = (tmp_path / "shop.db").read_bytes()
    assert asking(home, url, "select id from sales", "columns: {id: int}\n").one("sales").ok
    assert (tmp_path / "shop.db").read_bytes() == before


def test_row_groups_end_at_the_same_row_however_rows_come_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extract, "GROUP_BYTES", 100)
    monkeypatch.setattr(extract, "GROUP_ROWS", 4)
    texts = pa.array([None if n % 5 == 0 else "x" * (n * 13 % 60) for n in range(100)])
    rows = pa.record_batch({"x": texts, "y": pa.array([str(n) for n in range(100)])})

    def ends(piece_rows: int) -> list[list[Any]]:
        pieces = (rows.slice(first, piece_rows) for first in range(0, 100, piece_rows))
        return [group.column("y").to_pylist() for group in extract.groups(pieces)]

    whole = ends(100)
    assert [row for group in whole for row in group] == [str(n) for n in range(100)]
    assert {len(group) for group in whole} == {2, 4}
    assert all(ends(piece_rows) == whole for piece_rows in (1, 3, 8, 64))


def test_an_extract_is_kept_as_long_as_a_plan_names_it_and_then_swept(home: Path, shop: str) -> None:
    project = asking(home, shop, "select id, name from sales", COLUMNS)
    planning = project.plan("sales")
    left = project.data / "staging/sales/.extract-0.tmp"
    left.write_bytes(b"of a process that was killed")
    (extracted,) = [file for file in extracts(project) if file.suffix == ".parquet"]
    for file in (left, extracted):
        os.utime(file, (1, 1))

    sweep(project.data, project.processing.ledger, "sales")
    assert extracts(project) == [extracted]
    assert project.work(planning)[0].ok
    sweep(project.data, project.processing.ledger, "sales")
    assert extracts(project) == []
    assert project.plan("sales").current == planning.batch_ids
