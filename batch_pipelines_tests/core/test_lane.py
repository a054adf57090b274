"""The lane's loop with a scripted pool: what every ending does to a chunk and its batch. Nothing here sleeps."""

import os
import signal
from collections.abc import Mapping
from typing import Any

import pytest

from batch_pipelines.core.errors import ConfigError, InputError, IntegrityError, LeaseLost, SourceChanged
from batch_pipelines.core.model import BatchState, ChunkState
from batch_pipelines.core.owners import new_owner
from batch_pipelines.core.workers.pool import Ending, Returned
from batch_pipelines.core.workload import Verdict
from batch_pipelines_tests.core.engine import Engine
from batch_pipelines_tests.core.fakes import (
    DIED,
    LOST,
    OK,
    TIMED_OUT,
    Script,
    raised,
)


def first_time(ending: Ending, first: int = 0, times: int = 1) -> Script:
    """This ending for the chunk that begins with `first`, so many times; all else is well."""
    return lambda payload, time: ending if payload["first"] == first and time < times else OK


def test_all_chunks_are_worked_once_and_published_together(engine: Engine) -> None:
    batch = engine.open(3, 2, 4)
    engine.run(batch)
    assert engine.pool.seen == [0, 3, 5]
    assert engine.workload.published == {"p": list(range(9))}
    assert engine.now(batch).state is BatchState.PUBLISHED
    assert engine.pool.stopped
    assert engine.ledger.holders.all() == []


def test_every_worker_has_a_chunk_before_the_first_is_waited_for(engine: Engine) -> None:
    engine.run(engine.open(1, 1, 1, 1))
    assert engine.pool.held == [2, 2, 2, 1]


def test_no_workers_are_started_where_there_is_nothing_to_do(engine: Engine) -> None:
    batch = engine.open()
    engine.run(batch)
    assert (engine.now(batch).state, engine.pool.stopped) == (BatchState.PUBLISHED, False)


def test_no_batches_are_no_work(engine: Engine) -> None:
    engine.run()
    assert engine.progress == []


def test_several_batches_are_closed_each_by_its_last_chunk(engine: Engine) -> None:
    one, two = engine.open(2, 2), engine.open(1, partition="q")
    engine.run(one, two)
    assert engine.workload.published == {"p": [0, 1, 2, 3], "q": [0]}
    assert engine.now(two).state is BatchState.PUBLISHED


def test_a_transient_error_is_tried_again_after_its_delay(engine: Engine) -> None:
    batch = engine.open(3)
    began = engine.clock.monotonic()
    engine.run(batch, script=first_time(raised()))
    assert engine.now(batch).state is BatchState.PUBLISHED
    assert engine.ledger.chunks.of_batch(batch.id)[0].attempts == 1
    assert 1.8 <= engine.clock.monotonic() - began <= 3


@pytest.mark.parametrize("delay_s", [0.0, -5.0, 7.0])
def test_an_error_may_ask_for_its_own_delay(engine: Engine, delay_s: float) -> None:
    batch = engine.open(3)
    began = engine.clock.monotonic()
    engine.run(batch, script=first_time(raised(delay_s=delay_s)))
    assert max(delay_s, 0) <= engine.clock.monotonic() - began <= max(delay_s, 0) + 1


@pytest.mark.parametrize("delay_s", [float("nan"), float("inf")])
def test_a_delay_that_is_no_number_is_the_usual_one(engine: Engine, delay_s: float) -> None:
    batch = engine.open(3)
    engine.run(batch, script=first_time(raised(delay_s=delay_s)))
    assert engine.now(batch).state is BatchState.PUBLISHED


@pytest.mark.parametrize("ending", [raised(), TIMED_OUT, raised("TimeLimitExceeded")])
def test_a_chunk_that_uses_up_its_attempts_fails_its_batch_and_no_other(engine: Engine, ending: Ending) -> None:
    bad, good = engine.open(3, 1), engine.open(2, partition="q")

    def script(payload: Mapping[str, Any], _time: int) -> Ending:
        return ending if payload["items"] == 3 else OK

    engine.run(bad, good, script=script)
    assert engine.pool.seen.count(0) == 3 + 1  # the chunk of q begins with 0, too
    assert engine.now(bad).state is BatchState.FAILED
    assert "chunk 0 failed: attempt 3 of 3" in str(engine.now(bad).reason)
    assert engine.workload.published == {"q": [0, 1]}


