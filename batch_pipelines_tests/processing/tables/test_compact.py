"""Compaction: fewer parts, the same rows in the same order under the same number, whoever is killed or woken."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from batch_pipelines.core.clock import SystemClock
from batch_pipelines.core.errors import IntegrityError, TransientError
from batch_pipelines.core.faults import arm
from batch_pipelines.core.owners import new_owner
from batch_pipelines.lake.delta import HeldPart, load, published_number, table_path, version
from batch_pipelines.lake.parts import read_part
from batch_pipelines.lake.query import open_tables, run_query
from batch_pipelines.processing.tables import compact as compaction
from batch_pipelines.processing.tables.compact import STEM, Compacted, compact, mergeable
from batch_pipelines.processing.tables.janitor import BEING_STAGED_S, sweep
from batch_pipelines_tests.processing.datasets import Project
from batch_pipelines_tests.processing.tables.test_janitor import aged

EVENTS = "source: in/shop.csv\nwrite: append\ncolumns: {id: {type: int, required: true}, city: string}"
REPLACED = "source: in/shop.csv\nchunk_size: 4B\ncolumns: {id: {type: int, required: true}, city: string}"


def given(project: Project, *ids: int) -> None:
    project.write("in/shop.csv", "id,city\n" + "".join(f"{n},x\n" for n in ids))
    assert project.one("shop").ok


def merged(project: Project) -> list[Compacted]:
    return compact(project.data, project.processing.ledger, "shop", SystemClock())


def as_read(project: Project) -> list[tuple[Any, ...]]:
    """The rows in the order in which a query without ORDER BY shows them."""
    connection = open_tables(project.data, ["shop"], threads=1)
    try:
        return [tuple(row.values()) for row in run_query(connection, "from shop").to_pylist()]
    finally:
        connection.close()


@pytest.fixture
def shop(project: Project) -> Project:
    """Five appended batches of two rows."""
    project.declare("shop", EVENTS)
    for n in range(5):
        given(project, 2 * n, 2 * n + 1)
    return project


def test_small_parts_become_one_and_nothing_else_changes(shop: Project) -> None:
    rows, path = as_read(shop), table_path(shop.data, "shop")
    assert [row[0] for row in rows] == list(range(10))
    number = published_number(path, "shop/all")
    (done,) = merged(shop)
    assert (done.partition, done.before, done.after) == ("all", 4, 1)
    assert len(shop.live("shop")) == 2
    assert as_read(shop) == rows
    assert published_number(path, "shop/all") == number
    assert shop.processing.current("shop")["all"] is not None
    assert merged(shop) == []


def test_what_is_appended_afterwards_comes_after_what_was_merged(shop: Project) -> None:
    merged(shop)
    given(shop, 10, 11)
    merged(shop)
    assert [row[0] for row in as_read(shop)] == list(range(12))
    assert len(shop.live("shop")) == 2


def test_merged_parts_have_page_checksums_and_statistics(shop: Project) -> None:
    merged(shop)
    (name,) = (name for name in shop.live("shop") if STEM in name)
    file = table_path(shop.data, "shop") / name
    whole, rows, seen = file.read_bytes(), read_part(file), 0
    for place in range(4, 160, 3):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        try:
            assert read_part(file).equals(rows)
        except IntegrityError:
            seen += 1
    assert seen > 20
    file.write_bytes(whole)
    table = load(table_path(shop.data, "shop"))
    assert table is not None
    actions = table.get_add_actions(flatten=True)
    ends = dict(
        zip(
            actions["path"].to_pylist(),
            zip(actions["min.id"].to_pylist(), actions["max.id"].to_pylist(), strict=True),
            strict=True,
        )
    )
    assert ends[name] == (0, 7)


def test_parts_of_a_replaced_partition_are_merged_and_kept_for_a_replay(project: Project) -> None:
    project.declare("shop", REPLACED)
    given(project, 1, 2, 3)
    before = project.parts("shop")
    merged(project)
    assert len(project.live("shop")) == 1
    assert sweep(project.data, project.processing.ledger, "shop").files == 0
    assert project.parts("shop") > before
    assert project.one("shop").ok
    assert project.states("shop") == ["published"]
    given(project, 4, 5)
    assert [row[0] for row in as_read(project)] == [4, 5]


def test_parts_that_lack_a_column_are_merged_with_those_that_have_it(shop: Project) -> None:
    shop.declare("shop", EVENTS.replace("city: string", "city: string, zip: int"))
    for n in (10, 12):
        shop.write("in/shop.csv", f"id,city,zip\n{n},x,{n}\n")
        assert shop.one("shop").ok
    rows = as_read(shop)
    merged(shop)
    assert as_read(shop) == rows
    assert [row[2] for row in rows] == [None] * 10 + [10, 12]


def test_only_neighbours_that_are_small_are_merged() -> None:
    sizes = [10, 10, 60, 10, 49, 10, 10, 90, 10]
    parts = [HeldPart(f"p{n}", 1, size, n) for n, size in enumerate(sizes)]
    found = [[part.path for part in group] for group in mergeable(parts, {"p6"}, 100)]
    assert found == [["p0", "p1"], ["p3", "p4", "p5"]]
    assert list(mergeable(parts[:1], set(), 100)) == []
    many = [HeldPart(f"p{n}", 1, 40, n) for n in range(5)]
    assert [[part.path for part in group] for group in mergeable(many, set(), 100)] == [["p0", "p1"], ["p2", "p3"]]


@pytest.mark.parametrize("point", ["compact.part_written", "compact.prepared", "compact.committed"])
def test_a_compaction_that_dies_is_done_by_the_next_and_leaves_nothing_behind(shop: Project, point: str) -> None:
    rows = as_read(shop)
    arm(f"raise@{point}:1")
    with pytest.raises(OSError, match="Input/output"):
        merged(shop)
    arm("")
    assert as_read(shop) == rows
    merged(shop)
    assert as_read(shop) == rows
    written = list(table_path(shop.data, "shop").rglob(f"{STEM}*"))
    aged(*written)
    sweep(shop.data, shop.processing.ledger, "shop")
    assert len([file for file in written if file.exists()]) == 1
    assert as_read(shop) == rows


class Trusting:
    """A heartbeat that notices nothing: of a process that stood still just after it had looked."""

    def check(self) -> None:
        """See `Heartbeat`."""


@contextmanager
def unguarded(*_: object) -> Iterator[Trusting]:
    """No lease at all."""
    yield Trusting()


@pytest.fixture
def stopped(shop: Project, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What happens while a compaction stands still just before its commit: those things that are put into the list."""
    happenings: list[str] = []

    def meanwhile(point: str) -> None:
        if point == "compact.prepared" and happenings:
            what = happenings.pop()
            if what == "publish":
                given(shop, 98, 99)
            elif what == "replace":
                shop.declare("shop", EVENTS.replace("append", "replace"))
                given(shop, 98, 99)
            elif what == "sweep":
                aged(*table_path(shop.data, "shop").rglob(f"{STEM}*"))
                assert sweep(shop.data, shop.processing.ledger, "shop").files == 1

    monkeypatch.setattr(compaction, "fault", meanwhile)
    monkeypatch.setattr(compaction, "table_lease", unguarded)
    return happenings


