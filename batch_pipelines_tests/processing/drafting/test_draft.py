"""A drafted declaration: true of what it looked at, loadable, and processing its file without a dead letter."""

import gzip
import io
import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter  # type: ignore[import-untyped]
import yaml

from batch_pipelines.core.errors import ConfigError, InputError
from batch_pipelines.processing.drafting.draft import Draft, dataset_name, draft
from batch_pipelines.processing.drafting.text import scalar, yaml_of
from batch_pipelines.processing.sources.files import source_file
from batch_pipelines_tests.processing.datasets import Project

ROWS = [
    ("007", 1, 2.5, "2013-01-31", "2013-01-31T05:00:00Z", True, "Aachen"),
    ("008", 2, 3, "2013-02-01", "2013-02-01T05:00:00Z", False, None),
    ("009", None, 3.25, "2013-02-01", "2013-02-01T06:00:00Z", True, "Köln"),
]
NAMES = ("code", "n", "price", "day", "at", "open", "city of birth")
TYPES = {
    "code": "string",
    "n": "int",
    "price": "float",
    "day": "date",
    "at": "timestamp",
    "open": "bool",
    "city of birth": "string",
}
OPTIONAL = {"n", "city of birth"}


def csv_text(delimiter: str = ",", null: str = "") -> str:
    cells = [
        [null if cell is None else str(cell).lower() if cell in (True, False) else str(cell) for cell in row]
        for row in ROWS
    ]
    return "\n".join(delimiter.join(line) for line in [list(NAMES), *cells]) + "\n"


def parquet() -> bytes:
    columns: dict[str, Any] = dict(zip(NAMES, map(list, zip(*ROWS, strict=True)), strict=True))
    columns["day"] = pa.array(columns["day"], pa.string()).cast(pa.date32())
    columns["at"] = pa.array(columns["at"], pa.string()).cast(pa.timestamp("us", tz="UTC"))
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


def xlsx() -> bytes:
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer) as book:
        sheet = book.add_worksheet()
        for at, row in enumerate([NAMES, *ROWS]):
            for column, cell in enumerate(row):
                sheet.write(at, column, cell)
    return buffer.getvalue()


def drafted(project: Project, file: str, content: str | bytes) -> Draft:
    path = project.write(f"in/{file}", content)
    return draft("shop", source_file(path, project.home, project.data), project.home, project.data)


def declared(project: Project, made: Draft) -> None:
    """Write it where it belongs."""
    folder = project.home / "defs" / "shop"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "defs.yaml").write_text(yaml_of(made, "shop"))
    project.reopen()


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("shop.csv", csv_text()),
        ("shop.csv.gz", gzip.compress(csv_text(null="NA").encode())),
        ("semicolons.csv", csv_text(";", "NULL")),
        ("tabs.csv", csv_text("\t")),
        ("western.csv", csv_text(";").encode("cp1252")),
        ("wide.csv", csv_text().encode("utf-16")),
        ("shop.jsonl", "\n".join(json.dumps(dict(zip(NAMES, row, strict=True))) for row in ROWS)),
        ("shop.parquet", parquet()),
        ("shop.xlsx", xlsx()),
    ],
)
def test_what_is_drafted_loads_and_processes_its_file_in_every_format(
    project: Project, file: str, content: str | bytes
) -> None:
    made = drafted(project, file, content)
    columns = made.declaration.columns or {}
    assert {name: column.type for name, column in columns.items()} == TYPES
    assert {name for name, column in columns.items() if not column.required} == OPTIONAL
    assert ["code"] in made.keys
    assert (made.rows, made.whole) == (3, True)
    declared(project, made)
    assert project.processing.catalog.entry("shop").declaration == made.declaration
    report = project.one("shop")
    assert report.message == "3 read, 3 written, 0 dead-lettered"
    assert [row["city of birth"] for row in project.rows("shop")] == ["Aachen", None, "Köln"]
    assert not list((project.data / "tmp").glob("draft-*"))


def test_a_type_holds_for_all_rows_looked_at_not_only_for_the_first(project: Project) -> None:
    many = "".join(f"{n},1,2013-01-01\n" for n in range(300_000))
    made = drafted(project, "shop.csv", f"id,n,day\n{many}300000,1.5,2013-01-01T05:00:00\n")
    assert {name: column.type for name, column in (made.declaration.columns or {}).items()} == {
        "id": "int",
        "n": "float",
        "day": "timestamp",
    }
    assert made.keys == [["id"]]


def test_keys_of_several_columns_are_found_and_measures_are_none(project: Project) -> None:
    rows = "".join(f"{store},{day},{store + day / 7}\n" for store in range(3) for day in range(4))
    made = drafted(project, "shop.csv", f"store,day,sales\n{rows}")
    assert made.keys == [["day", "store"]]
    assert "  # key: [day, store]  # different in every row" in yaml_of(made, "shop")


def test_a_word_is_no_null_where_it_is_a_text_among_texts(project: Project) -> None:
    made = drafted(project, "shop.csv", "name,n\nNA,1\nnull,2\nAnn,3\n")
    assert made.declaration.nulls == []


def test_an_empty_file_tells_nothing(project: Project) -> None:
    with pytest.raises(InputError, match="has a header, but no rows, so nothing tells the types of its columns"):
        drafted(project, "shop.csv", "id,n\n")


@pytest.mark.parametrize(
    ("header", "why"),
    [("id,_line", "'_line' is a system column; its name cannot be used"), ("id,ID", "'ID' clashes with 'id'")],
)
def test_heads_that_no_table_can_have_are_said_plainly(project: Project, header: str, why: str) -> None:
    with pytest.raises(ConfigError, match="cannot be declared as it is") as refused:
        drafted(project, "shop.csv", f"{header}\n1,2\n")
    assert why in str(refused.value)
    assert "pydantic" not in str(refused.value)


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("data/in/Flights-2013-01.csv.gz", "flights_2013_01"),
        ("a b.xlsx", "a_b"),
        ("Ärger.csv", "rger"),
        (".csv", "dataset"),
    ],
)
def test_the_name_comes_from_the_file(file: str, name: str) -> None:
    assert dataset_name(file) == name


@pytest.mark.parametrize(
    "text", ["plain", "no", "null", "1", "a b", 'say "x"', "- x", "ä: b", "\t", "1e3", "2013-01-01"]
)
def test_names_are_written_so_that_yaml_reads_them_back(text: str) -> None:
    assert yaml.safe_load(f"{scalar(text)}: {scalar(text)}") == {text: text}
