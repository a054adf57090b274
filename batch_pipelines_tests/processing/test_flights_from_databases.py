"""The flights of 2013 as tables of databases: the same table as from the CSV files."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import BigInteger, Column, Date, DateTime, MetaData, Table, Text, create_engine
from sqlalchemy.types import TypeEngine

from batch_pipelines.core.connections import load_connections
from batch_pipelines_tests.processing.datasets import Project
from batch_pipelines_tests.processing.sources.formats.written import Record
from batch_pipelines_tests.processing.test_flights_in_every_format import SOURCES, Fill, processed
from batch_pipelines_tests.servers import Database

KINDS: dict[str, type[TypeEngine[Any]]] = {"string": Text, "int": BigInteger, "timestamp": DateTime}


def database(url: str) -> Fill:
    """Fill a database, and say how a dataset asks it."""

    def fill(project: Project, months: Mapping[str, Sequence[Record]], columns: Mapping[str, str]) -> str:
        project.settings = replace(
            project.settings, connections=load_connections({"BP_CONNECTION_FLIGHTS": url}, project.home)
        )
        kinds: list[Column[Any]] = [Column(name, KINDS[kind]) for name, kind in columns.items()]
        table = Table("flights", MetaData(), Column("place", BigInteger), Column("first_day", Date), *kinds)
        engine = create_engine(url)
        with engine.begin() as connection:
            table.create(connection)
            for month, records in months.items():
                first_day = date.fromisoformat(f"{month}-01")
                connection.execute(
                    table.insert(),
                    [{**record, "place": place, "first_day": first_day} for place, record in enumerate(records)],
                )
        engine.dispose()
        names = ", ".join(columns)
        return (
            f"sql: select {names} from flights where first_day >= $start and first_day < $end order by place\n"
            "connection: flights"
        )

    return fill


def test_flights_give_the_same_table_from_postgresql(
    project: Project, postgres: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SOURCES, "postgresql", database(postgres.url))
    table, dead = processed(project, "csv", 100)
    assert len(table) + dead == 100 * 12
    assert processed(project, "postgresql", 100) == (table, dead)


def test_flights_give_the_same_table_from_sqlite(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SOURCES, "sqlite", database(f"sqlite:///{tmp_path}/flights.db"))
    table, dead = processed(project, "csv", 100)
    assert processed(project, "sqlite", 100) == (table, dead)
