"""What is swept away, and what is alive although no table names it."""

import gzip
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from batch_pipelines.core.errors import IntegrityError
from batch_pipelines.core.faults import arm
from batch_pipelines.core.model import Batch, BatchState
from batch_pipelines.core.owners import new_owner
from batch_pipelines.lake.delta import files_at, table_path, version
from batch_pipelines.lake.parts import batch_stem, schema_from_text
from batch_pipelines.processing.tables import publish as publishing
from batch_pipelines.processing.tables.janitor import KEEP_VERSIONS, Swept, pinned_versions, sweep, sweep_all
from batch_pipelines_tests.processing.datasets import Project

SHOP = "source: in/shop.csv\ncolumns: {id: {type: int, required: true}, city: string}"
NOTHING = Swept(0, 0)


def swept(project: Project, dataset: str = "shop") -> Swept:
    batches = [batch for name in ("shop", "cities") for batch in project.batches(name)]
    return sweep(project.data, project.processing.ledger, dataset, pinned_versions(batches).get(dataset, ()))


def letters(project: Project) -> set[str]:
    return {file.name for file in (project.data / "dead_letters").rglob("*.parquet")}


def process(project: Project, *ids: object) -> None:
    project.write("in/shop.csv", "id,city\n" + "".join(f"{n},x\n" for n in ids))
    project.one("shop")


def aged(*files: Path) -> None:
    for file in files:
        os.utime(file, (1, 1))


@pytest.fixture
def shop(project: Project) -> Project:
    project.declare("shop", SHOP)
    return project


def test_nothing_at_all_is_nothing_to_sweep(shop: Project) -> None:
    assert swept(shop) == NOTHING


def test_parts_that_nobody_names_go_and_a_second_sweep_finds_nothing(shop: Project) -> None:
    process(shop, 1, "x")
    named, dead = shop.parts("shop"), letters(shop)
    folder = table_path(shop.data, "shop") / "all"
    for orphan in (folder / "0badc0de-g1-c00000-e1-abcdef.parquet", folder.parent / "gone" / "x.parquet"):
        orphan.parent.mkdir(exist_ok=True)
        orphan.write_bytes(b"12345")
    (shop.data / "dead_letters" / "shop" / "all" / "0badc0de-g1-c00000-e1-abcdef.dead.parquet").write_bytes(b"123")
    assert swept(shop) == Swept(3, 13)
    assert (shop.parts("shop"), letters(shop)) == (named, dead)
    assert swept(shop) == NOTHING
    assert shop.rows("shop") == [{"id": 1, "city": "x"}]


def test_what_a_crashed_attempt_of_an_open_batch_wrote_stays_until_the_batch_has_ended(shop: Project) -> None:
    shop.write("in/shop.csv", "id,city\n1,a\nx,b\n")
    planning = shop.plan("shop")
    arm("raise@commit.written:1")
    with pytest.raises(OSError, match="Input/output"):
        shop.work(planning)
    arm("")
    written = shop.parts("shop")
    assert len(written) == 1
    assert swept(shop) == NOTHING
    shop.work(planning)
    assert shop.parts("shop") > written
    assert swept(shop).files == 2  # a part and dead letters of the attempt that was lost
    assert shop.parts("shop") == shop.live("shop")
    assert swept(shop) == NOTHING


def test_parts_and_dead_letters_of_a_failed_batch_stay_for_the_run_that_takes_it_up(shop: Project) -> None:
    shop.declare("shop", f"{SHOP}\nmax_reject_rate: 1%")
    process(shop, 1, "x")
    assert shop.table("shop") == []
    assert swept(shop) == NOTHING
    shop.declare("shop", f"{SHOP}\nmax_reject_rate: 90%")
    assert shop.one("shop").ok
    assert shop.rows("shop") == [{"id": 1, "city": "x"}]


