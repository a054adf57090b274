"""Files that cannot be read as declared, change or vanish: the table is untouched, the message names file and cure."""

import gzip
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from batch_pipelines.core.faults import arm
from batch_pipelines.core.model import BatchState
from batch_pipelines_tests.processing.datasets import Project

SHOP = "source: in/shop*\ncolumns: {id: int, city: string}"
OLD = [{"id": 1, "city": "Aachen"}]


@pytest.fixture
def shop(project: Project) -> Project:
    """A published row, its source gone since."""
    project.declare("shop", SHOP)
    source = project.write("in/shop.csv", "id,city\n1,Aachen\n")
    project.one("shop")
    source.unlink()
    return project


def zstd(data: bytes) -> bytes:
    return bytes(pa.compress(data, "zstd", asbytes=True))


PLAIN = b"id,city\n" + b"".join(b"%d,%d\n" % (n, n * n) for n in range(5000))
LATE = b"id,city\n" + b"1,x\n" * 9_000_000  # 36 MB of one line: no text packs so well
FILES: dict[str, tuple[bytes, str]] = {
    "truncated gzip": (
        gzip.compress(PLAIN)[:-20],
        "in/shop.csv: the gzip file is truncated: fetch or write the file again",
    ),
    "cut within gzip's end": (gzip.compress(PLAIN)[:-3], "in/shop.csv: the gzip file is truncated: fetch or write"),
    "truncated zstd": (zstd(PLAIN)[:-20], "in/shop.csv: the zstd file is truncated: fetch or write the file again"),
    "corrupt gzip": (
        gzip.compress(PLAIN)[:200] + b"\xff" * 200 + gzip.compress(PLAIN)[400:],
        "in/shop.csv: the gzip file is corrupt (",
    ),
    "wrong checksum": (gzip.compress(PLAIN)[:-8] + b"\0" * 8, "in/shop.csv: the gzip file is corrupt ("),
    "gzip bomb": (gzip.compress(LATE, 9), "in/shop.csv: unpacks to more than 100 times its size, like a bomb"),
    "zstd bomb": (zstd(LATE), "in/shop.csv: unpacks to more than 100 times its size, like a bomb"),
    "gzip in gzip": (gzip.compress(gzip.compress(PLAIN)), "in/shop.csv: is packed twice: unpack it once by hand"),
    "ZIP or XLSX": (
        b"PK\x03\x04rest",
        "in/shop.csv: is a ZIP or XLSX file, not CSV: unpack it, save the sheet as CSV, or add format: xlsx",
    ),
    "Parquet": (b"PAR1rest", "in/shop.csv: is a Parquet file, not CSV: add format: parquet"),
    "UTF-16": (
        "id,city\n".encode("utf-16"),
        "in/shop.csv: the text is UTF-16, not UTF-8: declare `csv: {encoding: utf-16}`",
    ),
    "missing column": (
        b"id,town\n1,x\n",
        "in/shop.csv:1: column 'city' is missing; the header has id, town. Correct the file",
    ),
    "other delimiter": (
        b"id;city\n1;x\n",
        "in/shop.csv:1: the header is one column, 'id;city': declare `csv: {delimiter",
    ),
    "column twice": (b"id,city,id\n", "in/shop.csv:1: the header names 'id' twice: rename one of the columns"),
    "column without a name": (b"id,,city\n", "in/shop.csv:1: column 2 of the header has no name: name it"),
    "broken header": (b'id,"city\n1,x\n', "in/shop.csv:1: a quote in the first line is not closed, or text follows it"),
    "header not UTF-8": (b"id,city,\xff\n", "in/shop.csv:1: column 3 of the header is not UTF-8: declare"),
    "only CR": (b"id,city\r1,x\r", "in/shop.csv:1: the header holds a carriage return: lines must end in LF or CRLF"),
    "100,000 columns": (
        b",".join(b"c%d" % n for n in range(100_000)) + b"\n",
        "in/shop.csv:1: the first line has more than 2,000 columns: is the file CSV, is the delimiter right?",
    ),
    "a line without an end": (
        b"id,city\n1," + b"x" * (17 << 20),
        "in/shop.csv:2: the line is longer than 16,777,216 bytes: is the file CSV, do its lines end in LF?",
    ),
}


@pytest.mark.parametrize("what", FILES)
def test_a_file_that_cannot_be_read_fails_before_anything_is_done(shop: Project, what: str) -> None:
    content, message = FILES[what]
    shop.write("in/shop.csv", content)
    planning = shop.plan("shop")
    assert planning.batch_ids == []
    assert message in planning.problems["all"]
    assert shop.states("shop") == [BatchState.PUBLISHED]
    assert shop.rows("shop") == OLD
    assert not list((shop.data / "staging").rglob("*.tmp"))


