"""What every ledger promises of a generation that carries chunks over from the batch published last."""

from batch_pipelines.core.ledger.ledger import Ledger
from batch_pipelines.core.model import Batch, BatchPlan, BatchState, ChunkPlan, ChunkResult, ChunkState
from batch_pipelines_tests.contracts.acts import claimed, committed, entered, opened, worked_off

CARRIED = ChunkResult(2, 1, 0, 1, {"part": {"path": "x"}})


def published(ledger: Ledger, key: str = "a") -> Batch:
    batch = opened(ledger, key)
    worked_off(ledger, batch)
    ledger.batches.finish(batch.id, BatchState.PUBLISHED)
    return batch


def next_plan(key: str = "a") -> BatchPlan:
    return BatchPlan("flights", "2013-01", key * 8, {}, [ChunkPlan(3, {"at": 0}, CARRIED), ChunkPlan(1, {"at": 9})])


def next_one(ledger: Ledger, base: Batch) -> Batch | None:
    return ledger.batches.open_on(next_plan(), base.id, root_run="run-1", published=1)


def test_what_is_carried_over_is_done_as_planned(ledger: Ledger) -> None:
    base = published(ledger)
    batch = next_one(ledger, base)
    assert batch is not None
    assert (batch.key, batch.generation, batch.publication, batch.root_run) == (base.key, 2, 2, "run-1")
    carried, new = ledger.chunks.of_batch(batch.id)
    assert (carried.state, carried.result, carried.seconds) == (ChunkState.DONE, CARRIED, 0.0)
    assert (new.state, new.result) == (ChunkState.PENDING, None)
    counts = ledger.chunks.counts([batch.id])
    assert (counts.items, counts.items_done, counts.written, counts.filtered) == (4, 3, 2, 1)
    owner = entered(ledger)
    (claim,) = claimed(ledger, owner, batch)
    assert committed(ledger, owner, [claim]) == {1}
    assert ledger.chunks.is_finished(batch.id)


def test_nothing_is_opened_beside_an_open_batch(ledger: Ledger) -> None:
    base = published(ledger)
    other = opened(ledger, "b")
    assert next_one(ledger, base) is None
    assert ledger.batches.get([other.id])[0].state is BatchState.OPEN


def test_nothing_is_opened_on_a_batch_that_was_replaced(ledger: Ledger) -> None:
    base = published(ledger)
    published(ledger, "b")
    assert next_one(ledger, base) is None
    assert len(ledger.batches.of_pipeline("flights")) == 2


def test_the_second_of_two_at_once_opens_nothing(ledger: Ledger) -> None:
    base = published(ledger)
    assert next_one(ledger, base) is not None
    assert next_one(ledger, base) is None