def test_a_file_in_flight_of_an_open_batch_stays_by_its_name(shop: Project) -> None:
    process(shop, 1)
    shop.write("in/shop.csv", "id,city\n2,x\n")
    shop.plan("shop")
    (_, batch) = shop.batches("shop")
    in_flight = table_path(shop.data, "shop") / "all" / f"{batch_stem(batch.key, 1)}c00000-e1-abcdef.parquet"
    in_flight.write_bytes(b"half")
    assert swept(shop) == NOTHING
    assert in_flight.exists()


def test_a_superseded_batchs_files_go(shop: Project) -> None:
    shop.declare("shop", f"{SHOP}\nchunk_size: 4B")
    shop.write("in/shop.csv", "id,city\n1,a\n2,b\n")
    planning = shop.plan("shop")
    arm("raise@lane.worked:2")
    with pytest.raises(OSError, match="Input/output"):
        shop.work(planning)
    arm("")
    assert len(shop.parts("shop")) == 2
    process(shop, 7)
    assert swept(shop).files == 2
    assert shop.parts("shop") == shop.live("shop")


def test_dead_letters_of_the_batch_before_go_with_the_next(shop: Project) -> None:
    process(shop, "x")
    first = letters(shop)
    process(shop, "y")
    assert swept(shop).files == 1
    assert letters(shop)
    assert not letters(shop) & first


def test_the_newest_versions_keep_their_parts(shop: Project) -> None:
    for n in range(KEEP_VERSIONS + 3):
        process(shop, n)
    path = table_path(shop.data, "shop")
    newest = version(path)
    assert newest is not None
    assert swept(shop).files == 3
    for number in range(newest - KEEP_VERSIONS + 1, newest + 1):
        assert all((path / name).exists() for name in files_at(path, number))
    assert swept(shop) == NOTHING


def test_a_version_that_an_unfinished_plan_pins_keeps_its_parts(shop: Project) -> None:
    shop.declare("cities", "source: in/cities.csv\ncolumns: {name: {type: string, required: true}}")
    shop.declare("shop", SHOP.replace("city: string", "city: {type: string, in: cities.name}"))
    shop.write("in/shop.csv", "id,city\n1,Aachen\n2,new0\n")
    shop.write("in/cities.csv", "name\nAachen\n")
    shop.one("cities")
    planning = shop.plan("shop")
    for n in range(KEEP_VERSIONS + 2):
        shop.write("in/cities.csv", f"name\nnew{n}\n")
        shop.one("cities")
    assert swept(shop, "cities").files == 2  # all but the pinned one and the newest ten
    (report,) = shop.work(planning)
    assert report.message == "2 read, 1 written, 1 dead-lettered"


def test_a_pinned_version_of_a_table_that_was_made_anew_is_no_reason_to_fail(shop: Project) -> None:
    process(shop, 1)
    ledger = shop.processing.ledger
    assert sweep(shop.data, ledger, "shop", [99]) == NOTHING
    shutil.rmtree(table_path(shop.data, "shop"))
    assert sweep(shop.data, ledger, "shop", [1]) == NOTHING


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_staged_copies_go_when_no_batch_needs_them_and_nobody_can_be_writing_them(shop: Project, encoding: str) -> None:
    shop.declare("shop", f"{SHOP}\ncsv: {{encoding: {encoding}}}")
    shop.write("in/shop.csv", gzip.compress("id,city\n1,a\n".encode(encoding)))
    planning = shop.plan("shop")
    staged = list((shop.data / "staging" / "shop").iterdir())
    assert len(staged) == 2
    aged(*staged)
    assert swept(shop) == NOTHING
    assert shop.work(planning)[0].ok
    unfinished = shop.data / "staging" / "shop" / ".0.csv.12.tmp"
    unfinished.write_bytes(b"1")
    assert swept(shop).files == 2
    assert unfinished.exists()
    aged(unfinished)
    assert swept(shop) == Swept(1, 1)


def test_other_datasets_are_left_alone(shop: Project) -> None:
    shop.declare("cities", "source: in/cities.csv\ncolumns: {name: string}")
    shop.write("in/cities.csv", "name\nAachen\n")
    shop.one("cities")
    process(shop, 1)
    orphan = table_path(shop.data, "cities") / "all" / "orphan.parquet"
    orphan.write_bytes(b"1")
    assert swept(shop) == NOTHING
    assert orphan.exists()