def test_a_column_that_is_not_declared_fails_where_it_is_forbidden_to_be_there(shop: Project) -> None:
    shop.declare("shop", f"{SHOP}\nextra: fail")
    shop.write("in/shop.csv", "id,city,new\n1,x,y\n")
    assert shop.plan("shop").problems == {
        "all": "in/shop.csv:1: column 'new' is not declared; declare it, or write `extra: ignore`"
    }
    shop.declare("shop", f"{SHOP}\nextra: ignore")
    assert shop.one("shop").ok


@pytest.mark.parametrize(
    ("attributes", "content", "problem"),
    [
        (
            "",
            "",
            "in/shop.csv: is empty, so nothing tells its columns: declare `columns` in the dataset's YAML, or write",
        ),
        ("\nkey: idd", "id\n1\n", "in/shop.csv:1: key column 'idd' is not declared; did you mean 'id'?; rename it in"),
        (
            "",
            "id,_line\n1,2\n",
            "in/shop.csv:1: '_line' is a system column; its name cannot be used; rename it in the file",
        ),
        (
            "",
            "id,ID\n1,2\n",
            "in/shop.csv:1: 'ID' clashes with 'id' in columns; names differ by more than case; rename",
        ),
        ("\nderive: {id: 1 + 1}", "id\n1\n", "in/shop.csv:1: 'id' clashes with 'id' in columns; names differ by more"),
    ],
)
def test_columns_that_cannot_be_inferred_are_refused(
    project: Project, attributes: str, content: str, problem: str
) -> None:
    project.declare("shop", f"source: in/shop.csv{attributes}")
    project.write("in/shop.csv", content)
    assert problem in project.plan("shop").problems["all"]


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("nothere + 1", 'derive.x: Binder Error: Referenced column "nothere" not found'),
        ("city +", "derive.x: syntax error at or near"),
        (
            "(select content from read_text('/etc/passwd'))",
            "derive.x: has a subquery; an expression sees its own row only",
        ),
        ("random()", "derive.x: "),
    ],
)
def test_sql_that_cannot_work_or_reaches_out_is_refused_before_any_work(
    project: Project, expression: str, problem: str
) -> None:
    project.declare("shop", f'{SHOP}\nderive: {{x: "{expression}"}}')
    project.write("in/shop.csv", "id,city\n1,a\n")
    assert project.plan("shop").problems["all"].startswith(problem)


def test_many_columns_and_many_files_of_one_partition_are_no_trouble(project: Project) -> None:
    project.declare("wide", "source: in/wide.csv")
    header = ",".join(f"measurement_number_{n}" for n in range(2000))
    project.write("in/wide.csv", f"{header}\n{','.join('1' for _ in range(2000))}\n")
    assert len(project.one("wide").columns) == 2000
    project.declare("many", "source: in/many/*.csv")
    for n in range(400):
        project.write(f"in/many/measurements-of-the-whole-day-{n:05d}.csv", f"id,a,b,c\n{n},1,2,3\n")
    (batch,) = project.processing.ledger.batches.get(project.plan("many").batch_ids)
    assert len(batch.plan["files"]) == 400


def change_in_place(source: Path) -> None:
    data = source.read_bytes()
    source.write_bytes(data.replace(b"2,b", b"2,B"))


def cut(source: Path) -> None:
    os.truncate(source, source.stat().st_size - 2)


@pytest.mark.parametrize("change", [change_in_place, cut], ids=lambda change: change.__name__)
@pytest.mark.parametrize("done", [0, 1])
def test_a_source_that_changes_before_or_during_the_work_ends_the_batch_and_is_planned_again(
    shop: Project, change: Callable[[Path], None], done: int
) -> None:
    shop.declare("shop", f"{SHOP}\nchunk_size: 4B")
    source = shop.write("in/shop.csv", "id,city\n1,a\n2,b\n")
    planning = shop.plan("shop")
    if done:
        arm("raise@lane.worked:2")
        with pytest.raises(OSError, match="Input/output"):
            shop.work(planning)
        arm("")
        assert shop.processing.ledger.chunks.counts(planning.batch_ids).chunks_done == 1
    change(source)
    (report,) = shop.work(planning)
    assert report.state is BatchState.SOURCE_CHANGED
    assert report.message == (
        "source changed: in/shop.csv:3: changed after it was planned: run again, "
        "and replace files by renaming, not by writing into them"
    )
    assert shop.rows("shop") == OLD
    again = shop.one("shop")
    assert (again.ok, again.batch_id) != (True, report.batch_id)
    assert len(shop.rows("shop")) == 2