@pytest.mark.parametrize("kind", ["PermanentError", "InputError", "ConfigError", "IntegrityError"])
def test_what_will_not_help_is_not_tried_again(engine: Engine, kind: str) -> None:
    batch = engine.open(3, 1)
    engine.run(batch, script=first_time(raised(kind, "no such column"), times=9))
    assert engine.pool.seen == [0, 3]
    assert "no such column" in str(engine.now(batch).reason)


def test_counts_that_do_not_add_up_fail_the_batch(engine: Engine) -> None:
    batch = engine.open(3)
    engine.run(batch, script=first_time(Returned({"written": 1, "dead": 1}, 0.1), times=9))
    assert engine.now(batch).state is BatchState.FAILED
    assert "3 items were planned" in str(engine.now(batch).reason)
    assert engine.workload.published == {}


def test_a_changed_source_ends_the_batch_unpublished(engine: Engine) -> None:
    batch, other = engine.open(3, 1, 1, 1, 1), engine.open(2, partition="q")
    engine.run(batch, other, script=first_time(raised("SourceChanged", "it was written to")))
    assert (engine.now(batch).state, engine.now(batch).reason) == (
        BatchState.SOURCE_CHANGED,
        "it was written to",
    )
    assert set(engine.workload.published) == {"q"}


def test_a_broken_pool_charges_nothing(engine: Engine) -> None:
    batch = engine.open(3)
    engine.run(batch, script=first_time(LOST, times=5), attempts=1)
    chunk = engine.ledger.chunks.of_batch(batch.id)[0]
    assert (chunk.state, chunk.attempts, chunk.deaths, chunk.epoch) == (ChunkState.DONE, 0, 0, 6)


def test_one_death_is_tried_again_without_an_attempt(engine: Engine) -> None:
    batch = engine.open(3)
    engine.run(batch, script=first_time(DIED), attempts=1)
    chunk = engine.ledger.chunks.of_batch(batch.id)[0]
    assert (chunk.state, chunk.attempts, chunk.deaths) == (ChunkState.DONE, 0, 1)


@pytest.mark.parametrize("poison", [0, 5, 6, 11])
def test_two_deaths_are_bisected_to_the_one_item_that_kills(engine: Engine, poison: int) -> None:
    batch = engine.open(12, 2)

    def script(payload: Mapping[str, Any], _time: int) -> Ending:
        return DIED if payload["first"] <= poison < payload["first"] + payload["items"] else OK

    engine.run(batch, script=script)
    assert engine.workload.published == {"p": [number for number in range(14) if number != poison]}
    buried = [c.result.detail for c in engine.ledger.chunks.of_batch(batch.id) if c.result and c.result.dead]
    assert [detail["buried"] for detail in buried] == [poison]
    assert "worker died" in buried[0]["reason"]
    counts = engine.ledger.chunks.counts([batch.id])
    assert (counts.items, counts.written, counts.dead) == (14, 13, 1)


@pytest.mark.parametrize(
    ("error", "state"),
    [(SourceChanged("a.csv", "gone"), BatchState.SOURCE_CHANGED), (InputError("a.csv", "odd"), BatchState.FAILED)],
)
def test_a_chunk_that_cannot_be_split_ends_its_batch_not_the_lane(
    engine: Engine, error: Exception, state: BatchState
) -> None:
    batch, other = engine.open(4), engine.open(2, partition="q")
    engine.workload.halves_raises = error
    engine.run(batch, other, script=lambda payload, _time: DIED if payload["items"] == 4 else OK)
    assert engine.now(batch).state is state
    assert str(error) in str(engine.now(batch).reason)
    assert engine.now(other).state is BatchState.PUBLISHED


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (IntegrityError("a part is missing"), BatchState.FAILED),
        (ConfigError("a column would change its type"), BatchState.FAILED),
        (SourceChanged("a.csv", "gone"), BatchState.SOURCE_CHANGED),
    ],
)
def test_what_cannot_be_published_ends_its_batch_not_the_lane(
    engine: Engine, error: Exception, state: BatchState
) -> None:
    one, two = engine.open(1), engine.open(1, partition="q")
    engine.workload.publish_raises = error
    engine.run(one, two)
    assert [engine.now(one).state, engine.now(two).state] == [state, state]
    assert engine.now(one).reason == str(error)


def test_a_disk_that_is_full_at_publishing_leaves_the_batch_to_the_next_run(engine: Engine) -> None:
    batch = engine.open(1)
    engine.workload.publish_raises = OSError("no space left")
    with pytest.raises(OSError, match="no space"):
        engine.run(batch)
    engine.workload.publish_raises = None
    engine.run(batch)
    assert engine.now(batch).state is BatchState.PUBLISHED


