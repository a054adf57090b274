"""What every ledger promises of chunks and leases: each result counts once, by the newest claim."""

from dataclasses import replace

import pytest

from batch_pipelines.core.clock import FakeClock
from batch_pipelines.core.errors import IntegrityError
from batch_pipelines.core.ledger.chunks import Settled
from batch_pipelines.core.ledger.ledger import Ledger
from batch_pipelines.core.model import BatchState, ChunkPlan, ChunkResult, ChunkState, Counts
from batch_pipelines.core.owners import LeaseWatch, new_owner
from batch_pipelines_tests.contracts.acts import (
    NOW,
    claimed,
    committed,
    entered,
    opened,
    plan,
    result,
    worked_off,
)


def test_chunks_are_claimed_in_order_and_by_one_only(ledger: Ledger) -> None:
    batch, one, other = opened(ledger), entered(ledger), entered(ledger)
    assert [c.index for c in claimed(ledger, one, batch, limit=2)] == [0, 1]
    assert [(c.index, c.epoch, c.items, c.payload) for c in claimed(ledger, other, batch)] == [(2, 1, 1, {"at": 2})]
    assert claimed(ledger, one, batch) == []


def test_chunks_of_ended_batches_are_not_claimed(ledger: Ledger) -> None:
    batch, owner = opened(ledger), entered(ledger)
    ledger.batches.finish(batch.id, BatchState.SUPERSEDED)
    assert claimed(ledger, owner, batch) == []


def test_a_commit_keeps_result_and_seconds_and_frees_the_chunk(ledger: Ledger) -> None:
    batch, owner = opened(ledger), entered(ledger)
    [claim] = claimed(ledger, owner, batch, limit=1)
    done = ChunkResult(1, 1, 1, 1, {"part": {"path": "p/ä.parquet"}, "reasons": {"in: dest": 1}})
    assert ledger.chunks.commit(owner, [(claim, done, 1.25)]) == {(batch.id, 0)}
    chunk = ledger.chunks.of_batch(batch.id)[0]
    assert (chunk.state, chunk.result, chunk.seconds) == (ChunkState.DONE, done, 1.25)
    assert (chunk.owner, chunk.epoch) == (None, 1)


def test_committing_nothing_is_nothing(ledger: Ledger) -> None:
    assert ledger.chunks.commit("nobody", []) == set()


def test_a_stale_commit_is_refused_and_its_neighbours_are_not(ledger: Ledger) -> None:
    batch, slow, fast = opened(ledger), entered(ledger), entered(ledger)
    mine = claimed(ledger, slow, batch)
    ledger.chunks.release(slow, [mine[1]])
    [taken] = claimed(ledger, fast, batch)
    assert taken.epoch == 2
    assert committed(ledger, slow, mine) == {0, 2}
    assert committed(ledger, fast, [taken]) == {1}
    assert committed(ledger, slow, [mine[1]]) == set()
    assert ledger.chunks.counts([batch.id]).items_done == 6


def test_an_owner_cannot_commit_what_another_holds(ledger: Ledger) -> None:
    batch, one, other = opened(ledger), entered(ledger), entered(ledger)
    claims = claimed(ledger, one, batch)
    assert committed(ledger, other, claims) == set()
    assert committed(ledger, one, claims) == {0, 1, 2}


def test_an_epoch_from_the_future_is_refused(ledger: Ledger) -> None:
    batch, owner = opened(ledger), entered(ledger)
    claims = [replace(claim, epoch=claim.epoch + 1) for claim in claimed(ledger, owner, batch)]
    assert committed(ledger, owner, claims) == set()


def test_the_same_commit_twice_counts_once(ledger: Ledger) -> None:
    batch, owner = opened(ledger), entered(ledger)
    claims = claimed(ledger, owner, batch)
    assert committed(ledger, owner, claims) == {0, 1, 2}
    other = [(claim, ChunkResult(0, claim.items, 0), 9.0) for claim in claims]
    ledger.chunks.commit(owner, other)
    assert ledger.chunks.counts([batch.id]).filtered == 0


def test_nothing_is_committed_to_an_ended_batch(ledger: Ledger) -> None:
    batch, owner = opened(ledger), entered(ledger)
    claims = claimed(ledger, owner, batch)
    opened(ledger, "b")
    assert committed(ledger, owner, claims) == set()


def test_only_owners_that_are_gone_are_taken_over(ledger: Ledger) -> None:
    batch, dead, alive, heir = opened(ledger), entered(ledger), entered(ledger), entered(ledger)
    lost = claimed(ledger, dead, batch, limit=1)
    kept = claimed(ledger, alive, batch, limit=1)
    assert [c.index for c in claimed(ledger, heir, batch)] == [2]
    assert {state.id for state in ledger.holders.others(heir, [batch.id])} == {dead, alive}
    [taken] = claimed(ledger, heir, batch, gone=[dead])
    assert (taken.index, taken.epoch) == (0, 2)
    assert committed(ledger, dead, lost) == set()
    assert committed(ledger, alive, kept) == {1}


