"""Who is gone, and who is only slow."""

import os
import subprocess
import sys
from dataclasses import replace

from batch_pipelines.core.clock import FakeClock
from batch_pipelines.core.owners import STILL_S, STOP_AFTER_S, LeaseWatch, Owner, OwnerState, new_owner


def state(owner: Owner, counter: int = 0) -> OwnerState:
    return OwnerState(owner.id, owner, counter)


def elsewhere(owner: Owner) -> Owner:
    """The same, on another machine: nothing can be known of its process."""
    return replace(owner, boot="another boot", pid=1, started="0")


def test_two_owners_of_one_process_are_two() -> None:
    one, two = new_owner(), new_owner()
    assert one.id != two.id
    assert (one.pid, one.started) == (two.pid, two.started) == (os.getpid(), one.started)


def test_a_living_process_is_not_gone() -> None:
    assert LeaseWatch(FakeClock()).gone([state(new_owner())]) == set()


def test_a_process_of_this_boot_that_ended_is_gone_at_once() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    dead = replace(new_owner(), pid=process.pid)
    assert LeaseWatch(FakeClock()).gone([state(dead)]) == {dead.id}


def test_a_zombie_is_gone() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and stays a zombie
    zombie = replace(new_owner(), pid=process.pid, started="?")
    assert LeaseWatch(FakeClock()).gone([state(zombie)]) == {zombie.id}
    process.wait()


def test_a_pid_that_another_process_has_by_now_does_not_stand_for_the_old_one() -> None:
    reused = replace(new_owner(), started="12345")
    assert LeaseWatch(FakeClock()).gone([state(reused)]) == {reused.id}


def test_an_owner_elsewhere_is_gone_only_after_the_watcher_saw_it_stand_still() -> None:
    clock, far = FakeClock(), elsewhere(new_owner())
    watch = LeaseWatch(clock)
    assert watch.gone([state(far, 5)]) == set()
    clock.advance(STILL_S - 0.1)
    assert watch.gone([state(far, 5)]) == set()
    clock.advance(0.1)
    assert watch.gone([state(far, 5)]) == {far.id}


def test_every_renewal_starts_the_wait_anew() -> None:
    clock, far = FakeClock(), elsewhere(new_owner())
    watch = LeaseWatch(clock)
    for counter in range(5):
        assert watch.gone([state(far, counter)]) == set()
        clock.advance(STILL_S - 1)
    assert watch.gone([state(far, 4)]) == set()
    clock.advance(1)
    assert watch.gone([state(far, 4)]) == {far.id}


def test_a_new_watcher_knows_nothing_of_what_others_saw() -> None:
    clock, far = FakeClock(), elsewhere(new_owner())
    first = LeaseWatch(clock)
    first.gone([state(far)])
    clock.advance(STILL_S)
    assert LeaseWatch(clock).gone([state(far)]) == set()
    assert first.gone([state(far)]) == {far.id}


def test_owners_are_watched_one_by_one() -> None:
    clock, one, two = FakeClock(), elsewhere(new_owner()), elsewhere(new_owner())
    watch = LeaseWatch(clock)
    watch.gone([state(one)])
    clock.advance(STILL_S / 2)
    watch.gone([state(two)])
    clock.advance(STILL_S / 2)
    assert watch.gone([state(one), state(two)]) == {one.id}


def test_an_owner_without_a_row_is_gone() -> None:
    assert LeaseWatch(FakeClock()).gone([OwnerState("x", None, 0)]) == {"x"}


def test_an_owner_stops_well_before_others_take_over() -> None:
    assert STOP_AFTER_S + 5 <= STILL_S
