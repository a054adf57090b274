"""Whole datasets, from files to table, dead letters and report."""

import gzip
from pathlib import Path

import pyarrow as pa
import pytest

from batch_pipelines.core.errors import BatchFailed, ConfigError
from batch_pipelines.core.faults import arm
from batch_pipelines.core.model import BatchState, ChunkState
from batch_pipelines.core.progress import Progress
from batch_pipelines.processing.pipeline import Overrides
from batch_pipelines_tests.processing.datasets import Project, reasons

SHOP = "source: in/shop.csv\ncolumns: {id: {type: int, required: true}, city: string}"
STORY = """
source: in/sales-*.csv
nulls: [NA]
key: id
columns:
  id: {type: int, required: true}
  city: {type: string, enum: [Aachen, Bonn]}
  price: {type: "decimal(8,2)", min: "0"}
  note: {type: string, pattern: "[a-z ]+", severity: warn}
derive: {taxed: price * 2}
where: price is null or price > 1
transform: transform:change
"""
CHANGE = """
def change(rows):
    rows['length'] = rows.city.str.len()
    rows['_reject'] = None
    rows.loc[rows.id == 99, '_reject'] = 'ninety-nine is refused'
    return rows[rows.id != 50]
"""


def test_every_item_is_written_filtered_or_a_dead_letter_and_every_row_leads_back(project: Project) -> None:
    project.declare("sales", STORY, CHANGE)
    first = 'id,city,price,note\n1,Aachen,2.50,"fine\nthing"\n\n2,Cologne,3,x\n3,Bonn,0.50,x\n'
    project.write("in/sales-1.csv", first)
    project.write(
        "in/sales-2.csv", gzip.compress(b"id,city,price,note\r\n1,Bonn,9,x\r\n50,Bonn,9,x\r\n99,NA,9,SHOUT\r\n")
    )
    report = project.one("sales")
    assert report.message == "6 read, 1 written, 2 filtered, 3 dead-lettered"
    (row,) = project.table("sales")
    assert (row["id"], row["note"], row["length"], str(row["taxed"])) == (1, "fine\nthing", 6, "5.00")
    assert (row["_source"], row["_line"], row["_offset"], row["_partition"]) == ("in/sales-1.csv", 2, 19, "all")
    dead = project.dead("sales")
    assert [(each["source"], each["record"], each["line"], each["raw"], reasons(each)) for each in dead] == [
        ("in/sales-1.csv", 2, 5, b"2,Cologne,3,x", ["enum: city"]),
        ("in/sales-2.csv", 1, 2, b"1,Bonn,9,x", ["duplicate: id"]),
        ("in/sales-2.csv", 3, 4, b"99,NA,9,SHOUT", ["transform"]),
    ]
    assert first.encode()[dead[0]["offset"] :].startswith(b"2,Cologne")
    assert report.reasons == {"enum: city": 1, "duplicate: id": 1, "transform": 1}
    assert report.warnings == {"pattern: note": 1}
    assert report.files == ["in/sales-1.csv", "in/sales-2.csv"]
    assert report.columns == [
        ("id", "int64"),
        ("city", "string"),
        ("price", "decimal128(8, 2)"),
        ("note", "string"),
        ("taxed", "decimal128(18, 2)"),
        ("length", "int64"),
    ]


@pytest.mark.parametrize("content", ["", "\n\n", "id,city\n", "id,city", "\ufeffid,city\r\n"])
def test_an_empty_file_is_a_batch_of_no_items_and_empties_its_partition(project: Project, content: str) -> None:
    project.declare("shop", f"{SHOP}\nkey: id\nmax_reject_rate: 1%")
    project.write("in/shop.csv", "id,city\n1,Aachen\n")
    project.one("shop")
    project.write("in/shop.csv", content)
    if content == "\n\n":
        assert project.plan("shop").problems == {"all": "in/shop.csv:1: there is no header: all lines are empty"}
        return
    report = project.one("shop")
    assert (report.ok, report.message, report.counts.items) == (True, "the source is empty: 0 items", 0)
    assert project.table("shop") == []
    assert project.plan("shop").current