def test_a_takeover_charges_no_attempt(ledger: Ledger) -> None:
    batch, dead, heir = opened(ledger), entered(ledger), entered(ledger)
    claimed(ledger, dead, batch)
    assert {(c.attempts, c.deaths) for c in claimed(ledger, heir, batch, gone=[dead])} == {(0, 0)}


def test_leaving_gives_back_chunks_and_leases_and_charges_nothing(ledger: Ledger) -> None:
    batch, owner, other = opened(ledger), entered(ledger), entered(ledger)
    claims = claimed(ledger, owner, batch)
    committed(ledger, owner, claims[:1])
    ledger.holders.acquire("table:flights", owner)
    ledger.holders.leave(owner)
    assert [(c.index, c.epoch, c.attempts) for c in claimed(ledger, other, batch)] == [(1, 2, 0), (2, 2, 0)]
    assert ledger.holders.holder("table:flights") is None
    assert [state.id for state in ledger.holders.all()] == [other]
    assert not ledger.holders.renew(owner)


def test_a_failed_try_waits_until_it_is_due(ledger: Ledger) -> None:
    batch, owner = opened(ledger, items=(3,)), entered(ledger)
    [claim] = claimed(ledger, owner, batch)
    assert ledger.chunks.fail(owner, claim, "broken", attempts=1, deaths=0, due_at=NOW + 2)
    assert ledger.chunks.next_due([batch.id]) == NOW + 2
    assert claimed(ledger, owner, batch) == []
    [again] = ledger.chunks.claim(owner, [batch.id], limit=1, now=NOW + 2)
    assert (again.attempts, again.epoch) == (1, 2)
    assert ledger.chunks.next_due([batch.id]) is None


def test_a_chunk_without_another_try_has_failed(ledger: Ledger) -> None:
    batch, owner = opened(ledger, items=(3,)), entered(ledger)
    [claim] = claimed(ledger, owner, batch)
    ledger.chunks.fail(owner, claim, "nul \x00, half \udcff, " + "long" * 9000, attempts=3, deaths=1, due_at=None)
    chunk = ledger.chunks.of_batch(batch.id)[0]
    assert (chunk.state, chunk.attempts, chunk.deaths, chunk.owner) == (ChunkState.FAILED, 3, 1, None)
    assert str(chunk.error).startswith("nul \\0, half \\udcff, long")
    assert len(str(chunk.error)) < 10_000
    assert ledger.chunks.is_finished(batch.id)
    assert claimed(ledger, owner, batch) == []


@pytest.mark.parametrize("act", ["fail", "split", "release"])
def test_a_stale_claim_can_do_nothing(ledger: Ledger, act: str) -> None:
    batch, slow, fast = opened(ledger, items=(2,)), entered(ledger), entered(ledger)
    [stale] = claimed(ledger, slow, batch)
    [fresh] = claimed(ledger, fast, batch, gone=[slow])
    before = ledger.chunks.of_batch(batch.id)
    halves = (ChunkPlan(1, {}), ChunkPlan(1, {}))
    if act == "fail":
        assert not ledger.chunks.fail(slow, stale, "late", attempts=1, deaths=0, due_at=NOW)
    elif act == "split":
        assert not ledger.chunks.split(slow, stale, halves, deaths=1)
    else:
        ledger.chunks.release(slow, [stale])
    assert ledger.chunks.of_batch(batch.id) == before
    assert committed(ledger, fast, [fresh]) == {0}


def test_a_split_chunk_is_replaced_by_its_halves(ledger: Ledger) -> None:
    batch, owner = opened(ledger, items=(4, 1)), entered(ledger)
    [claim] = claimed(ledger, owner, batch, limit=1)
    assert ledger.chunks.split(owner, claim, (ChunkPlan(3, {"half": 1}), ChunkPlan(1, {"half": 2})), deaths=1)
    chunks = ledger.chunks.of_batch(batch.id)
    assert [(c.index, c.items, c.deaths) for c in chunks] == [(1, 1, 0), (2, 3, 1), (3, 1, 1)]
    counts = ledger.chunks.counts([batch.id])
    assert (counts.chunks, counts.items, counts.finished) == (3, 5, False)
    assert committed(ledger, owner, [claim]) == set()
    assert committed(ledger, owner, claimed(ledger, owner, batch)) == {1, 2, 3}
    assert ledger.chunks.counts([batch.id]).finished


def test_counts_add_up_over_batches_and_states(ledger: Ledger) -> None:
    one, two, owner = opened(ledger), ledger.batches.open(plan(partition="2013-02")), entered(ledger)
    first, second, _ = claimed(ledger, owner, one)
    ledger.chunks.commit(owner, [(first, ChunkResult(1, 1, 1, 1), 0.1)])
    ledger.chunks.fail(owner, second, "no", attempts=3, deaths=0, due_at=None)
    assert ledger.chunks.counts([one.id, two.id]) == Counts(6, 1, 1, 1, 12, 3, 1, 1, 1, 1)
    assert ledger.chunks.counts([]) == Counts()


