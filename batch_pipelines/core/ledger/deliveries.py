"""Deliveries of reports: a row before anything is sent, marked afterwards; each change by compare-and-set.

A row is `sending` only while its owner is at it. An owner that is gone leaves rows `sending`: `recover` decides by
what the channel can bear. What must not live here: how anything is sent (delivery/).
"""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Row, and_, insert, or_, select, update

from batch_pipelines.core.clock import Clock
from batch_pipelines.core.delivered import Delivery, DeliveryKey, DeliveryState
from batch_pipelines.core.ledger.holders import owner_state
from batch_pipelines.core.ledger.schema import deliveries, owners
from batch_pipelines.core.ledger.store import Store
from batch_pipelines.core.owners import OwnerState

_KEY = ("report", "partition", "burst", "channel", "recipient", "content")
_BEGINS = (DeliveryState.PLANNED, DeliveryState.FAILED)
LOST = "its sender was lost while sending; whether it arrived, nobody knows: it is held"


class Deliveries:
    """The deliveries of a ledger."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def plan(self, keys: Sequence[DeliveryKey]) -> list[Delivery]:
        """Make a row for every key that has none, in one transaction; return the rows of all, in their order."""
        with self._store.write_alone("deliveries") as connection:
            known = {_key(row): row for row in connection.execute(select(deliveries).where(_one_of(keys)))}
            if new := [key for key in dict.fromkeys(keys) if key not in known]:
                now = self._clock.now().isoformat()
                start = {"state": DeliveryState.PLANNED, "attempts": 0, "created_at": now, "changed_at": now}
                connection.execute(insert(deliveries), [{**_values(key), **start} for key in new])
                known = {_key(row): row for row in connection.execute(select(deliveries).where(_one_of(keys)))}
        return [_delivery(known[key]) for key in keys]

    def begin(self, delivery_id: int, owner: str, run: str | None = None) -> bool:
        """Take a planned or failed delivery in hand; False if it is no longer for the taking."""
        mine = {"state": DeliveryState.SENDING, "owner": owner, "run": run, "detail": None}
        changes = {**mine, "attempts": deliveries.c.attempts + 1}
        return self._change(delivery_id, deliveries.c.state.in_(_BEGINS), changes)

    def finish(self, delivery_id: int, owner: str, state: DeliveryState, detail: str | None) -> bool:
        """Say how it ended; False if the row was taken from this owner meanwhile: then what it says stands."""
        held = and_(deliveries.c.state == DeliveryState.SENDING, deliveries.c.owner == owner)
        return self._change(delivery_id, held, {"state": state, "detail": detail})

    def refuse(self, delivery_id: int, detail: str) -> bool:
        """Say that a delivery failed before anybody began it; False if somebody has by now."""
        changes = {"state": DeliveryState.FAILED, "attempts": deliveries.c.attempts + 1, "detail": detail}
        return self._change(delivery_id, deliveries.c.state.in_(_BEGINS), changes)

    def senders(self, ids: Collection[int]) -> list[OwnerState]:
        """Who is sending any of these now."""
        query = (
            select(deliveries.c.owner.label("holder"), owners)
            .join(owners, owners.c.id == deliveries.c.owner, isouter=True)
            .where(deliveries.c.id.in_(list(ids)), deliveries.c.state == DeliveryState.SENDING)
            .distinct()
        )
        with self._store.read() as connection:
            return [owner_state(row) for row in connection.execute(query)]

    def recover(self, gone: Collection[str], repeatable: Collection[str]) -> int:
        """Give up what owners that are gone were sending: planned again where a repeat does no harm, else ambiguous.

        Args:
            gone: Owners.
            repeatable: Channels that may do it again.

        Returns:
            How many deliveries that were.
        """
        left = (deliveries.c.state == DeliveryState.SENDING, deliveries.c.owner.in_(list(gone)))
        again = deliveries.c.channel.in_(list(repeatable))
        now = self._clock.now().isoformat()
        planned = {"state": DeliveryState.PLANNED, "changed_at": now}
        held = {"state": DeliveryState.AMBIGUOUS, "detail": LOST, "changed_at": now}
        with self._store.write() as connection:
            freed = connection.execute(update(deliveries).where(*left, again).values(planned)).rowcount
            return freed + connection.execute(update(deliveries).where(*left, ~again).values(held)).rowcount

    def reopen(self, ids: Collection[int]) -> int:
        """Have these sent (again) by the next run that wants them, whatever has become of them; return how many.

        What is being sent just now stays as it is.
        """
        settled = (deliveries.c.id.in_(list(ids)), deliveries.c.state != DeliveryState.SENDING)
        changes = {"state": DeliveryState.PLANNED, "changed_at": self._clock.now().isoformat()}
        with self._store.write() as connection:
            return connection.execute(update(deliveries).where(*settled).values(changes)).rowcount

    def get(self, ids: Collection[int]) -> list[Delivery]:
        """These deliveries, by number."""
        return self._where(deliveries.c.id.in_(list(ids)))

    def of_report(self, report: str, partition: str | None = None) -> list[Delivery]:
        """All deliveries of a report, or of one of its partitions, oldest first."""
        here = deliveries.c.report == report
        return self._where(here if partition is None else and_(here, deliveries.c.partition == partition))

    def _where(self, condition: Any) -> list[Delivery]:
        with self._store.read() as connection:
            rows = connection.execute(select(deliveries).where(condition).order_by(deliveries.c.id))
            return [_delivery(row) for row in rows]

    def _change(self, delivery_id: int, condition: Any, changes: dict[str, Any]) -> bool:
        changed = {**changes, "changed_at": self._clock.now().isoformat()}
        with self._store.write() as connection:
            found = update(deliveries).where(deliveries.c.id == delivery_id, condition)
            return connection.execute(found.values(changed)).rowcount == 1


def _values(key: DeliveryKey) -> dict[str, str]:
    return {name: getattr(key, name) for name in _KEY}


def _key(row: Row[Any]) -> DeliveryKey:
    return DeliveryKey(*(getattr(row, name) for name in _KEY))


def _one_of(keys: Sequence[DeliveryKey]) -> Any:
    """Rows of the reports, partitions and contents in question: few; which of them, the caller sees."""
    groups = {(key.report, key.partition, key.content) for key in keys}
    table = deliveries.c
    return or_(
        *(and_(table.report == r, table.partition == p, table.content == c) for r, p, c in sorted(groups)),
        table.id < 0,
    )


def _delivery(row: Row[Any]) -> Delivery:
    state = DeliveryState(row.state)
    return Delivery(row.id, _key(row), state, row.owner, row.attempts, row.detail, row.run, row.changed_at)
