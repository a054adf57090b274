"""What every ledger promises of batches: planned once, resumed, superseded, numbered, reopened, ended once."""

import random

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from batch_pipelines.core.errors import ConfigError, IntegrityError
from batch_pipelines.core.ledger.ledger import Ledger, open_ledger
from batch_pipelines.core.ledger.schema import metadata
from batch_pipelines.core.model import Batch, BatchPlan, BatchState, ChunkResult, ChunkState
from batch_pipelines_tests.contracts.acts import claimed, entered, opened, plan, worked_off


def state_of(ledger: Ledger, batch: Batch) -> BatchState:
    return ledger.batches.get([batch.id])[0].state


def test_migrations_make_exactly_the_tables_that_the_code_declares(ledger: Ledger) -> None:
    with ledger.store.engine.connect() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []


def test_an_opened_ledger_is_opened_again_with_all_that_it_holds(ledger: Ledger, url: str) -> None:
    batch = opened(ledger)
    again = open_ledger(url)
    try:
        assert again.batches.get([batch.id]) == [batch]
    finally:
        again.close()


def test_a_ledger_of_a_newer_release_is_refused_in_words(fresh_url: str) -> None:
    ledger = open_ledger(fresh_url)
    with ledger.store.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ConfigError, match=r"newer release.*9999"):
        open_ledger(fresh_url)
    ledger.close()


def test_a_plan_is_kept_as_it_was_made(ledger: Ledger) -> None:
    batch = ledger.batches.open(plan("a", items=(3, 2)), root_run="run-1")
    assert (batch.name, batch.generation, batch.publication) == ("flights/2013-01", 1, 1)
    assert (batch.state, batch.settled, batch.root_run) == (BatchState.OPEN, False, "run-1")
    assert batch.plan == {"said": "a"}
    chunks = ledger.chunks.of_batch(batch.id)
    assert [(c.index, c.items, c.payload) for c in chunks] == [(0, 3, {"at": 0}), (1, 2, {"at": 1})]
    assert {c.state for c in chunks} == {ChunkState.PENDING}


def test_a_batch_of_no_chunks_is_finished_at_once(ledger: Ledger) -> None:
    batch = opened(ledger, items=())
    assert ledger.chunks.is_finished(batch.id)
    assert ledger.chunks.counts([batch.id]).finished


def test_a_plan_over_64_kib_is_refused_and_nothing_is_recorded(ledger: Ledger) -> None:
    noise = random.Random(1).randbytes(65_536).hex()  # packs to half of itself, and a fifth for its spelling
    large = BatchPlan("flights", "2013-01", "k", {"text": noise}, ())
    with pytest.raises(IntegrityError, match="65,536"):
        ledger.batches.open(large)
    assert ledger.batches.of_pipeline("flights") == []
    long = {"files": [f"shop-{n:05d}.csv" for n in range(10_000)]}
    assert ledger.batches.open(BatchPlan("flights", "2013-01", "k", long, ())).plan == long


def test_the_same_key_gives_the_open_batch(ledger: Ledger) -> None:
    first = opened(ledger)
    assert opened(ledger) == first
    assert len(ledger.batches.of_pipeline("flights")) == 1


def test_newer_content_supersedes_the_unfinished_batch_and_says_so(ledger: Ledger) -> None:
    first, second = opened(ledger, "a"), opened(ledger, "b")
    assert state_of(ledger, first) is BatchState.SUPERSEDED
    assert "newer content" in str(ledger.batches.get([first.id])[0].reason)
    assert ledger.batches.unfinished("flights", "2013-01") == second


def test_other_partitions_and_pipelines_are_not_superseded(ledger: Ledger) -> None:
    first = opened(ledger)
    ledger.batches.open(plan("b", partition="2013-02"))
    ledger.batches.open(plan("b", pipeline="weather"))
    assert state_of(ledger, first) is BatchState.OPEN


def test_forced_work_belongs_to_its_root_run(ledger: Ledger) -> None:
    first = ledger.batches.open(plan(), root_run="run-1", forced=True)
    assert ledger.batches.open(plan(), root_run="run-1", forced=True) == first
    second = ledger.batches.open(plan(), root_run="run-2", forced=True)
    assert (second.generation, state_of(ledger, first)) == (2, BatchState.SUPERSEDED)


def test_publication_numbers_rise_above_the_ledger_and_the_table(ledger: Ledger) -> None:
    first = opened(ledger, "a")
    ledger.batches.finish(first.id, BatchState.PUBLISHED)
    second = ledger.batches.open(plan("b"), published=41)
    assert second.publication == 42
    third = ledger.batches.open(plan("c"), published=7)
    assert third.publication == 43
    assert ledger.batches.open(plan("a", partition="2013-02")).publication == 1


def test_a_key_that_was_replaced_comes_back_as_a_new_generation(ledger: Ledger) -> None:
    for key in "aba":
        ledger.batches.finish(opened(ledger, key).id, BatchState.PUBLISHED)
    current = ledger.batches.current("flights", "2013-01")
    assert current is not None
    assert (current.key, current.generation, current.publication) == ("a" * 8, 2, 3)
    assert ledger.batches.currents("flights") == {"2013-01": current}