def test_a_refusal_to_publish_is_the_batchs_end(engine: Engine) -> None:
    batch = engine.open(2)
    engine.workload.verdict = Verdict(BatchState.FAILED, "too many rejects")
    engine.run(batch)
    assert (engine.now(batch).state, engine.now(batch).reason) == (BatchState.FAILED, "too many rejects")


def test_an_unfinished_batch_goes_on_where_it_stopped(engine: Engine) -> None:
    batch = engine.open(1, 1, 1, 1)

    def script(payload: Mapping[str, Any], _time: int) -> Ending:
        if payload["first"] == 2:
            raise KeyboardInterrupt
        return OK

    with pytest.raises(KeyboardInterrupt):
        engine.run(batch, script=script)
    assert engine.ledger.holders.all() == []
    engine.run(batch)
    assert engine.pool.seen == [2, 3]
    assert engine.workload.published == {"p": [0, 1, 2, 3]}


def test_chunks_of_a_lane_that_is_gone_are_taken_over_and_of_a_living_one_are_not(engine: Engine) -> None:
    lost, held = engine.open(1), engine.open(1, partition="q")
    dead = new_owner()  # as if of a process that ended
    engine.ledger.holders.enter(dead.__class__(dead.id, dead.host, dead.boot, 2**22 + 1, "1"))
    alive = new_owner()
    engine.ledger.holders.enter(alive)
    engine.ledger.chunks.claim(dead.id, [lost.id], limit=9, now=engine.clock.now().timestamp())
    engine.ledger.chunks.claim(alive.id, [held.id], limit=9, now=engine.clock.now().timestamp())
    engine.run(lost, held)
    assert engine.workload.published == {"p": [0]}
    assert engine.now(held).state is BatchState.OPEN


def test_a_lane_that_was_still_for_too_long_commits_nothing(engine: Engine) -> None:
    batch = engine.open(1, 1)

    def script(_payload: Mapping[str, Any], _time: int) -> Ending:
        engine.clock.advance(21)
        return OK

    with pytest.raises(LeaseLost):
        engine.run(batch, script=script)
    assert engine.ledger.chunks.counts([batch.id]).chunks_done == 0
    engine.run(batch)
    assert engine.now(batch).state is BatchState.PUBLISHED


def test_progress_is_told_every_two_seconds_and_at_the_end(engine: Engine) -> None:
    batch = engine.open(*[10] * 20)

    def script(_payload: Mapping[str, Any], _time: int) -> Ending:
        engine.clock.advance(0.5)
        return OK

    engine.run(batch, script=script)
    assert [progress.done for progress in engine.progress] == [40, 80, 120, 160, 200, 200]
    assert (engine.progress[-1].percent, round(engine.progress[-1].rate)) == (100, 20)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_finishes_what_is_in_flight_releases_the_rest_and_is_raised_again(
    engine: Engine, number: signal.Signals
) -> None:
    batch, raised_again = engine.open(*[1] * 8), list[int]()

    def script(payload: Mapping[str, Any], _time: int) -> Ending:
        if payload["first"] == 1:
            os.kill(os.getpid(), number)
        return OK

    def hear(signal_number: int, _frame: object) -> None:
        raised_again.append(signal_number)

    before = signal.signal(number, hear)
    try:
        engine.run(batch, script=script)
    finally:
        signal.signal(number, before)
    assert raised_again == [number]
    in_flight = {0, 1, 2, 3}
    assert set(engine.pool.seen) <= in_flight
    counts = engine.ledger.chunks.counts([batch.id])
    assert (counts.chunks_done, counts.chunks_claimed) == (len(engine.pool.seen), 0)
    assert engine.now(batch).state is BatchState.OPEN


def test_workers_that_die_while_the_lane_is_being_stopped_are_no_evidence(engine: Engine) -> None:
    batch = engine.open(1)

    def script(_payload: Mapping[str, Any], _time: int) -> Ending:
        os.kill(os.getpid(), signal.SIGTERM)
        return DIED

    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        engine.run(batch, script=script)
    finally:
        signal.signal(signal.SIGTERM, before)
    chunk = engine.ledger.chunks.of_batch(batch.id)[0]
    assert (chunk.state, chunk.deaths, chunk.attempts) == (ChunkState.PENDING, 0, 0)
