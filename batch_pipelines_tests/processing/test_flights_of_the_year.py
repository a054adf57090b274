"""All 336,776 flights of 2013, from CSV, JSON lines, Parquet, XLSX and PostgreSQL: five tables with identical content.

The sources are written by Arrow, DuckDB and COPY, column by column: Python would take minutes. The first flights of
each month, written value by value, are in test_flights_in_every_format.py.
"""

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import psycopg2
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
import xlsxwriter  # type: ignore[import-untyped]

from batch_pipelines.core.connections import load_connections
from batch_pipelines.lake.delta import load, table_path
from batch_pipelines.reporting.render.xlsx_rows import Filling, fill
from batch_pipelines_tests.processing.datasets import SYSTEM, Project
from batch_pipelines_tests.processing.test_flights_in_every_format import EXPECTED_DEAD, MONTHS, RULES, SAMPLES, TEXTS
from batch_pipelines_tests.servers import Database

FLIGHTS = 336_776
PARTITIONS = "partitions: {every: month, start: 2013-01, end: 2013-12}"

Year = dict[str, pa.Table]


@pytest.fixture(scope="module")
def year() -> Year:
    """The flights by month, typed."""
    months: Year = {}
    for month in MONTHS:
        options = pa_csv.ConvertOptions(
            null_values=["NA"],
            strings_can_be_null=True,
            column_types={**dict.fromkeys(TEXTS, pa.string()), "time_hour": pa.timestamp("us", "UTC")},
        )
        read = pa_csv.read_csv(SAMPLES / f"flights-{month}.csv.gz", convert_options=options)
        at = read.schema.get_field_index("time_hour")
        months[month] = read.set_column(at, "time_hour", read["time_hour"].cast(pa.timestamp("us")))
    return months


def csv(table: pa.Table, file: Path) -> None:
    pa_csv.write_csv(table, file, pa_csv.WriteOptions(quoting_style="none"))


def parquet(table: pa.Table, file: Path) -> None:
    pq.write_table(table, file, write_page_checksum=True)


def jsonl(table: pa.Table, file: Path) -> None:
    with duckdb.connect() as connection:
        connection.register("flights", table)
        connection.execute(f"COPY flights TO '{file}' (FORMAT json, TIMESTAMPFORMAT '%Y-%m-%dT%H:%M:%S')")


def xlsx(table: pa.Table, file: Path) -> None:
    shell, rows = file.with_suffix(".shell"), file.with_suffix(".parquet")
    parquet(table, rows)
    with xlsxwriter.Workbook(shell) as book:
        sheet = book.add_worksheet()
        moment, plain = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}), book.add_format({"num_format": "0"})
        sheet.write_row(0, 0, table.column_names)
        for place, kind in enumerate(table.schema.types):
            sheet.write_blank(1, place, None, moment if pa.types.is_timestamp(kind) else plain)
    fill(shell, file, {"xl/worksheets/sheet1.xml": Filling(rows, 0, table.num_rows, "UTC")})


WRITERS: dict[str, Callable[[pa.Table, Path], None]] = {"csv": csv, "jsonl": jsonl, "parquet": parquet, "xlsx": xlsx}


def from_files(project: Project, year: Year, kind: str) -> str:
    """Write the year as files; how a dataset declares them."""
    (project.home / "in").mkdir(exist_ok=True)
    for month, table in year.items():
        WRITERS[kind](table, project.home / "in" / f"flights-{month}.{kind}")
    return f"source: in/flights-{{%Y-%m}}.{kind}"


def from_postgresql(project: Project, year: Year, database: Database) -> str:
    """Copy the year into a database; how a dataset asks it."""
    connections = load_connections({"BP_CONNECTION_FLIGHTS": database.url}, project.home)
    project.settings = replace(project.settings, connections=connections)
    names = year[MONTHS[0]].column_names
    columns = ", ".join(f"{name} {sql_type(name)}" for name in names)
    connection = psycopg2.connect(host=database.host, port=database.port, user=database.user, dbname=database.name)
    with connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE flights (place bigserial, first_day date, {columns})")
        for month, table in year.items():
            text = io.BytesIO()
            first_day = pa.array([f"{month}-01"] * table.num_rows)
            pa_csv.write_csv(table.add_column(0, "first_day", first_day), text)
            text.seek(0)
            cursor.copy_expert(f"COPY flights (first_day, {', '.join(names)}) FROM STDIN (FORMAT csv, HEADER)", text)
    connection.close()
    return (
        f"sql: select {', '.join(names)} from flights where first_day >= $start and first_day < $end order by place\n"
        "connection: flights"
    )


def kind_of(name: str) -> str:
    return "string" if name in TEXTS else "timestamp" if name == "time_hour" else "int"


def sql_type(name: str) -> str:
    return {"string": "text", "timestamp": "timestamp", "int": "bigint"}[kind_of(name)]


def processed(project: Project, year: Year, name: str, source: str) -> pa.Table:
    """The table that a source gives, in order, without system columns; all that is not in it is a dead letter."""
    names = year[MONTHS[0]].column_names
    declared = "".join(f"\n  {column}: {RULES.get(column, kind_of(column))}" for column in names)
    project.declare(name, f"{source}\n{PARTITIONS}\ncolumns:{declared}")
    reports = project.run(name)
    assert [report.message for report in reports if not report.ok] == []
    assert [report.counts.items for report in reports] == [table.num_rows for table in year.values()]
    assert sum(report.counts.dead for report in reports) == EXPECTED_DEAD
    held: Any = load(table_path(project.data, name))
    table: pa.Table = held.to_pyarrow_table().sort_by([("_partition", "ascending"), ("_offset", "ascending")])
    return table.drop_columns(list(SYSTEM))


@pytest.mark.timeout(300)
def test_all_flights_of_the_year_give_the_same_table_from_every_source(
    project: Project, year: Year, postgres: Database
) -> None:
    table = processed(project, year, "csv", from_files(project, year, "csv"))
    assert table.num_rows == FLIGHTS - EXPECTED_DEAD
    for kind in ("jsonl", "parquet", "xlsx"):
        assert processed(project, year, kind, from_files(project, year, kind)).equals(table), kind
    assert processed(project, year, "postgresql", from_postgresql(project, year, postgres)).equals(table)
