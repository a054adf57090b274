"""Attempts and their delays. Pure: the caller keeps the count, in the ledger."""

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often a chunk is tried, and how long it rests in between.

    The delay after the n-th failed attempt is `(2**n - 1) * base_s`, as Bull's exponential backoff has it:
    2 s, 6 s, 14 s …, at most `cap_s`, plus or minus `jitter` of itself.

    Attributes:
        attempts: Tries in all: 3 means three tries.
        deaths: Workers a chunk may kill before it is bisected.
    """

    attempts: int = 3
    base_s: float = 2.0
    cap_s: float = 300.0
    jitter: float = 0.1
    deaths: int = 2

    def delay_s(self, failed: int, dice: random.Random) -> float:
        """Seconds to wait after `failed` attempts (≥ 1).

        >>> [RetryPolicy(jitter=0).delay_s(n, random.Random(0)) for n in (1, 2, 3)]
        [2.0, 6.0, 14.0]
        """
        delay: float = min((2 ** min(failed, 64) - 1) * self.base_s, self.cap_s)
        return delay * (1 + dice.uniform(-self.jitter, self.jitter))

    def is_exhausted(self, failed: int) -> bool:
        """Whether `failed` attempts are all there are."""
        return failed >= self.attempts
