"""When leases may be trusted."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from batch_pipelines.core.clock import FakeClock
from batch_pipelines.core.errors import LeaseLost
from batch_pipelines.core.heartbeat import Heartbeat
from batch_pipelines.core.ledger.ledger import Ledger, open_ledger
from batch_pipelines.core.owners import STOP_AFTER_S, new_owner


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    new = open_ledger(ledger_url)
    yield new
    new.close()


def started(ledger: Ledger, clock: FakeClock) -> Heartbeat:
    owner = new_owner()
    ledger.holders.enter(owner)
    return Heartbeat(ledger, owner.id, clock)


def counters(ledger: Ledger) -> list[int]:
    return [state.counter for state in ledger.holders.all()]


def test_a_renewal_is_counted_and_keeps_the_leases(ledger: Ledger) -> None:
    clock = FakeClock()
    heartbeat = started(ledger, clock)
    for _ in range(5):
        clock.advance(STOP_AFTER_S - 1)
        heartbeat.check()
        heartbeat.renew()
    assert counters(ledger) == [5]


def test_without_renewals_the_leases_are_lost(ledger: Ledger) -> None:
    clock = FakeClock()
    heartbeat = started(ledger, clock)
    clock.advance(STOP_AFTER_S)
    heartbeat.check()
    clock.advance(0.1)
    with pytest.raises(LeaseLost, match="20 s"):
        heartbeat.check()


def test_a_renewal_that_comes_too_late_does_not_bring_them_back(ledger: Ledger) -> None:
    clock = FakeClock()
    heartbeat = started(ledger, clock)
    clock.advance(STOP_AFTER_S + 1)
    heartbeat.renew()
    with pytest.raises(LeaseLost):
        heartbeat.check()
    assert counters(ledger) == [0]


def test_the_time_of_a_renewal_is_when_it_began(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FakeClock()
    heartbeat = started(ledger, clock)
    renew = ledger.holders.renew

    def slowly(owner: str) -> bool | None:
        known = renew(owner)
        clock.advance(STOP_AFTER_S + 1)  # stopped just after it was durable
        return known

    monkeypatch.setattr(ledger.holders, "renew", slowly)
    heartbeat.renew()
    with pytest.raises(LeaseLost):
        heartbeat.check()


def test_an_owner_that_was_forgotten_has_lost_its_leases(ledger: Ledger) -> None:
    heartbeat = started(ledger, FakeClock())
    heartbeat.check()
    ledger.holders.forget_idle([state.id for state in ledger.holders.all()])
    heartbeat.renew()
    with pytest.raises(LeaseLost):
        heartbeat.check()


def test_a_ledger_that_is_away_for_a_moment_is_no_loss(ledger: Ledger) -> None:
    clock = FakeClock()
    heartbeat = started(ledger, clock)
    with ledger.store.write() as connection:
        connection.execute(text("ALTER TABLE owners RENAME TO away"))
    clock.advance(5)
    heartbeat.renew()
    heartbeat.check()
    with ledger.store.write() as connection:
        connection.execute(text("ALTER TABLE away RENAME TO owners"))
    heartbeat.renew()
    clock.advance(STOP_AFTER_S - 1)
    heartbeat.check()
    assert counters(ledger) == [1]


def test_the_thread_ends_with_its_block(ledger: Ledger) -> None:
    heartbeat = started(ledger, FakeClock())
    with heartbeat.beating() as beating:
        beating.check()
    assert counters(ledger) == [0]