def test_a_source_that_is_gone_before_its_chunks_are_done_ends_the_batch(shop: Project) -> None:
    source = shop.write("in/shop.csv", "id,city\n2,b\n")
    planning = shop.plan("shop")
    source.unlink()
    (report,) = shop.work(planning)
    assert report.state is BatchState.SOURCE_CHANGED
    assert report.message == (
        "source changed: in/shop.csv: cannot be read any more (No such file or directory): put it back or run again"
    )
    assert (
        "partition 'all' of dataset 'shop' has no file; looked for in/shop*"
        in shop.plan("shop", ["all"]).problems["all"]
    )
    assert shop.rows("shop") == OLD  # deleting a source never deletes rows


def test_a_source_that_is_gone_when_all_its_chunks_are_done_is_published(shop: Project) -> None:
    source = shop.write("in/shop.csv", "id,city\n2,b\n")
    planning = shop.plan("shop")
    arm("raise@publish.leased:1")
    with pytest.raises(OSError, match="Input/output"):
        shop.work(planning)
    arm("")
    source.unlink()
    assert shop.work(planning)[0].ok
    assert shop.rows("shop") == [{"id": 2, "city": "b"}]


def test_a_packed_source_may_vanish_once_it_is_staged(shop: Project) -> None:
    source = shop.write("in/shop.csv.gz", gzip.compress(b"id,city\n2,b\n"))
    planning = shop.plan("shop")
    source.unlink()
    assert shop.work(planning)[0].ok


def test_a_link_out_of_the_project_is_not_followed(shop: Project) -> None:
    (shop.home / "in" / "shop.csv").symlink_to("/etc/passwd")
    assert shop.plan("shop").problems == {
        "all": "in/shop.csv: a link leads out of the project, which is not followed; "
        "copy the file to this place instead"
    }


@pytest.mark.parametrize("name", ["../../escape", "/etc/escape", "..", "a/b", "a\nb"])
def test_a_partition_that_names_a_path_is_refused(shop: Project, name: str) -> None:
    shop.declare("shop", "source: in/shop*\npartitions: file\ncolumns: {id: int, city: string}")
    before = set(shop.home.parent.rglob("*"))
    assert name in shop.plan("shop", [name]).problems
    assert {file for file in shop.home.parent.rglob("*") if "ledger" not in file.name} <= before


PROGRAM = """
import json, sys
from pathlib import Path
from batch_pipelines_tests.processing.datasets import Project
project = Project(Path(sys.argv[1]))
planning = project.plan("shop")
said = planning.problems or [report.message for report in project.work(planning)]
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(json.dumps([str(said), int(peak.split()[1])]))
"""


def in_a_process(project: Project) -> tuple[str, float]:
    """Plan and work in a fresh process: what it says, and the most memory it had, in MiB.

    Its `ru_maxrss` would begin at what this process has: it is forked from it.
    """
    command = [sys.executable, "-c", PROGRAM, str(project.home)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    said, peak_kib = json.loads(done.stdout)
    return said, peak_kib / 1024


def test_a_cell_of_a_gigabyte_is_refused_in_little_memory(home: Path) -> None:
    """In gzip members of a megabyte that packs to a fiftieth, so that it is no bomb by its ratio."""
    text = random.Random(1).randbytes(12_000).hex().encode()
    member = gzip.compress(text + b"x" * ((1 << 20) - len(text)), 1)
    assert (1 << 20) / len(member) < 100
    project = Project(home)
    project.declare("shop", SHOP)
    project.write("in/shop.csv", gzip.compress(b"id,city\n1,") + member * 1024 + gzip.compress(b"\n2,Bonn\n"))
    project.processing.close()
    said, peak_mib = in_a_process(project)
    assert "in/shop.csv:2: the line is longer than 16,777,216 bytes" in said
    assert peak_mib < 512
    assert project.table("shop") == []


def test_the_largest_line_that_is_read_fits_in_the_memory_of_a_worker(shop: Project) -> None:
    shop.write("in/shop.csv", b"id,city\n1," + b"x" * ((16 << 20) - 100) + b"\n2,Bonn\n")
    said, peak_mib = in_a_process(shop)
    assert "2 read, 1 written, 1 dead-lettered" in said
    assert peak_mib < 512
