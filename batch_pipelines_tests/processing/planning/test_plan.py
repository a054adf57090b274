"""Which batch a partition gets: the one that is current, the one that is unfinished, or a new one."""

import shutil

import pytest

from batch_pipelines.core.errors import BatchFailed
from batch_pipelines.core.faults import arm
from batch_pipelines.core.model import BatchState, ChunkState
from batch_pipelines_tests.processing.datasets import Project

SHOP = "source: in/shop.csv\ncolumns: {id: {type: int, required: true}, city: string}"
A, B = "id,city\n1,Aachen\n2,Bonn\n", "id,city\n3,Celle\n"
ROWS_A, ROWS_B = [{"id": 1, "city": "Aachen"}, {"id": 2, "city": "Bonn"}], [{"id": 3, "city": "Celle"}]
PUBLISHED, SUPERSEDED, OPEN, FAILED = (
    BatchState.PUBLISHED,
    BatchState.SUPERSEDED,
    BatchState.OPEN,
    BatchState.FAILED,
)
DEAF = """
from batch_pipelines.core.errors import TransientError
def change(rows):
    raise TransientError('not today')
"""
MOODY = """
import pathlib
folder = pathlib.Path(__file__).parent
def change(rows):
    with (folder / 'calls').open('a') as log:
        log.write(f'{rows.id.iloc[0]}\\n')
    if rows.id.iloc[0] == 2 and not (folder / 'cured').exists():
        raise ValueError('two is not to be')
    return rows
"""


@pytest.fixture
def shop(project: Project) -> Project:
    project.declare("shop", SHOP)
    project.write("in/shop.csv", A)
    return project


def test_the_same_content_is_current_and_nothing_is_written(shop: Project) -> None:
    first = shop.one("shop")
    parts = shop.parts("shop")
    shop.reopen()
    planning = shop.plan("shop")
    assert planning.current == planning.batch_ids == [first.batch_id]
    shop.work(planning)
    assert shop.parts("shop") == parts
    assert shop.states("shop") == [PUBLISHED]


def test_a_file_of_another_name_and_time_with_the_same_content_is_current(shop: Project) -> None:
    shop.one("shop")
    shop.declare("shop", SHOP.replace("shop.csv", "moved.csv"))
    shop.write("in/moved.csv", A)
    assert shop.plan("shop").current


def test_changed_content_is_a_new_batch_that_replaces_the_rows(shop: Project) -> None:
    old = shop.one("shop")
    shop.write("in/shop.csv", B)
    new = shop.one("shop")
    assert (new.batch_id, new.publication) > (old.batch_id, old.publication)
    assert new.key != old.key
    assert shop.rows("shop") == ROWS_B


def test_an_unfinished_batch_of_older_content_is_superseded(shop: Project) -> None:
    old = shop.plan("shop")
    shop.write("in/shop.csv", B)
    new = shop.one("shop")
    (report,) = shop.work(old)
    assert (report.state, new.state) == (SUPERSEDED, PUBLISHED)
    assert report.message.startswith(f"superseded: newer content was planned (key {new.key[:8]}")
    assert shop.rows("shop") == ROWS_B


def test_a_then_b_then_a_ends_with_a_in_a_second_generation(shop: Project) -> None:
    generations = []
    for content in (A, B, A):
        shop.write("in/shop.csv", content)
        generations.append(shop.one("shop").generation)
    assert generations == [1, 1, 2]
    assert shop.rows("shop") == ROWS_A
    assert shop.plan("shop").current


def test_b_that_was_planned_but_not_published_is_closed_when_the_source_is_a_again(shop: Project) -> None:
    shop.one("shop")
    shop.write("in/shop.csv", B)
    planned_b = shop.plan("shop")
    shop.write("in/shop.csv", A)
    assert shop.plan("shop").current
    shop.write("in/shop.csv", B)  # its bytes are there again, so a late lane could work on it
    (report,) = shop.work(planned_b)
    assert report.message.startswith("superseded: the source is again what is published")
    assert shop.rows("shop") == ROWS_A


def test_a_declaration_that_may_change_rows_makes_a_new_batch_one_that_may_not_does_not(shop: Project) -> None:
    shop.one("shop")
    shop.declare("shop", f"{SHOP}\nattempts: 7\nchunk_size: 1MB\nmax_reject_rate: 1%\ndescription: Ours.")
    assert shop.plan("shop").current
    shop.declare("shop", f"{SHOP}\nwhere: id > 1")
    assert shop.one("shop").message == "2 read, 1 written, 1 filtered, 0 dead-lettered"
    assert shop.rows("shop") == ROWS_A[1:]