def test_a_partition_of_only_dead_letters_is_published_empty(project: Project) -> None:
    project.declare("shop", SHOP)
    project.write("in/shop.csv", "id,city\nx,Aachen\ny,Bonn\n")
    report = project.one("shop")
    assert (report.ok, report.rows, report.dead_letters) == (True, 0, 2)
    assert project.table("shop") == []
    assert report.samples == ["in/shop.csv:2: id 'x' is not an int", "in/shop.csv:3: id 'y' is not an int"]


def test_chunks_of_any_size_make_the_same_table(project: Project) -> None:
    rows = "".join(f'{n},"a\n{n}"\n' if n % 3 else f"{n},b\n" for n in range(50))
    project.declare("shop", f"{SHOP}\nkey: id")
    project.write("in/shop.csv", f"id,city\n{rows}5,dup\nx,bad\n")
    project.one("shop")
    whole, dead = project.table("shop"), project.dead("shop")
    for size, chunks in ((1, 52), (40, 11), (200, 2)):
        options = {"force": True, "root_run": f"run-{size}", "overrides": Overrides(chunk_size=size)}
        assert len(project.one("shop", **options).chunks) >= chunks
        assert project.table("shop") == whole
        assert project.dead("shop") == dead


def test_files_in_an_inbox_win_and_the_name_decides_the_partition(project: Project) -> None:
    project.declare("shop", "source: in/shop-{%Y-%m}.csv\ninbox: true\npartitions: {every: month, start: 2013-01}")
    project.write("in/shop-2013-01.csv", "id\n1\n")
    project.write("data/inbox/shop/shop-2013-01.csv.gz", gzip.compress(b"id\n2\n"))
    project.write("data/inbox/shop/shop-2013-02.csv", "id\n3\n")
    assert [report.partition for report in project.run("shop")] == ["2013-01", "2013-02"]
    assert [(row["id"], row["_source"]) for row in project.table("shop")] == [
        (2, "data/inbox/shop/shop-2013-01.csv.gz"),
        (3, "data/inbox/shop/shop-2013-02.csv"),
    ]


def test_a_partition_key_with_a_colon_is_written_and_replaced(project: Project) -> None:
    project.declare("shop", "source: in/{%Y-%m-%d-%H}.csv\npartitions: {every: hour, start: 2013-01-01}\nkey: id")
    for content in ("id\n1\n2\n", "id\n3\n"):
        project.write("in/2013-01-01-05.csv", content)
        assert project.one("shop").partition == "2013-01-01-05:00"
    assert project.rows("shop") == [{"id": 3}]
    assert len(project.live("shop", "2013-01-01-05:00")) == 1


def test_an_added_column_is_null_for_partitions_of_before(project: Project) -> None:
    project.declare("shop", "source: in/*.csv\npartitions: file\ncolumns: {id: int}")
    project.write("in/a.csv", "id,city\n1,Aachen\n")
    project.run("shop")
    project.declare(
        "shop", "source: in/*.csv\npartitions: file\ncolumns: {city: string, id: int}\nderive: {big: id > 1}"
    )
    project.write("in/b.csv", "id,city\n2,Bonn\n")
    project.run("shop", ["b"])
    assert project.rows("shop") == [{"id": 1, "city": None, "big": None}, {"id": 2, "city": "Bonn", "big": True}]


def test_a_column_that_is_no_longer_declared_is_null_in_new_partitions(project: Project) -> None:
    project.declare("shop", "source: in/*.csv\npartitions: file\ncolumns: {id: int, city: string}")
    project.write("in/a.csv", "id,city\n1,Aachen\n")
    project.run("shop")
    project.declare("shop", "source: in/*.csv\npartitions: file\ncolumns: {id: int}")
    project.write("in/b.csv", "id,city\n2,Bonn\n")
    project.run("shop", ["b"])
    assert project.rows("shop") == [{"id": 1, "city": "Aachen"}, {"id": 2, "city": None}]


