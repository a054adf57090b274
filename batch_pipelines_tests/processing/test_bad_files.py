"""Files that cannot be read as declared, change or vanish: the table is untouched, the message names file and cure."""

import gzip
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from batch_pipelines.core.faults import arm
from batch_pipelines.core.model import BatchState
from batch_pipelines_tests.processing.damage import csv
from batch_pipelines_tests.processing.damage.case import COLUMNS
from batch_pipelines_tests.processing.datasets import Project
from batch_pipelines_tests.processing.test_damage import BOMBS, prepare

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


UNREADABLE = {
    what: damage.fails
    for what, damage in csv.DAMAGES.items()
    if damage.fails and not damage.later and what not in BOMBS["csv"]
}


@pytest.mark.parametrize("what", UNREADABLE)
def test_a_file_that_cannot_be_read_fails_before_anything_is_done(project: Project, what: str) -> None:
    project.declare("shop", f"source: in/shop.csv\n{COLUMNS}")
    project.write("in/shop.csv", csv.FINE)
    project.one("shop")
    old = project.rows("shop")
    prepare(project, "csv", csv.DAMAGES[what])
    planning = project.plan("shop")
    assert planning.batch_ids == []
    assert UNREADABLE[what] in planning.problems["all"]
    assert project.states("shop") == [BatchState.PUBLISHED]
    assert project.rows("shop") == old
    assert not list((project.data / "staging").rglob("*.tmp"))


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