def test_a_publication_that_gets_in_between_stays_and_the_compaction_looks_again(
    shop: Project, stopped: list[str]
) -> None:
    stopped.append("publish")
    merged(shop)
    assert [row[0] for row in as_read(shop)] == [*range(10), 98, 99]
    assert len(shop.live("shop")) <= 3


def test_a_compaction_that_wakes_up_after_the_partition_was_replaced_changes_nothing(
    shop: Project, stopped: list[str]
) -> None:
    stopped.append("replace")
    assert merged(shop) == []
    assert [row[0] for row in as_read(shop)] == [98, 99]


def test_a_compaction_that_wakes_up_after_its_files_were_swept_changes_nothing(
    shop: Project, stopped: list[str]
) -> None:
    stopped.append("sweep")
    rows = as_read(shop)
    merged(shop)
    assert as_read(shop) == rows
    assert len(shop.live("shop")) == 2


def test_files_of_a_compaction_that_may_be_under_way_are_left_alone(shop: Project) -> None:
    under_way = table_path(shop.data, "shop") / "all" / f"{STEM}0123456789abcdef.parquet"
    under_way.write_bytes(b"half")
    assert sweep(shop.data, shop.processing.ledger, "shop").files == 0
    at = version(table_path(shop.data, "shop"))
    aged(under_way)
    assert sweep(shop.data, shop.processing.ledger, "shop").files == 1
    assert version(table_path(shop.data, "shop")) == (at or 0) + 1
    assert BEING_STAGED_S >= 3600


def test_a_table_that_is_written_to_is_left_for_later(shop: Project) -> None:
    holders, writer = shop.processing.ledger.holders, new_owner()
    holders.enter(writer)
    assert holders.acquire("table:shop", writer.id)
    with pytest.raises(TransientError, match="the table of shop is being written to just now; compact it later"):
        merged(shop)
    holders.leave(writer.id)
    assert merged(shop)


def test_there_is_nothing_to_compact_where_there_is_no_table(project: Project) -> None:
    project.declare("shop", EVENTS)
    assert merged(project) == []
    given(project, 1)
    assert merged(project) == []
    shutil.rmtree(table_path(project.data, "shop"))
    assert merged(project) == []
