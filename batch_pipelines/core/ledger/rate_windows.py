"""Tokens of rate limits, counted in slots for all processes together; see core/declaring/rates.py for why that holds.

Time is the ledger's: PostgreSQL's own clock, or, for a SQLite file, this machine's. A clock that goes back makes
senders wait, never send more.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, delete, func, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from batch_pipelines.core.clock import Clock
from batch_pipelines.core.declaring.rates import SPAN, Ask, Granted
from batch_pipelines.core.ledger.schema import rate_windows
from batch_pipelines.core.ledger.store import Store

SHORTEST_S = 0.001  # clocks that count in microseconds would never reach a time that lies between two of them


class RateWindows:
    """The rate windows of a ledger."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._swept: dict[str, int] = {}

    def take(self, asks: Sequence[Ask], back: Sequence[Granted] = ()) -> list[Granted] | float:
        """Take tokens of several limits, of all or of none; first give back those that were not used.

        Args:
            asks: At least one token of each is wanted.
            back: Tokens that were taken and certainly not used.

        Returns:
            What was granted, in the order of `asks`; or how many seconds to wait until it makes sense to ask again.
        """
        with self._store.write_alone("rate_windows") as connection:
            _give_back(connection, back)
            now = self._now(connection)
            waits = [self._look(connection, ask, now) for ask in asks]
            longest = max((wait for _, wait in waits), default=0.0)
            if longest > 0:
                return longest
            return [
                self._grant(connection, ask, now, min(ask.want, left))
                for ask, (left, _) in zip(asks, waits, strict=True)
            ]

    def give_back(self, back: Sequence[Granted]) -> None:
        """Give tokens back that were certainly not used."""
        if back:
            with self._store.write_alone("rate_windows") as connection:
                _give_back(connection, back)

    def _look(self, connection: Connection, ask: Ask, now: float) -> tuple[int, float]:
        """How many tokens are left, and if none is, for how long."""
        slot = ask.rate.slot(now)
        query = (
            select(rate_windows.c.slot, rate_windows.c.used)
            .where(rate_windows.c.key == ask.key, rate_windows.c.slot > slot - SPAN, rate_windows.c.used > 0)
            .order_by(rate_windows.c.slot)
        )
        counted = [(int(at), int(used)) for at, used in connection.execute(query)]
        left = ask.rate.limit - sum(used for _, used in counted)
        if left > 0:
            return left, 0.0
        for at, used in counted:
            left += used
            if left > 0:
                return 0, max(ask.rate.start(at + SPAN) - now, SHORTEST_S)
        return 0, ask.rate.window_s

    def _grant(self, connection: Connection, ask: Ask, now: float, count: int) -> Granted:
        slot = ask.rate.slot(now)
        old = delete(rate_windows).where(rate_windows.c.key == ask.key, rate_windows.c.slot <= slot - SPAN)
        dialect: Any = sqlite if self._store.is_sqlite else postgresql
        made = dialect.insert(rate_windows).values(key=ask.key, slot=slot, used=count)
        counted = made.on_conflict_do_update(
            index_elements=["key", "slot"], set_={"used": rate_windows.c.used + made.excluded.used}
        )
        connection.execute(counted)
        if self._swept.get(ask.key) != slot:
            self._swept[ask.key] = slot
            connection.execute(old)
        return Granted(ask.key, slot, count, ask.rate.start(slot + 2) - now)

    def _now(self, connection: Connection) -> float:
        if self._store.is_sqlite:
            return self._clock.now().timestamp()
        return float(connection.execute(select(func.extract("epoch", text("clock_timestamp()")))).scalar_one())


def _give_back(connection: Connection, back: Sequence[Granted]) -> None:
    for each in back:
        connection.execute(
            update(rate_windows)
            .where(rate_windows.c.key == each.key, rate_windows.c.slot == each.slot)
            .values(used=rate_windows.c.used - each.count)
        )