def test_owners_that_are_dead_and_hold_nothing_are_forgotten(shop: Project) -> None:
    ledger, alive = shop.processing.ledger, new_owner()
    dead, elsewhere = replace(new_owner(), started="before"), replace(new_owner(), boot="another machine")
    for owner in (alive, dead, elsewhere):
        ledger.holders.enter(owner)

    sweep_all(shop.data, ledger, ["shop"], ["shop"])

    assert {state.id for state in ledger.holders.all()} == {alive.id, elsewhere.id}


def test_versions_within_the_time_travel_of_a_dataset_keep_their_parts(shop: Project) -> None:
    for n in range(KEEP_VERSIONS + 3):
        process(shop, n)
    ledger = shop.processing.ledger
    assert sweep(shop.data, ledger, "shop", (), 3600.0) == NOTHING
    assert sweep(shop.data, ledger, "shop", (), 1e-6).files == 3


def superseded(shop: Project) -> Batch:
    """A batch whose chunks are done, and whose partition another plan has taken since."""
    shop.write("in/shop.csv", "id,city\n2,b\n")
    planning = shop.plan("shop")
    arm("raise@publish.leased:1")
    with pytest.raises(OSError, match="Input/output"):
        shop.work(planning)
    arm("")
    shop.write("in/shop.csv", "id,city\n3,c\n")
    shop.plan("shop")
    (batch,) = shop.processing.ledger.batches.get(planning.batch_ids)
    assert batch.state is BatchState.SUPERSEDED
    return batch


def publish_late(shop: Project, batch: Batch) -> BatchState:
    """A publisher that read the ledger before its batch was superseded."""
    schema = schema_from_text(batch.plan["schema"])
    return publishing.publish(shop.data, batch, shop.chunks(batch.id), schema).state


@pytest.mark.parametrize("first_publication", [True, False])
def test_a_publisher_stopped_before_its_commit_does_not_commit_parts_that_are_swept(
    shop: Project, monkeypatch: pytest.MonkeyPatch, *, first_publication: bool
) -> None:
    if not first_publication:
        process(shop, 1)
    before = shop.rows("shop")
    batch = superseded(shop)

    def overtaken(point: str) -> None:
        if point == "publish.checked" and table_path(shop.data, "shop").exists():
            monkeypatch.undo()
            assert swept(shop).files == 1

    monkeypatch.setattr(publishing, "fault", overtaken)
    with pytest.raises(IntegrityError, match="is missing"):
        publish_late(shop, batch)
    assert shop.rows("shop") == before
    process(shop, 3)
    assert shop.rows("shop") == [{"id": 3, "city": "x"}]


def test_a_publisher_that_commits_while_a_janitor_sets_its_parts_aside_keeps_them(
    shop: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    process(shop, 1)
    batch = superseded(shop)

    def set_aside(point: str) -> None:
        if point == "publish.checked":
            monkeypatch.undo()
            arm("raise@withdraw.set_aside:1")
            with pytest.raises(OSError, match="Input/output"):
                swept(shop)  # dies before its fence
            arm("")

    monkeypatch.setattr(publishing, "fault", set_aside)
    assert publish_late(shop, batch) is BatchState.PUBLISHED
    assert swept(shop) == NOTHING
    assert shop.rows("shop") == [{"id": 2, "city": "b"}]


def test_what_a_janitor_that_died_had_set_aside_goes_when_nobody_else_can_be_at_it(
    shop: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    process(shop, 1)
    superseded(shop)
    arm("raise@withdraw.set_aside:1")
    with pytest.raises(OSError, match="Input/output"):
        swept(shop)
    arm("")
    assert swept(shop) == NOTHING
    monkeypatch.setattr("batch_pipelines.processing.tables.withdrawing.OTHERS_AT_IT_S", -1.0)
    assert swept(shop).files == 1
    assert shop.parts("shop") == shop.live("shop")