def test_a_key_that_was_published_since_it_was_looked_for_is_not_planned_again(ledger: Ledger) -> None:
    first = opened(ledger)
    ledger.batches.finish(first.id, BatchState.PUBLISHED)
    late = ledger.batches.open(plan(), published=None, seen=None)
    assert (late.id, late.state) == (first.id, BatchState.PUBLISHED)
    assert ledger.batches.open(plan(), seen=first.id).generation == 2  # it was seen: its table must have been removed


def test_what_is_forced_is_planned_again_whoever_was_faster(ledger: Ledger) -> None:
    ledger.batches.finish(opened(ledger).id, BatchState.PUBLISHED)
    assert ledger.batches.open(plan(), root_run="run-1", forced=True).generation == 2


def test_a_batch_ends_once(ledger: Ledger) -> None:
    batch = opened(ledger)
    assert ledger.batches.finish(batch.id, BatchState.FAILED, "no luck")
    assert not ledger.batches.finish(batch.id, BatchState.PUBLISHED)
    ended = ledger.batches.get([batch.id])[0]
    assert (ended.state, ended.reason, bool(ended.finished_at)) == (BatchState.FAILED, "no luck", True)


def test_a_batch_that_was_published_although_superseded_is_a_published_one(ledger: Ledger) -> None:
    first, second = opened(ledger, "a"), opened(ledger, "b")
    assert ledger.batches.finish(first.id, BatchState.PUBLISHED)
    assert ledger.batches.current("flights", "2013-01") == ledger.batches.get([first.id])[0]
    assert ledger.batches.unfinished("flights", "2013-01") == second
    assert ledger.batches.finish(second.id, BatchState.PUBLISHED)
    assert ledger.batches.currents("flights")["2013-01"].id == second.id
    assert not ledger.batches.finish(first.id, BatchState.PUBLISHED)


def failed_batch(ledger: Ledger, root_run: str | None = "run-1") -> Batch:
    """Chunk 0 is done, chunks 1 and 2 have failed."""
    batch = ledger.batches.open(plan(), root_run=root_run)
    owner = entered(ledger)
    first, *others = claimed(ledger, owner, batch)
    ledger.chunks.commit(owner, [(first, ChunkResult(3, 0, 0), 0.1)])
    for claim in others:
        ledger.chunks.fail(owner, claim, "broken", attempts=3, deaths=1, due_at=None)
    ledger.batches.finish(batch.id, BatchState.FAILED, "broken")
    return ledger.batches.get([batch.id])[0]


def test_a_new_run_reopens_failed_chunks_with_all_their_attempts(ledger: Ledger) -> None:
    batch = failed_batch(ledger)
    again = ledger.batches.reopen(batch, root_run="run-2", published=5)
    assert (again.id, again.state, again.publication) == (batch.id, BatchState.OPEN, 6)
    assert (again.reason, again.finished_at, again.root_run) == (None, None, "run-2")
    chunks = ledger.chunks.of_batch(batch.id)
    assert [(c.state, c.attempts, c.deaths) for c in chunks] == [
        (ChunkState.DONE, 0, 0),
        (ChunkState.PENDING, 0, 0),
        (ChunkState.PENDING, 0, 0),
    ]


def test_a_rerun_of_the_same_root_run_charges_on(ledger: Ledger) -> None:
    batch = failed_batch(ledger)
    assert ledger.batches.reopen(batch, root_run="run-1", published=None).state is BatchState.OPEN
    states = [c.state for c in ledger.chunks.of_batch(batch.id)]
    assert states == [ChunkState.DONE, ChunkState.FAILED, ChunkState.FAILED]


def test_what_is_not_a_run_gets_its_attempts_again(ledger: Ledger) -> None:
    batch = failed_batch(ledger, root_run=None)
    ledger.batches.reopen(batch, root_run=None, published=None)
    assert ledger.chunks.counts([batch.id]).chunks_failed == 0


def test_a_batch_that_others_have_reopened_is_not_reopened_twice(ledger: Ledger) -> None:
    batch = failed_batch(ledger)
    first = ledger.batches.reopen(batch, root_run="run-2", published=None)
    second = ledger.batches.reopen(batch, root_run="run-3", published=None)
    assert (second.id, second.state, second.publication) == (first.id, BatchState.OPEN, first.publication)
    assert second.root_run == "run-2"


def test_reopening_supersedes_an_open_batch_of_other_content(ledger: Ledger) -> None:
    failed = failed_batch(ledger)
    other = opened(ledger, "b")
    again = ledger.batches.reopen(failed, root_run="run-2", published=None)
    assert again.state is BatchState.OPEN
    assert again.publication > other.publication
    assert state_of(ledger, other) is BatchState.SUPERSEDED


def test_a_published_batch_is_not_reopened(ledger: Ledger) -> None:
    batch = opened(ledger)
    worked_off(ledger, batch)
    ledger.batches.finish(batch.id, BatchState.PUBLISHED)
    ledger.batches.reopen(batch, root_run="run-2", published=None)
    assert state_of(ledger, batch) is BatchState.PUBLISHED


def test_texts_that_people_write_are_kept(ledger: Ledger) -> None:
    batch = ledger.batches.open(plan("ключ 'x'; --", partition="Zürich \N{SNOWMAN} %s :x"))
    assert ledger.batches.get([batch.id])[0].partition == "Zürich \N{SNOWMAN} %s :x"
    ledger.batches.finish(batch.id, BatchState.FAILED, "zero \x00 and half \udcff of a pair")
    assert "zero" in str(ledger.batches.get([batch.id])[0].reason)
