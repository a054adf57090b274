"""Rate limits: never above them in any window, nearly all of them used, by however many senders together."""

import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batch_pipelines.campaigns.sending.limits import Limit, Limiter, Permit
from batch_pipelines.core.clock import FakeClock
from batch_pipelines.core.declaring.rates import SLOTS, Rate, read_rate
from batch_pipelines.core.errors import TransientError
from batch_pipelines.core.ledger.ledger import Ledger, open_ledger
from batch_pipelines_tests.ledgers import copied
from batch_pipelines_tests.system.memory_folder import memory_folder


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def ledger(blank_ledger: Path, clock: FakeClock) -> Iterator[Ledger]:
    with memory_folder() as folder:
        opened = open_ledger(copied(blank_ledger, folder), clock)
        yield opened
        opened.close()


def worst(times: list[float], window_s: float) -> int:
    """Most messages in any window, wherever it begins."""
    most = first = 0
    for last, at in enumerate(times):
        while times[first] <= at - window_s:
            first += 1
        most = max(most, last - first + 1)
    return most


def saturate(
    ledger: Ledger, clock: FakeClock, limits: list[Limit], *, for_s: float, senders: int, dice: random.Random
) -> list[float]:
    """Have several senders send whenever they may, a little late at times; when each message went."""
    limiters = [Limiter(ledger.rates, limits, clock) for _ in range(senders)]
    sent: list[float] = []
    end = clock.now() + timedelta(seconds=for_s)
    while clock.now() < end:
        waits = []
        for limiter in limiters:
            permit = limiter.reserve("example.com")
            if not isinstance(permit, Permit):
                waits.append(permit.seconds)
                continue
            if dice.random() < 0.02:
                limiter.give_back(permit)
                continue
            clock.advance(dice.choice((0.0, 0.0, 0.0001, 0.002)))
            before = clock.monotonic()
            limiter.confirm(permit, "example.com")
            assert clock.monotonic() - before < 10
            sent.append(clock.monotonic())
        if len(waits) == len(limiters):
            clock.sleep(min(waits))
    for limiter in limiters:
        limiter.close()
    return sent


@pytest.mark.parametrize(
    ("rate", "senders"), [("1/5s", 1), ("3/10s", 3), ("30/min", 2), ("400/10m", 2), ("2000/1h", 1)]
)
def test_in_10_000_seconds_no_window_is_above_its_limit_and_95_percent_are_used(
    ledger: Ledger, clock: FakeClock, rate: str, senders: int
) -> None:
    allowed = read_rate(rate)
    limits = [Limit("relay:r", allowed)]
    sent = saturate(ledger, clock, limits, for_s=10_000, senders=senders, dice=random.Random(rate))
    assert worst(sent, allowed.window_s) <= allowed.limit
    assert len(sent) >= 0.95 * allowed.per_second * 10_000


@settings(max_examples=15, deadline=None)
@given(
    limit=st.integers(1, 50),
    window_s=st.sampled_from([0.5, 1.0, 7.0, 60.0]),
    other=st.integers(1, 80),
    senders=st.integers(1, 4),
    seed=st.integers(0, 2**32),
)
def test_no_window_is_ever_above_either_of_two_limits(
    blank_ledger: Path, limit: int, window_s: float, other: int, senders: int, seed: int
) -> None:
    clock = FakeClock()
    rates = [Rate(limit, window_s), Rate(other, window_s * 3)]
    with memory_folder() as folder:
        ledger = open_ledger(copied(blank_ledger, folder), clock)
        limits = [Limit("relay:r", rates[0]), Limit("campaign:c", rates[1], by_domain=True)]
        sent = saturate(ledger, clock, limits, for_s=window_s * 8, senders=senders, dice=random.Random(seed))
        ledger.close()
    assert sent
    for rate in rates:
        assert worst(sent, rate.window_s) <= rate.limit