def test_settling_replaces_results_under_a_lease_once(ledger: Ledger) -> None:
    batch, owner = opened(ledger), entered(ledger)
    worked_off(ledger, batch)
    epoch = ledger.holders.acquire("batch:1", owner)
    assert epoch == 1
    change = Settled(0, 0, ChunkResult(2, 0, 1, 0, {"part": "r1"}))
    assert ledger.chunks.settle(batch.id, ("batch:1", owner, epoch), [change])
    chunk = ledger.chunks.of_batch(batch.id)[0]
    assert (chunk.revision, chunk.result) == (1, change.result)
    assert ledger.batches.get([batch.id])[0].settled
    assert not ledger.chunks.settle(batch.id, ("batch:1", owner, epoch), [replace(change, revision=1)])
    assert ledger.chunks.of_batch(batch.id)[0] == chunk


def test_settling_under_a_lost_lease_changes_nothing(ledger: Ledger) -> None:
    batch, slow, heir = opened(ledger), entered(ledger), entered(ledger)
    worked_off(ledger, batch)
    stale = ledger.holders.acquire("batch:1", slow)
    assert stale == 1
    assert ledger.holders.acquire("batch:1", heir, gone=[slow]) == 2
    change = Settled(0, 0, ChunkResult(2, 0, 1))
    assert not ledger.chunks.settle(batch.id, ("batch:1", slow, stale), [change])
    assert not ledger.chunks.settle(batch.id, ("batch:2", slow, stale), [change])
    assert not ledger.batches.get([batch.id])[0].settled


def test_settling_changes_all_chunks_or_none(ledger: Ledger) -> None:
    batch, owner = opened(ledger), entered(ledger)
    worked_off(ledger, batch)
    before = ledger.chunks.of_batch(batch.id)
    epoch = ledger.holders.acquire("batch:1", owner)
    assert epoch
    good, bad = Settled(0, 0, ChunkResult(2, 0, 1)), Settled(1, 7, ChunkResult(1, 0, 1))
    with pytest.raises(IntegrityError):
        ledger.chunks.settle(batch.id, ("batch:1", owner, epoch), [good, bad])
    assert ledger.chunks.of_batch(batch.id) == before
    assert not ledger.batches.get([batch.id])[0].settled


def test_a_named_lease_has_one_holder_and_a_rising_epoch(ledger: Ledger) -> None:
    one, other = entered(ledger), entered(ledger)
    assert ledger.holders.acquire("table:flights", one) == 1
    assert ledger.holders.acquire("table:flights", other) is None
    assert ledger.holders.acquire("table:weather", other) == 1
    holder = ledger.holders.holder("table:flights")
    assert holder is not None
    assert holder.id == one
    ledger.holders.give_back("table:flights", one, 1)
    assert ledger.holders.acquire("table:flights", other) == 2
    ledger.holders.give_back("table:flights", one, 1)  # late: it is another's by now
    assert ledger.holders.acquire("table:flights", one) is None


def test_renewals_are_seen_by_others(ledger: Ledger, clock: FakeClock) -> None:
    batch, owner, watcher = opened(ledger), new_owner(), LeaseWatch(clock)
    ledger.holders.enter(owner)
    claimed(ledger, owner.id, batch)

    def gone() -> set[str]:
        return watcher.gone(ledger.holders.others("me", [batch.id]))

    assert gone() == set()
    clock.advance(29)
    assert ledger.holders.renew(owner.id)
    assert gone() == set()
    clock.advance(29)
    assert gone() == set()
    clock.advance(1)
    assert gone() == {owner.id}


def test_an_owner_that_nobody_knows_any_more_is_gone(ledger: Ledger, clock: FakeClock) -> None:
    batch, owner = opened(ledger), entered(ledger)
    claimed(ledger, "unknown", batch)
    [state] = ledger.holders.others(owner, [batch.id])
    assert (state.id, state.owner) == ("unknown", None)
    assert LeaseWatch(clock).gone([state]) == {"unknown"}


def test_only_idle_owners_are_forgotten(ledger: Ledger) -> None:
    batch, idle, busy, leaser = opened(ledger), entered(ledger), entered(ledger), entered(ledger)
    claimed(ledger, busy, batch)
    ledger.holders.acquire("table:flights", leaser)
    ledger.holders.forget_idle([idle, busy, leaser])
    assert {state.id for state in ledger.holders.all()} == {busy, leaser}


def test_details_are_given_back_as_they_were(ledger: Ledger) -> None:
    batch, owner = opened(ledger, items=(1,)), entered(ledger)
    [claim] = claimed(ledger, owner, batch)
    detail = {"samples": ["a\x00b", "\udcff", "%s :b ?", "☃"], "n": 1.5, "deep": {"x": [None, True]}}
    ledger.chunks.commit(owner, [(claim, result(claim, **detail), 0.0)])
    kept = ledger.chunks.of_batch(batch.id)[0].result
    assert kept is not None
    assert kept.detail == detail