def test_force_is_a_new_generation_that_the_same_root_run_resumes(shop: Project) -> None:
    shop.one("shop")
    forced = shop.plan("shop", force=True, root_run="run-1")
    again = shop.plan("shop", force=True, root_run="run-1")
    assert again.batch_ids == forced.batch_ids
    (report,) = shop.work(again)
    assert (report.state, report.generation) == (PUBLISHED, 2)
    assert shop.plan("shop", force=True, root_run="run-1").current == forced.batch_ids
    assert shop.plan("shop", force=True, root_run="run-2").batch_ids != forced.batch_ids


def test_force_without_a_root_run_always_asks_anew(shop: Project) -> None:
    generations = [shop.one("shop", force=True).generation for _ in range(3)]
    assert generations == [1, 2, 3]
    assert shop.plan("shop").current


def test_force_of_another_root_run_takes_the_partition_from_an_unfinished_one(shop: Project) -> None:
    mine = shop.plan("shop", force=True, root_run="run-1")
    theirs = shop.plan("shop", force=True, root_run="run-2")
    (report,) = shop.work(theirs)
    assert report.ok
    assert shop.work(mine)[0].state is SUPERSEDED
    assert shop.rows("shop") == ROWS_A


def test_an_unfinished_batch_is_resumed_by_any_run_that_does_not_force(shop: Project) -> None:
    began = shop.plan("shop", root_run="run-1")
    assert shop.plan("shop", root_run="run-2").batch_ids == began.batch_ids


def test_a_failed_batch_is_reopened_by_a_new_run_with_all_attempts_but_not_by_a_re_execution(shop: Project) -> None:
    shop.declare("shop", f"{SHOP}\ntransform: transform:change\nadds: {{}}", DEAF)
    planning = shop.plan("shop", root_run="run-1")
    (report,) = shop.work(planning)
    assert report.state is FAILED
    assert "chunk 0 failed: attempt 3 of 3: not today" in report.message
    again = shop.plan("shop", root_run="run-1")
    assert again.batch_ids == planning.batch_ids
    assert [chunk.attempts for chunk in shop.chunks(again.batch_ids[0])] == [3]
    assert shop.work(again)[0].state is FAILED
    fresh = shop.plan("shop", root_run="run-2")
    assert fresh.batch_ids == planning.batch_ids
    (chunk,) = shop.chunks(fresh.batch_ids[0])
    assert (chunk.state, chunk.attempts) == (ChunkState.PENDING, 0)


def test_a_failed_batch_keeps_the_chunks_that_were_done(shop: Project) -> None:
    """The transform fails on one of two chunks; the next run, for which it works, does only that one."""
    shop.declare("shop", f"{SHOP}\ntransform: transform:change\nadds: {{}}\nattempts: 1\nchunk_size: 8B", MOODY)
    folder = shop.home / "defs/shop"
    assert shop.one("shop", root_run="run-1").state is FAILED
    (folder / "cured").touch()
    (folder / "calls").unlink()
    report = shop.one("shop", root_run="run-2")
    assert (report.ok, (folder / "calls").read_text()) == (True, "2\n")
    assert shop.rows("shop") == ROWS_A


def test_references_of_a_newer_version_make_a_new_batch_after_a_failure(shop: Project) -> None:
    shop.declare("cities", "source: in/cities.csv\ncolumns: {name: {type: string, required: true}}")
    attributes = SHOP.replace("city: string", "city: {type: string, in: cities.name}")
    shop.declare("shop", f"{attributes}\nmax_reject_rate: 10%")
    shop.write("in/cities.csv", "name\nAachen\n")
    failed = shop.one("shop")
    assert "50.0%" in failed.message
    assert "in/shop.csv:3: city 'Bonn' is not in cities.name" in failed.message
    assert shop.table("shop") == []
    shop.write("in/cities.csv", "name\nAachen\nBonn\n")
    assert shop.one("cities").ok
    report = shop.one("shop")
    assert report.ok
    assert report.batch_id != failed.batch_id
    assert shop.rows("shop") == ROWS_A


def test_a_crash_between_the_tables_commit_and_the_ledgers_is_reconciled(shop: Project) -> None:
    planning = shop.plan("shop")
    arm("raise@publish.delta_committed:1")
    with pytest.raises(OSError, match="Input/output error"):
        shop.work(planning)
    arm("")
    assert shop.rows("shop") == ROWS_A
    assert shop.states("shop") == [OPEN]
    shop.reopen()
    again = shop.plan("shop")
    assert again.current == planning.batch_ids
    assert shop.states("shop") == [PUBLISHED]
    assert shop.rows("shop") == ROWS_A


