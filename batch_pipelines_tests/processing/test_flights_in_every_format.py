"""The first flights of each month, as files of every format: tables with identical content.

A source of another kind (a database) joins by an entry in `SOURCES`: how it is filled, and how it is declared.
"""

import csv
import gzip
import itertools
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from batch_pipelines_tests.processing.datasets import Project, Row
from batch_pipelines_tests.processing.sources.formats.written import FORMATS, Record, written

SAMPLES = Path(__file__).parents[2] / "data" / "samples"
MONTHS = [f"2013-{month:02}" for month in range(1, 13)]
TEXTS = ("carrier", "tailnum", "origin", "dest")
RULES = {"dep_delay": "{type: int, min: -120, max: 1000}", "origin": "{type: string, enum: [EWR, JFK, LGA]}"}
EXPECTED_DEAD = 5  # of all the year: delayed by more than 1000 minutes

Fill = Callable[[Project, Mapping[str, Sequence[Record]], Mapping[str, str]], str]


def flights(rows: int) -> tuple[dict[str, list[Record]], dict[str, str]]:
    """The first flights of each month, and the types of their columns."""
    months: dict[str, list[Record]] = {}
    names: list[str] = []
    for month in MONTHS:
        with gzip.open(SAMPLES / f"flights-{month}.csv.gz", "rt", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            months[month] = [_typed(record) for record in itertools.islice(reader, rows)]
            names = list(reader.fieldnames or ())
    return months, {name: "string" if name in TEXTS else _kind(name) for name in names}


def _kind(name: str) -> str:
    return "timestamp" if name == "time_hour" else "int"


def _typed(record: Mapping[str, str]) -> Record:
    return {name: None if text == "NA" else _value(name, text) for name, text in record.items()}


def _value(name: str, text: str) -> Any:
    if name in TEXTS:
        return text
    return datetime.fromisoformat(text).replace(tzinfo=None) if name == "time_hour" else int(text)


def _files(kind: str) -> Fill:
    def fill(project: Project, months: Mapping[str, Sequence[Record]], columns: Mapping[str, str]) -> str:
        for month, records in months.items():
            project.write(f"in/flights-{month}.{kind}", written(kind, records, columns))
        return f"source: in/flights-{{%Y-%m}}.{kind}"

    return fill


SOURCES: dict[str, Fill] = {kind: _files(kind) for kind in FORMATS}


def processed(project: Project, name: str, rows: int) -> tuple[list[Row], int]:
    """The table that a source gives, without system columns, and how many dead letters there are."""
    months, columns = flights(rows)
    declared = "".join(f"\n  {column}: {RULES.get(column, kind)}" for column, kind in columns.items())
    source = SOURCES[name](project, months, columns)
    project.declare(name, f"{source}\npartitions: {{every: month, start: 2013-01, end: 2013-12}}\ncolumns:{declared}")
    reports = project.run(name)
    assert [report.partition for report in reports] == MONTHS
    assert [report.message for report in reports if not report.ok] == []
    counts = [report.counts for report in reports]
    assert [each.items for each in counts] == [len(records) for records in months.values()]
    assert all(each.items == each.written + each.dead for each in counts)
    return project.rows(name), sum(each.dead for each in counts)


@pytest.mark.parametrize("name", [each for each in SOURCES if each != "csv"])
def test_flights_give_the_same_table_from_every_source(project: Project, name: str) -> None:
    table, dead = processed(project, "csv", 100)
    assert len(table) + dead == 100 * 12
    other, others_dead = processed(project, name, 100)
    assert other == table
    assert others_dead == dead