def test_a_changed_type_is_refused_before_any_work_with_the_cure(project: Project) -> None:
    project.declare("shop", SHOP)
    project.write("in/shop.csv", "id,city\n1,7\n")
    project.one("shop")
    project.declare("shop", SHOP.replace("city: string", "city: int"))
    assert project.plan("shop").problems == {
        "all": "column 'city' of table 'shop' is string, the declaration makes it int; columns can only be widened "
        "(int to decimal or float, decimal to a wider one, date to timestamp): give the column another name, "
        "or move data/datasets/shop away and process all partitions again"
    }
    assert project.rows("shop") == [{"id": 1, "city": "7"}]
    (project.data / "datasets" / "shop").rename(project.home / "away")
    assert project.one("shop").ok
    assert project.rows("shop") == [{"id": 1, "city": 7}]


def test_a_column_that_another_run_typed_meanwhile_fails_the_batch_and_not_its_neighbours(project: Project) -> None:
    """Two plans of a table that is not there yet: the second to publish finds the first one's column."""
    project.declare("shop", "source: in/*.csv\npartitions: file\ncolumns: {id: int}")
    for name in "ab":
        project.write(f"in/{name}.csv", "id\n1\n")
    of_ints = project.plan("shop", ["a"])
    project.declare("shop", "source: in/*.csv\npartitions: file\ncolumns: {id: string}")
    of_texts = project.plan("shop", ["b"])
    project.processing.work([*of_ints.batch_ids, *of_texts.batch_ids])
    first, second = project.processing.review([*of_ints.batch_ids, *of_texts.batch_ids])
    assert (first.state, second.state) == (BatchState.PUBLISHED, BatchState.FAILED)
    assert "column 'id' of table 'shop' is int, the declaration makes it string; columns can only be" in second.message


def test_undeclared_columns_are_inferred_and_keep_the_types_of_the_table(project: Project) -> None:
    project.declare("shop", "source: in/*.csv\npartitions: file\nkey: id")
    project.write("in/a.csv", "id,day\n1,2013-01-01\n")
    (report,) = project.run("shop")
    assert report.columns == [("id", "int64"), ("day", "date32[day]")]
    project.write("in/b.csv", "id,day,new\nx,2013-01-01,1.5\n2,2013-01-01,2.5\n")
    (report,) = project.run("shop", ["b"])
    assert report.columns == [("id", "int64"), ("day", "date32[day]"), ("new", "double")]
    assert report.samples == ["in/b.csv:2: id 'x' is not an int"]
    project.write("in/c.csv", "")
    assert project.run("shop", ["c"])[0].message == "the source is empty: 0 items"


def test_time_limits_attempts_and_workers_can_be_asked_for(project: Project) -> None:
    slow = "import time\ndef change(rows):\n    while True: time.sleep(0.01)\n"
    project.declare("shop", f"{SHOP}\ntransform: transform:change\nadds: {{}}", slow)
    project.write("in/shop.csv", "id,city\n1,a\n")
    planning = project.plan("shop")
    (report,) = project.work(planning, Overrides(attempts=2, soft_s=0.05, hard_s=1.0, workers=1))
    assert report.message == "failed: chunk 0 failed: attempt 2 of 2: ran past its soft limit of 0.05 s"


def test_progress_ends_with_every_item_accounted_for(project: Project) -> None:
    project.declare("shop", f"{SHOP}\nchunk_size: 8B")
    project.write("in/shop.csv", "id,city\n1,a\nx,b\n3,c\n")
    planning, heard = project.plan("shop"), list[Progress]()
    project.processing.work(planning.batch_ids, report=heard.append)
    assert (heard[-1].done, heard[-1].total, heard[-1].dead) == (3, 3, 1)


