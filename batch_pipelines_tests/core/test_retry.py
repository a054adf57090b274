"""Attempts and their delays."""

import random

from hypothesis import given
from hypothesis import strategies as st

from batch_pipelines.core.retry import RetryPolicy


def test_delays_are_two_six_fourteen_seconds() -> None:
    policy = RetryPolicy(jitter=0)
    assert [policy.delay_s(n, random.Random(0)) for n in (1, 2, 3)] == [2.0, 6.0, 14.0]


def test_three_attempts_are_three_tries() -> None:
    assert [RetryPolicy().is_exhausted(n) for n in (1, 2, 3, 4)] == [False, False, True, True]


@given(st.integers(1, 5000), st.integers(), st.floats(0, 1), st.floats(0.1, 3600))
def test_a_delay_is_never_negative_nor_over_its_cap_and_jitter(
    failed: int, seed: int, jitter: float, cap_s: float
) -> None:
    policy = RetryPolicy(jitter=jitter, cap_s=cap_s)
    delay = policy.delay_s(failed, random.Random(seed))
    assert 0 <= delay <= cap_s * (1 + jitter) + 1e-6


@given(st.integers(1, 60))
def test_without_jitter_delays_do_not_shrink(failed: int) -> None:
    policy, dice = RetryPolicy(jitter=0), random.Random(0)
    assert policy.delay_s(failed, dice) <= policy.delay_s(failed + 1, dice)
