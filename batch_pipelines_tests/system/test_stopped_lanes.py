"""Lanes beside each other, lanes that are stopped and wake up later, batches that race; and the planted mutants.

Every lane is a process. A stopped one is stopped at a named point; the others' patience is shortened ("py").
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from batch_pipelines_tests.system import sweep_home
from batch_pipelines_tests.system.acts import chunks_begun
from batch_pipelines_tests.system.differences import differences
from batch_pipelines_tests.system.forks import Child, Forks, forks
from batch_pipelines_tests.system.kill_sweep import KillSweep
from batch_pipelines_tests.system.memory_folder import memory_folder

SEED = 7
ROWS = 30  # two chunks a month
STOPS = (
    "claim.committed:2",
    "chunk.part_written:3",
    "lane.worked:3",
    "settle.prepared:2",
    "publish.leased:2",
    "publish.checked:3",
    "publish.delta_committed:2",
)


@pytest.fixture(scope="module")
def sweep(blank_ledger: Path) -> Iterator[KillSweep]:
    """A home, what an undisturbed run makes of it, and trials."""
    with memory_folder() as folder, forks() as children:
        yield KillSweep(children, folder, SEED, ledger=blank_ledger, rows=ROWS)


@pytest.fixture(scope="module")
def home_of_races(blank_ledger: Path) -> Iterator["Race"]:
    with memory_folder() as folder, forks() as children:
        yield Race(children, folder, blank_ledger)


@pytest.fixture
def race(home_of_races: "Race") -> "Race":
    """A race that nobody has begun."""
    home_of_races.begin()
    return home_of_races


def stopped(sweep: KillSweep, folder: Path, stop: str, plants: Sequence[str] = ()) -> Child:
    """A lane that has stopped at this point."""
    child = sweep.child(folder, f"stop@{stop}", plants)
    child.wait_stopped()
    return child


def stale_commit(sweep: KillSweep, plants: Sequence[str] = ()) -> dict[str, Any]:
    """A lane is stopped with January in hand; another does and settles it; the first wakes and commits."""
    folder = sweep.trial_folder()
    first = stopped(sweep, folder, "chunk.part_written:2,stop@commit.committed:3", plants)
    second = stopped(sweep, folder, "publish.leased:2", ["impatience"])
    first.wake()
    first.wait_stopped()  # having committed, or not
    second.wake()
    second.wait()
    first.wake()
    first.wait()
    return sweep.inspect(folder)


@pytest.mark.parametrize("stop", STOPS)
def test_another_lane_takes_over_from_a_stopped_one_that_wakes_later(sweep: KillSweep, stop: str) -> None:
    folder = sweep.trial_folder()
    first = stopped(sweep, folder, stop, plants=())
    sweep.child(folder, plants=["impatience"]).wait()
    first.wake()
    first.wait()
    assert sweep.inspect(folder)["wrong"] == []


def test_a_lane_that_notices_its_own_silence_stops_without_committing(sweep: KillSweep) -> None:
    folder = sweep.trial_folder()
    first = stopped(sweep, folder, "lane.worked:3", ["stops_itself"])
    sweep.child(folder, plants=["impatience"]).wait()
    first.wake()
    with pytest.raises(AssertionError, match="LeaseLost"):
        first.wait()
    assert sweep.inspect(folder)["wrong"] == []


def test_a_stale_commit_changes_nothing(sweep: KillSweep) -> None:
    assert stale_commit(sweep)["wrong"] == []


def test_two_lanes_on_the_same_batches_do_every_chunk_once(sweep: KillSweep) -> None:
    folder = sweep.trial_folder()
    planned = stopped(sweep, folder, "lane.submitted:2")  # the first is of the reference
    planned.kill()
    begun = len(chunks_begun(folder))
    lanes = [sweep.child(folder), sweep.child(folder)]
    for each in lanes:
        each.wait()
    assert sweep.inspect(folder)["wrong"] == []
    assert begun == 1
    assert Counter(chunks_begun(folder)).most_common(1)[0][1] == 1


class Race:
    """A home whose January changes while lanes are at work."""

    def __init__(self, children: Forks, folder: Path, ledger: Path) -> None:
        self.sweep = KillSweep(children, folder, SEED, ledger=ledger, rows=ROWS)
        self.old = self.sweep.reference
        self.begin()
        self.rewrite(SEED + 50)
        self.lane().wait()
        self.new: dict[str, Any] = self.sweep.content(self.folder)

    def begin(self) -> None:
        """Begin anew with the old source."""
        self.folder = self.sweep.trial_folder()
        self.rewrite(SEED)

    def rewrite(self, seed: int) -> None:
        """Change the source of January."""
        sweep_home.write_month(self.sweep.home, sweep_home.MONTHS[0], seed, ROWS)

    def lane(self, stop: str = "", plants: Sequence[str] = ()) -> Child:
        """A lane that others may get ahead of."""
        fault = f"stop@{stop}" if stop else ""
        child = self.sweep.act("run_among_others", self.folder, fault=fault, plants=plants)
        if stop:
            child.wait_stopped()
        return child

    def overtaken(self, stop: str, plants: Sequence[str] = ()) -> list[str]:
        """A publisher is stopped, newer content is published, the publisher wakes: what is wrong then."""
        old = self.lane(stop, plants)
        self.rewrite(SEED + 50)
        self.lane(plants=["impatience"]).wait()
        old.wake()
        old.wait()
        return differences(self.sweep.content(self.folder), self.new)


def test_the_content_does_differ(race: Race) -> None:
    assert differences(race.old, race.new)


@pytest.mark.parametrize("stop", ["publish.leased:2", "publish.checked:3", "publish.delta_committed:2"])
def test_an_overtaken_publisher_that_wakes_does_not_bring_old_rows_back(race: Race, stop: str) -> None:
    assert race.overtaken(stop) == []


def test_rows_that_were_published_while_newer_content_was_planned_keep_their_dead_letters(race: Race) -> None:
    old = race.lane("publish.delta_committed:2")
    race.rewrite(SEED + 50)
    race.lane("plan.committed:1").kill()
    old.wake()
    old.wait()
    race.sweep.act("janitor", race.folder).wait()
    assert differences(race.sweep.content(race.folder), race.old) == []
    race.lane().wait()
    assert differences(race.sweep.content(race.folder), race.new) == []


@pytest.mark.parametrize("stop", ["plan.committed:2", "lane.submitted:3", "publish.checked:4"])
def test_of_two_batches_that_race_for_a_partition_exactly_the_newer_is_left(race: Race, stop: str) -> None:
    old = race.lane(stop)
    race.rewrite(SEED + 50)
    new = race.lane(plants=["impatience"])
    old.wake()
    for each in (new, old):
        each.wait()
    assert differences(race.sweep.content(race.folder), race.new) == []


def test_a_then_b_then_a_ends_with_a(race: Race) -> None:
    for seed, expected in ((SEED, race.old), (SEED + 50, race.new), (SEED, race.old)):
        race.rewrite(seed)
        race.lane().wait()
        assert differences(race.sweep.content(race.folder), expected) == []


def test_the_mutant_without_epochs_is_caught(sweep: KillSweep) -> None:
    assert stale_commit(sweep, ["no_epoch_check"])["wrong"]


def test_the_mutant_that_publishes_without_looking_at_numbers_is_caught(race: Race) -> None:
    assert race.overtaken("publish.leased:2", ["no_number_check"])


def test_the_mutant_that_decides_and_commits_on_two_handles_is_caught(race: Race) -> None:
    assert race.overtaken("publish.checked:4", ["commits_on_a_fresh_handle"])


def test_the_mutant_that_does_not_settle_is_caught(sweep: KillSweep) -> None:
    folder = sweep.trial_folder()
    sweep.child(folder, plants=["no_settle"]).wait()
    assert any("too many" in what for what in sweep.inspect(folder)["wrong"])
