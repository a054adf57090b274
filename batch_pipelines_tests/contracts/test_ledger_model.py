"""Random histories of claims, commits, failures, deaths and splits against a model of what must come of them."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from batch_pipelines.core.clock import FakeClock
from batch_pipelines.core.ledger.ledger import Ledger, open_ledger
from batch_pipelines.core.model import ChunkPlan, ChunkResult, Claim
from batch_pipelines_tests.contracts.acts import NOW, entered, plan
from batch_pipelines_tests.contracts.conftest import emptied

ITEMS = (5, 1, 4, 2, 3)
Draw = st.DataObject


class LedgerHistory(RuleBasedStateMachine):
    """The model knows for each claim whether it is the newest; the ledger must agree, always."""

    def __init__(self, make: Callable[[], Ledger]) -> None:
        super().__init__()
        self.ledger = make()
        self.batch = self.ledger.batches.open(plan("m", items=ITEMS))
        self.owners: list[str] = []
        self.gone: list[str] = []
        self.claims: list[tuple[str, Claim]] = []  # every claim ever made
        self.holder: dict[int, tuple[str, int]] = {}  # chunk -> owner and epoch of the newest claim
        self.results: dict[int, ChunkResult] = {}
        self.failed: dict[int, int] = {}
        self.now = NOW

    @initialize()
    def two_owners(self) -> None:
        self.owners = [entered(self.ledger), entered(self.ledger)]

    @rule()
    @precondition(lambda self: len(self.owners) < 4)
    def enter(self) -> None:
        self.owners.append(entered(self.ledger))

    @rule(data=st.data(), limit=st.integers(1, 4), takes_over=st.booleans())
    @precondition(lambda self: self.owners)
    def claim(self, data: Draw, limit: int, *, takes_over: bool) -> None:
        owner = data.draw(st.sampled_from(self.owners))
        gone = self.gone if takes_over else []
        claims = self.ledger.chunks.claim(owner, [self.batch.id], limit=limit, now=self.now, gone=gone)
        for claim in claims:
            before, epoch = self.holder.get(claim.index, (None, claim.epoch - 1))
            assert before is None or before in gone
            assert claim.epoch > epoch or before is None
            assert claim.index not in self.results
            self.holder[claim.index] = (owner, claim.epoch)
            self.claims.append((owner, claim))

    def is_newest(self, owner: str, claim: Claim) -> bool:
        return self.holder.get(claim.index) == (owner, claim.epoch)

    def pick(self, data: Draw) -> tuple[str, Claim]:
        picked: tuple[str, Claim] = data.draw(st.sampled_from(self.claims))
        return picked

    @rule(data=st.data(), dead=st.integers(0, 9), filtered=st.integers(0, 9))
    @precondition(lambda self: self.claims)
    def commit(self, data: Draw, dead: int, filtered: int) -> None:
        owner = self.pick(data)[0]
        mine = [claim for who, claim in self.claims if who == owner]
        picked = data.draw(st.lists(st.sampled_from(mine), unique_by=lambda claim: claim.index, max_size=4))
        values = []
        for claim in picked:
            lost = min(dead, claim.items)
            left_out = min(filtered, claim.items - lost)
            values.append((claim, ChunkResult(claim.items - lost - left_out, left_out, lost), 0.0))
        landed = {index for _, index in self.ledger.chunks.commit(owner, values)}
        for claim, result, _ in values:
            if self.is_newest(owner, claim):
                assert claim.index in landed
                self.results[claim.index] = result
                del self.holder[claim.index]
            elif claim.index in landed:  # its own earlier commit: it must not have changed anything
                assert claim.index in self.results

    @rule(data=st.data(), last=st.booleans())
    @precondition(lambda self: self.claims)
    def fail(self, data: Draw, *, last: bool) -> None:
        owner, claim = self.pick(data)
        due_at = None if last else self.now + 2
        recorded = self.ledger.chunks.fail(owner, claim, "no", attempts=claim.attempts + 1, deaths=0, due_at=due_at)
        assert recorded == self.is_newest(owner, claim)
        if recorded:
            del self.holder[claim.index]
            if last:
                self.failed[claim.index] = claim.items

    @rule(data=st.data())
    @precondition(lambda self: self.claims)
    def release(self, data: Draw) -> None:
        owner, claim = self.pick(data)
        self.ledger.chunks.release(owner, [claim])
        if self.is_newest(owner, claim):
            del self.holder[claim.index]

    @rule(data=st.data())
    @precondition(lambda self: self.claims)
    def split(self, data: Draw) -> None:
        owner, claim = self.pick(data)
        if claim.items < 2:
            return
        first = claim.items // 2
        halves = (ChunkPlan(first, {}), ChunkPlan(claim.items - first, {}))
        done = self.ledger.chunks.split(owner, claim, halves, deaths=1)
        assert done == self.is_newest(owner, claim)
        if done:
            del self.holder[claim.index]

    @rule(data=st.data())
    @precondition(lambda self: len(self.owners) > 1)
    def die(self, data: Draw) -> None:
        """It may still try to commit, as a stopped process that wakes does."""
        owner = data.draw(st.sampled_from(self.owners))
        self.owners.remove(owner)
        self.gone.append(owner)

    @rule(data=st.data())
    @precondition(lambda self: len(self.owners) > 1)
    def leave(self, data: Draw) -> None:
        owner = data.draw(st.sampled_from(self.owners))
        self.owners.remove(owner)
        self.ledger.holders.leave(owner)
        self.holder = {index: held for index, held in self.holder.items() if held[0] != owner}

    @rule()
    def wait(self) -> None:
        self.now += 2

    @invariant()
    def nothing_is_lost_or_counted_twice(self) -> None:
        counts = self.ledger.chunks.counts([self.batch.id])
        assert counts.items == sum(ITEMS)
        assert counts.items_done == sum(result.items for result in self.results.values())
        assert counts.written == sum(result.written for result in self.results.values())
        assert counts.filtered == sum(result.filtered for result in self.results.values())
        assert counts.dead == sum(result.dead for result in self.results.values())
        assert counts.chunks_claimed == len(self.holder)
        assert counts.chunks_failed == len(self.failed)

    def teardown(self) -> None:
        """Whatever happened, somebody can always finish it."""
        heir = entered(self.ledger)
        everyone = [*self.gone, *self.owners]
        while claims := self.ledger.chunks.claim(heir, [self.batch.id], limit=3, now=self.now + 10, gone=everyone):
            self.ledger.chunks.commit(heir, [(c, ChunkResult(c.items, 0, 0), 0.0) for c in claims])
        counts = self.ledger.chunks.counts([self.batch.id])
        assert counts.items_done + sum(self.failed.values()) == sum(ITEMS)
        assert self.ledger.chunks.is_finished(self.batch.id)
        self.ledger.close()


@pytest.mark.parametrize("backend", ["sqlite", "postgres"])
def test_no_history_loses_an_item_or_counts_it_twice(backend: str, request: pytest.FixtureRequest) -> None:
    bounds: dict[str, Any] = {"deadline": None, "derandomize": True, "suppress_health_check": list(HealthCheck)}
    if backend == "postgres":
        url: str = request.getfixturevalue("postgres_ledger_url")

        def make() -> Ledger:
            emptied(url)
            return open_ledger(url, FakeClock())

        bounds |= {"max_examples": 15, "stateful_step_count": 25}
    else:

        def make() -> Ledger:
            folder = tempfile.mkdtemp(dir=request.getfixturevalue("tmp_path"))
            return open_ledger(f"sqlite:///{Path(folder) / 'ledger.db'}", FakeClock())

        bounds |= {"max_examples": 30, "stateful_step_count": 40}

    class History(LedgerHistory):
        def __init__(self) -> None:
            super().__init__(make)

    run_state_machine_as_test(History, settings=settings(**bounds))
