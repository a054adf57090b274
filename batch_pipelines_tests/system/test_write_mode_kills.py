"""Upserts, appends, widenings and compactions that are killed again and again: each key once, the newest wins."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from batch_pipelines_tests.system import write_mode_home
from batch_pipelines_tests.system.forks import Forks, forks
from batch_pipelines_tests.system.memory_folder import memory_folder
from batch_pipelines_tests.system.sweep_home import fresh_data

KILLS = 20
WAY = (  # in the order in which a batch gets there; each child goes on where the one before was killed
    "plan.started:1",
    "plan.written:1",
    "plan.committed:1",
    "claim.chosen:1",
    "claim.committed:1",
    "chunk.part_written:1",
    "lane.worked:1",
    "commit.written:1",
    "commit.committed:1",
    "chunk.part_written:2",
    "commit.committed:2",
    "settle.part_written:1",
    "settle.prepared:1",
    "settle.written:1",
    "settle.committed:1",
    "publish.leased:1",
    "publish.checked:1",
)


@dataclass(frozen=True, slots=True)
class Deployment:
    """A home whose children are killed."""

    children: Forks
    folder: Path
    home: Path

    def act(self, act: str, name: str, fault: str = "") -> tuple[bool, Any]:
        """Have a child do something with a dataset: whether it was killed, else its answer."""
        arguments = (self.home, self.folder / "data", Path(name))
        ended = self.children.child(act, *arguments, folder=self.folder, fault=fault).wait()
        return ended.killed, ended.answer

    def done(self, act: str, name: str) -> Any:
        """Undisturbed."""
        killed, answer = self.act(act, name)
        assert not killed
        return answer

    def killed_at(self, act: str, name: str, points: list[str]) -> int:
        """How many of these kills happened; the last child comes to the end."""
        kills = sum(self.act(act, name, f"kill@{point}")[0] for point in points)
        self.done(act, name)
        return kills


@pytest.fixture
def deployment(blank_ledger: Path) -> Iterator[Deployment]:
    with memory_folder() as folder, forks() as children:
        fresh_data(folder / "data", blank_ledger)
        yield Deployment(children, folder, write_mode_home.make_home(folder / "home"))


def test_an_upsert_of_100_000_rows_of_which_10_000_exist_killed_20_times(deployment: Deployment) -> None:
    write_mode_home.write_rows(deployment.home, "stock", "old", 0, 20_000)
    deployment.done("write_rows_of", "stock")
    write_mode_home.write_rows(deployment.home, "stock", "new", 10_000, 100_000)
    points = [*WAY, "upsert.part_written:1", "upsert.part_written:3", "publish.delta_committed:1"]
    assert deployment.killed_at("write_rows_of", "stock", points) == KILLS
    found = deployment.done("find_rows_of", "stock")
    assert found == {
        "rows": {"new": 100_000, "old": 10_000},
        "twice": [],
        "amount": float(sum(range(100_000)) + sum(range(10_000))),
        "dead": 2,
        "current": True,
        "orphans": [],
        "rows_after_sweep": 110_000,
    }


def test_an_append_of_rows_of_which_some_exist_killed_20_times(deployment: Deployment) -> None:
    write_mode_home.write_rows(deployment.home, "events", "old", 0, 4_000)
    deployment.done("write_rows_of", "events")
    write_mode_home.write_rows(deployment.home, "events", "new", 3_000, 10_000)
    points = [*WAY, "publish.leased:1", "publish.checked:1", "publish.delta_committed:1"]
    assert deployment.killed_at("write_rows_of", "events", points) == KILLS
    found = deployment.done("find_rows_of", "events")
    assert found["rows"] == {"new": 9_000, "old": 4_000}
    assert found["twice"] == found["orphans"] == []
    assert found["dead"] == 1 + 1_001
    assert found["current"]
    assert found["rows_after_sweep"] == 13_000


def test_upserts_killed_anywhere_with_a_column_that_is_widened(deployment: Deployment) -> None:
    dice = random.Random(20261125)
    write_mode_home.write_rows(deployment.home, "stock", "old", 0, 400)
    deployment.done("write_rows_of", "stock")
    write_mode_home.declare(deployment.home, "float")
    write_mode_home.write_rows(deployment.home, "stock", "new", 200, 400)
    points = [*(f"any:{dice.randint(1, 12)}" for _ in range(12)), "widen.prepared:1", "publish.checked:1"]
    assert deployment.killed_at("write_rows_of", "stock", points) >= 8
    found = deployment.done("find_rows_of", "stock")
    assert (found["rows"], found["twice"], found["orphans"]) == ({"new": 400, "old": 200}, [], [])


def test_a_compaction_killed_at_each_step_changes_no_row(deployment: Deployment) -> None:
    for n in range(3):
        write_mode_home.write_rows(deployment.home, "events", f"b{n}", 100 * n, 100)
        deployment.done("write_rows_of", "events")
    before = deployment.done("find_rows_of", "events")
    points = ["compact.part_written:1", "compact.prepared:1", "compact.committed:1"]
    assert deployment.killed_at("merge_parts_of", "events", points) == len(points)
    assert deployment.done("find_rows_of", "events") == before
    write_mode_home.write_rows(deployment.home, "events", "b3", 300, 100)
    deployment.done("write_rows_of", "events")
    assert deployment.done("find_rows_of", "events")["rows"] == {f"b{n}": 100 for n in range(4)}