def test_a_table_that_was_removed_is_processed_again(shop: Project) -> None:
    shop.one("shop")
    shutil.rmtree(shop.data / "datasets" / "shop")
    shop.reopen()
    report = shop.one("shop")
    assert (report.ok, report.generation) == (True, 2)
    assert shop.rows("shop") == ROWS_A


def test_a_table_that_was_restored_from_a_copy_is_processed_again(shop: Project) -> None:
    shop.one("shop")
    shutil.copytree(shop.data / "datasets" / "shop", shop.home / "copy")
    shop.write("in/shop.csv", B)
    newest = shop.one("shop")
    shutil.rmtree(shop.data / "datasets" / "shop")
    shutil.move(shop.home / "copy", shop.data / "datasets" / "shop")
    shop.reopen()
    report = shop.one("shop")
    assert report.publication > newest.publication
    assert shop.rows("shop") == ROWS_B


def test_a_ledger_that_was_lost_goes_on_from_the_number_in_the_table(shop: Project) -> None:
    shop.one("shop")
    shop.write("in/shop.csv", B)
    last = shop.one("shop")
    shop.processing.close()
    for file in shop.data.glob("ledger.db*"):
        file.unlink()
    shop.reopen()
    report = shop.one("shop")
    assert (report.ok, report.publication) == (True, last.publication + 1)
    assert shop.rows("shop") == ROWS_B


def test_a_file_that_changes_between_its_fingerprint_and_its_plan_is_left_to_the_next_run(
    shop: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.one("shop")
    shop.write("in/shop.csv", B + B.partition("\n")[2])

    def change(point: str) -> None:
        if point == "plan.started":
            shop.write("in/shop.csv", B)

    monkeypatch.setattr("batch_pipelines.processing.planning.plan.fault", change)
    planning = shop.plan("shop")
    assert planning.batch_ids == []
    assert planning.problems == {
        "all": "in/shop.csv: was written to while it was planned; it is planned again by the next run"
    }
    monkeypatch.undo()
    assert shop.one("shop").ok
    assert shop.rows("shop") == ROWS_B


def test_one_partition_that_cannot_be_planned_does_not_keep_the_others(project: Project) -> None:
    project.declare("shop", SHOP.replace("shop.csv", "*.csv") + "\npartitions: file")
    for name, content in (("a", A), ("b", "id\n1\n"), ("c", B)):
        project.write(f"in/{name}.csv", content)
    planning = project.plan("shop")
    assert planning.problems == {
        "b": "in/b.csv:1: column 'city' is missing; the header has id. "
        "Correct the file, or `columns` in the dataset's YAML"
    }
    assert [report.partition for report in project.work(planning)] == ["a", "c"]
    assert project.rows("shop") == ROWS_A + ROWS_B
    with pytest.raises(BatchFailed, match=r"shop/b: in/b\.csv:1: column 'city' is missing"):
        project.processing.run("shop")


def test_reprocessing_one_partition_replaces_only_that_one(project: Project) -> None:
    project.declare("shop", SHOP.replace("shop.csv", "*.csv") + "\npartitions: file")
    for name, content in (("a", A), ("b", B)):
        project.write(f"in/{name}.csv", content)
    project.run("shop")
    untouched = project.live("shop", "b")
    project.write("in/a.csv", "id,city\n9,Jena\n")
    project.run("shop", ["a"], force=True)
    assert project.live("shop", "b") == untouched
    assert project.rows("shop") == [{"id": 9, "city": "Jena"}, *ROWS_B]
    project.run("shop", ["b"], force=True, root_run="run-1")
    assert project.live("shop", "b") != untouched
    assert project.rows("shop") == [{"id": 9, "city": "Jena"}, *ROWS_B]


def test_an_inbox_file_that_is_still_being_written_is_nobodys_content_yet(project: Project) -> None:
    project.declare("shop", "source: in/shop.csv\ncolumns: {id: int}\ninbox: true")
    project.write("in/shop.csv", "id\n1\n")
    half = project.write("data/inbox/shop/shop.csv", "id\n2\n")
    with half.open("a") as writer:
        writer.write("3\n")
        assert "data/inbox/shop/shop.csv: is still open for writing; run again when it is closed" in project.failures(
            "shop"
        )
    assert project.one("shop").rows == 2
