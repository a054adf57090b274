"""Turns at the final dot: as many as replies are slow, and never a wait without an end."""

import threading

from batch_pipelines.campaigns.sending.turns import LOOK_EVERY, Turns
from batch_pipelines.core.clock import FakeClock


def after_replies_of(seconds: float, clock: FakeClock) -> Turns:
    turns = Turns(clock)
    for _ in range(LOOK_EVERY):
        taken = turns.take()
        clock.advance(seconds)
        turns.give(taken)
    return turns


def test_behind_a_quick_relay_one_message_is_in_doubt_at_a_time() -> None:
    assert after_replies_of(0.0002, FakeClock()).room == 1


def test_behind_a_slow_relay_there_are_turns_for_all() -> None:
    assert after_replies_of(0.02, FakeClock()).room >= 50


def test_what_counts_is_the_quickest_reply_the_others_waited_for_us() -> None:
    clock = FakeClock()
    turns = Turns(clock)
    for number in range(LOOK_EVERY):
        taken = turns.take()
        clock.advance(0.0003 if number == 5 else 0.05)
        turns.give(taken)
    assert turns.room == 1


def test_who_waits_gets_the_turn_that_is_given_back() -> None:
    turns = Turns(FakeClock())
    first = turns.take()
    other = threading.Thread(target=lambda: turns.give(turns.take()))
    other.start()
    turns.give(first)
    other.join(10)
    assert not other.is_alive()


def test_nobody_waits_for_a_reply_that_does_not_come() -> None:
    turns = Turns(FakeClock())
    turns.take()
    turns.take()
    assert turns.room == 2
