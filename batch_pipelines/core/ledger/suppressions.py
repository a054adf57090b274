"""Addresses that must not be written to: on one list or on all, each with reason and source."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import Row, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from batch_pipelines.core.clock import Clock
from batch_pipelines.core.ledger.schema import suppressions
from batch_pipelines.core.ledger.store import Store
from batch_pipelines.core.mailings import EVERY_LIST, Reason, Screen, Suppression

KEYS_A_QUERY = 500


class Suppressions:
    """The suppressions of a ledger."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def add(self, wanted: Sequence[Suppression]) -> int:
        """Suppress addresses; those that are so already stay as they are. Returns how many are new."""
        if not wanted:
            return 0
        now = self._clock.now().isoformat()
        dialect: Any = sqlite if self._store.is_sqlite else postgresql
        statement = dialect.insert(suppressions).on_conflict_do_nothing().returning(suppressions.c.address_key)
        rows = [
            {"address_key": s.key, "scope": s.scope, "reason": s.reason, "source": s.source, "created_at": now}
            for s in wanted
        ]
        with self._store.write() as connection:
            return len(connection.execute(statement, rows).all())

    def remove(self, key: str, scope: str | None = None, reason: Reason | None = None) -> int:
        """Allow an address again, on one list or (None) on all, for one reason or for all; return how many rows."""
        where = [suppressions.c.address_key == key]
        where += [] if scope is None else [suppressions.c.scope == scope]
        where += [] if reason is None else [suppressions.c.reason == reason]
        with self._store.write() as connection:
            return connection.execute(delete(suppressions).where(*where)).rowcount

    def of(self, key: str) -> list[Suppression]:
        """Return what is known of an address (case-folded)."""
        with self._store.read() as connection:
            rows = connection.execute(select(suppressions).where(suppressions.c.address_key == key))
            return [_suppression(row) for row in rows]

    def all(self, *, after: str = "", limit: int = 1_000) -> list[Suppression]:
        """Return suppressions in order of address, from the one after `after`, at most `limit`."""
        query = (
            select(suppressions)
            .where(suppressions.c.address_key > after)
            .order_by(suppressions.c.address_key, suppressions.c.scope, suppressions.c.reason)
            .limit(limit)
        )
        with self._store.read() as connection:
            return [_suppression(row) for row in connection.execute(query)]

    def among(self, keys: Collection[str], screen: Screen) -> dict[str, Reason]:
        """Return which of these addresses are suppressed for a campaign, and why."""
        found: dict[str, Reason] = {}
        with self._store.read() as connection:
            for some in _slices(keys):
                query = select(suppressions.c.address_key, suppressions.c.reason).where(
                    suppressions.c.address_key.in_(some),
                    suppressions.c.scope.in_([EVERY_LIST, screen.scope]),
                    suppressions.c.reason.in_([reason.value for reason in screen.reasons]),
                )
                found |= {key: Reason(reason) for key, reason in connection.execute(query)}
        return found


def _slices(keys: Collection[str]) -> Iterable[list[str]]:
    ordered = list(keys)
    for first in range(0, len(ordered), KEYS_A_QUERY):
        yield ordered[first : first + KEYS_A_QUERY]


def _suppression(row: Row[Any]) -> Suppression:
    return Suppression(row.address_key, row.scope, Reason(row.reason), row.source, row.created_at)