def test_each_domain_has_a_limit_of_its_own(ledger: Ledger, clock: FakeClock) -> None:
    limits = [Limit("domain:r", Rate(1, 60), by_domain=True), Limit("domain:r", Rate(2, 60), domain="b.example")]
    limiter = Limiter(ledger.rates, limits, clock)
    assert isinstance(limiter.reserve("a.example"), Permit)
    assert isinstance(limiter.reserve("b.example"), Permit)
    wait = limiter.reserve("a.example")
    assert not isinstance(wait, Permit)
    assert 60 <= wait.seconds <= 60 * (1 + 3 / SLOTS)
    assert wait.of_domain
    assert isinstance(limiter.reserve("c.example"), Permit)


def test_what_one_limit_refuses_costs_no_token_of_another(ledger: Ledger, clock: FakeClock) -> None:
    both = [Limit("relay:r", Rate(2, 3600)), Limit("domain:r", Rate(1, 60), by_domain=True)]
    limiter = Limiter(ledger.rates, both, clock)
    assert isinstance(limiter.reserve("a.example"), Permit)
    for _ in range(5):
        assert not isinstance(limiter.reserve("a.example"), Permit)
    assert isinstance(limiter.reserve("b.example"), Permit)
    assert not isinstance(limiter.reserve("c.example"), Permit)


def test_a_permit_that_was_not_used_comes_back(ledger: Ledger, clock: FakeClock) -> None:
    one = [Limit("relay:r", Rate(1, 3600))]
    first, second = Limiter(ledger.rates, one, clock), Limiter(ledger.rates, one, clock)
    permit = first.reserve("example.com")
    assert isinstance(permit, Permit)
    assert not isinstance(second.reserve("example.com"), Permit)
    first.give_back(permit)
    first.close()
    assert isinstance(second.reserve("example.com"), Permit)


def test_a_permit_that_grew_old_is_exchanged_before_the_message_goes(ledger: Ledger, clock: FakeClock) -> None:
    limiter = Limiter(ledger.rates, [Limit("relay:r", Rate(2, 60))], clock)
    permit = limiter.reserve("example.com")
    assert isinstance(permit, Permit)
    assert limiter.confirm(permit, "example.com") is permit
    clock.advance(30)
    assert limiter.confirm(permit, "example.com").until > clock.monotonic()


def test_nobody_holds_a_dot_back_for_a_day(ledger: Ledger, clock: FakeClock) -> None:
    limiter = Limiter(ledger.rates, [Limit("relay:r", Rate(1, 86_400))], clock)
    permit = limiter.reserve("example.com")
    assert isinstance(permit, Permit)
    clock.advance(80_000)
    other = Limiter(ledger.rates, [Limit("relay:r", Rate(1, 86_400))], clock)
    assert not isinstance(other.reserve("example.com"), Permit)
    with pytest.raises(TransientError, match="used up for"):
        other.confirm(Permit((), 0.0), "example.com")


def test_a_clock_that_goes_back_sends_nothing_more(ledger: Ledger, clock: FakeClock) -> None:
    limiter = Limiter(ledger.rates, [Limit("relay:r", Rate(1, 60))], clock)
    assert isinstance(limiter.reserve("example.com"), Permit)
    clock.advance(-3600)
    assert not isinstance(limiter.reserve("example.com"), Permit)


def test_without_limits_nobody_waits(ledger: Ledger, clock: FakeClock) -> None:
    limiter = Limiter(ledger.rates, [], clock)
    permit = limiter.reserve("example.com")
    assert isinstance(permit, Permit)
    clock.advance(1e9)
    assert limiter.confirm(permit, "example.com") is permit


@pytest.mark.parametrize(
    ("text", "rate"),
    [("20/s", Rate(20, 1)), ("1000/min", Rate(1000, 60)), ("50000/24h", Rate(50_000, 86_400)), (5, Rate(5, 1))],
)
def test_rates_are_written_as_people_say_them(text: object, rate: Rate) -> None:
    assert read_rate(text) == rate


@pytest.mark.parametrize("text", ["", "20", "0/s", "x/s", "5/fortnight", "-1/s", 0, True, 1.5, None])
def test_what_is_no_rate_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="is not a rate"):
        read_rate(text)
