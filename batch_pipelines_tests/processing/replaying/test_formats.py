"""Dead letters of every kind of source come back: raw content is read again as its format has it."""

import io
import shutil
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from batch_pipelines.processing.dead_letters.selection import Wanted
from batch_pipelines.processing.replaying import replay
from batch_pipelines.processing.replaying.replay import Replay
from batch_pipelines_tests.processing.databases import asking
from batch_pipelines_tests.processing.datasets import Project
from batch_pipelines_tests.processing.export.targets import execute

ROWS: list[tuple[int, str, float]] = [(1, "rome", 5.0), (2, "oslo", 6.0), (3, "rome", -7.0), (4, "bern", 8.0)]
NAMES = ("id", "city", "price")


def as_csv() -> bytes:
    return ("id,city,price\n" + "".join(f"{i},{city},{price}\n" for i, city, price in ROWS)).encode()


def as_jsonl() -> bytes:
    return "".join(f'{{"id": {i}, "city": "{city}", "price": {price}}}\n' for i, city, price in ROWS).encode()


def as_parquet() -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table({name: [row[n] for row in ROWS] for n, name in enumerate(NAMES)}), buffer)
    return buffer.getvalue()


def as_xlsx() -> bytes:
    book, buffer = openpyxl.Workbook(), io.BytesIO()
    sheet = book.active
    assert sheet is not None
    sheet.append(list(NAMES))
    for row in ROWS:
        sheet.append(list(row))
    book.save(buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.csv", as_csv), ("a.jsonl", as_jsonl), ("a.parquet", as_parquet), ("a.xlsx", as_xlsx)],
)
def test_letters_are_tried_again_corrected_and_reprocessed(
    project: Project, name: str, content: Callable[[], bytes]
) -> None:
    project.declare("cities", "source: in/cities.csv\ncolumns: {city: string}")
    project.declare(
        "shop",
        f"source: in/{name}\nkey: id\ncolumns:\n  id: {{type: int, required: true}}\n"
        "  city: {type: string, in: cities.city}\n  price: {type: float, min: 0}\n",
    )
    project.write("in/cities.csv", "city\nrome\n")
    project.write(f"in/{name}", content())
    assert project.one("shop").message == "4 read, 1 written, 3 dead-lettered"
    project.write("in/cities.csv", "city\nrome\noslo\n")
    project.run("cities")
    asked = Replay("shop", wanted=Wanted(where="city <> 'bern'"), changes={"price": "abs(price::double)"})
    planning = replay.plan(project.processing, asked).planning
    (report,) = project.work(planning)
    assert report.message == "4 read, 3 written, 1 dead-lettered; 2 dead letters tried: 2 written, 0 still dead"
    assert [(row["id"], row["city"], row["price"]) for row in project.rows("shop")] == [
        (1, "rome", 5.0),
        (2, "oslo", 6.0),
        (3, "rome", 7.0),
    ]
    before = project.table("shop")
    assert project.one("shop", force=True).message == "4 read, 3 written, 1 dead-lettered"
    assert project.table("shop") == before


def test_a_value_that_a_typed_column_cannot_hold_is_the_letter_s_reason(project: Project) -> None:
    project.declare("shop", "source: in/a.parquet\ncolumns: {id: int, city: string, price: {type: float, min: 0}}")
    project.write("in/a.parquet", as_parquet())
    project.one("shop")
    asked = Replay("shop", changes={"price": "'seven'"})
    (report,) = project.work(replay.plan(project.processing, asked).planning)
    replayed = project.dead("shop")
    assert project.one("shop", force=True).message == "4 read, 3 written, 1 dead-lettered"
    for letter in (*replayed, *project.dead("shop")):
        assert (report.rows, letter["reasons"][0]["rule"], letter["reasons"][0]["value"]) == (3, "type", "seven")
        assert letter["corrected"] == [{"column": "price", "value": "seven"}]


def test_letters_of_a_query_are_tried_again_corrected_and_asked_for_once_more(home: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/shop.db"
    execute(url, "CREATE TABLE sales (id INTEGER, city TEXT, price REAL)")
    for row in ROWS:
        execute(url, f"INSERT INTO sales VALUES {row}")
    rest = (
        "key: id\ncolumns:\n  id: {type: int, required: true}\n"
        "  city: {type: string, in: cities.city}\n  price: {type: float, min: 0}\n"
    )
    project = asking(home, url, "select id, city, price from sales", rest)
    project.declare("cities", "source: in/cities.csv\ncolumns: {city: string}")
    project.write("in/cities.csv", "city\nrome\n")
    assert project.one("sales").message == "4 read, 1 written, 3 dead-lettered"
    project.write("in/cities.csv", "city\nrome\noslo\n")
    project.run("cities")
    shutil.rmtree(project.data / "staging")  # a replay needs neither the extract nor the database

    asked = Replay("sales", wanted=Wanted(where="city <> 'bern'"), changes={"price": "abs(price::double)"})
    (report,) = project.work(replay.plan(project.processing, asked).planning)

    assert report.message == "4 read, 3 written, 1 dead-lettered; 2 dead letters tried: 2 written, 0 still dead"
    before = project.table("sales")
    assert [(row["id"], row["city"], row["price"]) for row in sorted(before, key=lambda row: row["id"])] == [
        (1, "rome", 5.0),
        (2, "oslo", 6.0),
        (3, "rome", 7.0),
    ]
    batches = project.batches("sales")
    project.one("sales")
    assert project.batches("sales") == batches  # the same rows: nothing to do
    assert project.one("sales", force=True).message == "4 read, 3 written, 1 dead-lettered"
    assert sorted(project.table("sales"), key=str) == sorted(before, key=str)
    execute(url, "INSERT INTO sales VALUES (5, 'rome', -1)")
    assert project.one("sales").message == "5 read, 2 written, 3 dead-lettered"  # other content, so without corrections