def test_an_interrupted_run_says_so_and_goes_on_where_it_stopped(project: Project) -> None:
    project.declare("shop", f"{SHOP}\nchunk_size: 4B")
    project.write("in/shop.csv", "id,city\n1,a\n2,b\n3,c\n")
    planning = project.plan("shop")
    arm("raise@lane.worked:2")
    with pytest.raises(OSError, match="Input/output"):
        project.work(planning)
    arm("")
    (report,) = project.processing.review(planning.batch_ids)
    assert report.message == "unfinished: 2 of 3 chunks are left; run it again, it goes on where it stopped"
    assert [chunk["state"] for chunk in report.chunks] == [ChunkState.DONE, ChunkState.PENDING, ChunkState.PENDING]
    (report,) = project.work(project.plan("shop"))
    assert report.message == "3 read, 3 written, 0 dead-lettered"
    assert [chunk["attempts"] for chunk in report.chunks] == [0, 0, 0]


def test_a_record_that_kills_its_worker_is_found_and_buried(home: Path) -> None:
    deadly = "import os\ndef change(rows):\n    if (rows.id == 3).any(): os.abort()\n    return rows\n"
    project = Project(home, processes=True)
    project.declare("shop", f"{SHOP}\ntransform: transform:change\nadds: {{}}", deadly)
    project.write("in/shop.csv", gzip.compress(b"id,city\n1,a\n2,b\n3,c\n4,d\n"))
    (report,) = project.work(project.plan("shop"), Overrides(workers=1))
    assert report.message == "4 read, 3 written, 1 dead-lettered"
    assert [row["id"] for row in project.rows("shop")] == [1, 2, 4]
    (dead,) = project.dead("shop")
    assert (dead["line"], dead["raw"], reasons(dead)) == (4, b"3,c", ["worker"])
    assert "its worker died (exit code -6), 2 times by now" in dead["reasons"][0]["message"]
    project.processing.close()


def test_a_dataset_without_files_or_of_no_such_name_is_refused_with_what_to_do(project: Project) -> None:
    project.declare("shop", SHOP)
    with pytest.raises(ConfigError, match=r"dataset 'shop' has no files: nothing matches in/shop\.csv"):
        project.plan("shop")
    with pytest.raises(ConfigError, match="there is no dataset 'shoop'; did you mean 'shop'"):
        project.plan("shoop")
    assert "partition 'x' of dataset 'shop' has no file" in project.plan("shop", ["x"]).problems["x"]


def test_parts_of_a_table_have_one_schema_even_if_a_chunk_has_no_values(project: Project) -> None:
    upper = "def change(rows):\n    rows['up'] = rows.city.str.upper()\n    return rows\n"
    project.declare("shop", f"{SHOP}\nchunk_size: 4B\ntransform: transform:change", upper)
    project.write("in/shop.csv", "id,city\n1,a\n2,\n")
    report = project.one("shop")
    assert report.columns[-1] == ("up", str(pa.string()))
    assert [row["up"] for row in project.rows("shop")] == ["A", None]


def test_references_that_were_never_processed_are_processed_first(project: Project) -> None:
    project.declare("cities", "source: in/cities.csv\ncolumns: {name: {type: string, required: true}}")
    project.declare("shop", SHOP.replace("city: string", "city: {type: string, in: cities.name}"))
    project.write("in/cities.csv", "name\nAachen\n")
    project.write("in/shop.csv", "id,city\n1,Aachen\n2,Bonn\n")
    planning = project.plan("shop")
    assert [report.dataset for report in planning.prepared] == ["cities"]
    assert project.work(planning)[0].reasons == {"reference: city": 1}
    project.reopen()
    assert project.plan("shop").prepared == []


def test_a_reference_that_cannot_be_processed_fails_before_anything_is_planned(project: Project) -> None:
    project.declare("cities", "source: in/cities.csv\ncolumns: {name: {type: string, required: true}}")
    project.declare("shop", SHOP.replace("city: string", "city: {type: string, in: cities.name}"))
    project.write("in/shop.csv", "id,city\n1,Aachen\n2,Bonn\n")
    project.write("in/cities.csv", "title\nAachen\n")
    with pytest.raises(BatchFailed, match=r"cities/all: in/cities\.csv:1: column 'name' is missing"):
        project.plan("shop")
    assert project.batches("shop") == []
