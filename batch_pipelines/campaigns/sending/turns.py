"""Turns at the final dot: how many of a sender's messages are between dot and reply at once.

That many a crash would leave ambiguous. A connection with its dot written waits for its reply, then for Python to let
it read it, while others write their messages; behind a quick relay, more than one in doubt makes nothing faster. So
there are as many turns as the relay's replies are slow. What must not live here: what a message's outcome is.
"""

import threading
from math import ceil

from batch_pipelines.core.clock import Clock

WORTH_A_TURN_S = 0.0004  # a turn more for so much that a reply takes: they never hold a sender below 2,500 messages/s
PATIENCE_S = 0.02
LOOK_EVERY = 16


class Turns:
    """Turns of the connections of one sender. Who waits too long goes anyway: a reply may take minutes."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._free = threading.Condition(threading.Lock())
        self._room, self._taken = 1, 0
        self._shortest_s, self._seen = float("inf"), 0

    @property
    def room(self) -> int:
        """How many may be in doubt at once now."""
        return self._room

    def take(self) -> float:
        """Wait for a turn; return what `give` wants back."""
        with self._free:
            if self._taken >= self._room and not self._free.wait_for(lambda: self._taken < self._room, PATIENCE_S):
                self._room += 1
            self._taken += 1
        return self._clock.monotonic()

    def give(self, taken_at: float) -> None:
        """End a turn: the reply is noted, or there will be none."""
        took_s = self._clock.monotonic() - taken_at
        with self._free:
            self._taken -= 1
            self._seen += 1
            self._shortest_s = min(self._shortest_s, took_s)
            if self._seen >= LOOK_EVERY:  # the shortest is the relay's time, without our own threads'
                self._room = max(1, ceil(self._shortest_s / WORTH_A_TURN_S))
                self._shortest_s, self._seen = float("inf"), 0
            self._free.notify()
