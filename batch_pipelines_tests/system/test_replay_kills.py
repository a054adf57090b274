"""A replay that is killed at each step, and goes on: row for row the undisturbed table."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from batch_pipelines_tests.system import replay_home
from batch_pipelines_tests.system.forks import Forks, forks
from batch_pipelines_tests.system.memory_folder import memory_folder

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

KILLS_A_TRIAL = 16
OF_A_REPLAY = {
    *("plan.started", "plan.written", "plan.committed", "claim.chosen", "claim.committed", "lane.submitted"),
    *("chunk.read", "chunk.checked", "chunk.part_written", "chunk.dead_written", "lane.worked", "split.written"),
    *("commit.written", "commit.committed", "settle.part_written", "settle.dead_written", "settle.prepared"),
    *("settle.written", "settle.committed", "publish.leased", "publish.checked", "publish.delta_committed"),
    *("publish.committed", "publish.recorded"),
}


@dataclass
class Trials:
    """A home that was processed, and copies of its data in which replays are killed."""

    children: Forks
    folder: Path
    home: Path
    made: int = 0
    killed: set[str] = field(default_factory=set)

    def fresh(self) -> Path:
        """A folder with a copy of the data."""
        self.made += 1
        return replay_home.copied(self.folder / "data", self.folder / f"trial-{self.made}")

    def act(self, act: str, folder: Path, fault: str = "") -> tuple[bool, Any]:
        """Have a child do it: whether it was killed, else its answer."""
        ended = self.children.child(act, self.home, folder / "data", folder=folder, fault=fault).wait()
        return ended.killed, ended.answer

    def trial(self, points: list[str]) -> tuple[list[str], dict[str, Any]]:
        """Kill children one after the other until one comes to its end; the points that are left, and what is there."""
        folder, left = self.fresh(), list(points)
        while (
            left and len(points) - len(left) < KILLS_A_TRIAL and self.act("replay_orders", folder, f"kill@{left[0]}")[0]
        ):
            self.killed.add(left.pop(0))
        self.act("replay_orders", folder)
        return left, self.act("inspect_replay", folder)[1]


@pytest.fixture(scope="module")
def trials(blank_ledger: Path) -> Iterator[Trials]:
    with memory_folder() as folder, forks() as children:
        home = replay_home.make_home(folder / "home", folder / "data", blank_ledger)
        yield Trials(children, folder, home)


def test_killed_at_each_step_a_replay_comes_to_the_same_table(trials: Trials) -> None:
    first = trials.fresh()
    _, passed = trials.act("replay_orders", first)
    _, undisturbed = trials.act("inspect_replay", first)
    assert set(passed) - {"any"} == OF_A_REPLAY
    assert replay_home.written(undisturbed["content"]) > replay_home.written(
        trials.act("orders_content", trials.fresh())[1]
    )
    again = [f"{point}:2" for point, times in passed.items() if point != "any" and times > 1]
    left = [*(f"{point}:1" for point in passed if point != "any"), *again[::4]]
    while left:
        before, (left, found) = left, trials.trial(left)
        assert left != before, f"{left[0]} was never reached"
        assert {**found, "swept": 0} == {**undisturbed, "swept": 0}
    assert {point.partition(":")[0] for point in trials.killed} == OF_A_REPLAY
    assert undisturbed["kept"]
    assert undisturbed["conserved"]
    assert undisturbed["current"]
    assert undisturbed["unnamed"] == []
