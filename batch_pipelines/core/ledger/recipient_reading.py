"""What the ledger says of recipients: counts, lists, when the next is due. Changes nothing."""

from collections import Counter
from collections.abc import Collection
from typing import Any

from sqlalchemy import Row, func, select

from batch_pipelines.core.ledger.schema import mail_claims, occurrences, recipients
from batch_pipelines.core.ledger.store import Store
from batch_pipelines.core.mailings import Counts, OccurrenceState, Recipient, RecipientState


class RecipientReading:
    """Questions to the recipients of a ledger."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def counts(self, occurrence_id: int) -> Counts:
        """Count the recipients of an occurrence by state. Reads all of them."""
        query = (
            select(recipients.c.state, func.count())
            .where(recipients.c.occurrence_id == occurrence_id)
            .group_by(recipients.c.state)
        )
        with self._store.read() as connection:
            return Counts({RecipientState(state): count for state, count in connection.execute(query)})

    def find(self, occurrence_id: int, key: str) -> Recipient | None:
        """Return a recipient by address (case-folded), None if it is not of this occurrence."""
        query = select(recipients).where(recipients.c.occurrence_id == occurrence_id, recipients.c.address_key == key)
        with self._store.read() as connection:
            row = connection.execute(query).first()
        return None if row is None else _recipient(row)

    def of(
        self,
        occurrence_id: int,
        states: Collection[RecipientState] = tuple(RecipientState),
        *,
        after: int = -1,
        limit: int = 1_000,
    ) -> list[Recipient]:
        """Return recipients in these states in order of number, from the one after `after`, at most `limit`."""
        query = (
            select(recipients)
            .where(
                recipients.c.occurrence_id == occurrence_id,
                recipients.c.seq > after,
                recipients.c.state.in_(list(states)),
            )
            .order_by(recipients.c.seq)
            .limit(limit)
        )
        with self._store.read() as connection:
            return [_recipient(row) for row in connection.execute(query)]

    def next_due(self, occurrence_id: int) -> float | None:
        """Return when the next recipient that waits is due (seconds since 1970), None if nobody waits."""
        query = select(func.min(recipients.c.due_at)).where(
            recipients.c.occurrence_id == occurrence_id, recipients.c.state.in_(["pending", "deferred"])
        )
        with self._store.read() as connection:
            due: float | None = connection.execute(query).scalar()
        return due

    def due(self, now: float) -> list[int]:
        """Return the occurrences that are sending and have somebody due at `now` (seconds since 1970)."""
        waiting = select(recipients.c.seq).where(
            recipients.c.occurrence_id == occurrences.c.id,
            recipients.c.state.in_(["pending", "deferred"]),
            recipients.c.due_at <= now,
        )
        query = select(occurrences.c.id).where(occurrences.c.state == OccurrenceState.SENDING, waiting.exists())
        with self._store.read() as connection:
            return [int(each) for (each,) in connection.execute(query.order_by(occurrences.c.id))]

    def journals(self) -> set[str]:
        """Return the journals of all open claims."""
        with self._store.read() as connection:
            return {str(name) for (name,) in connection.execute(select(mail_claims.c.journal))}

    def replies(self, occurrence_id: int, states: Collection[RecipientState], limit: int = 5) -> list[tuple[str, int]]:
        """Return the most frequent replies of recipients in these states, with their counts."""
        query = (
            select(recipients.c.code, recipients.c.enhanced, recipients.c.reply, func.count())
            .where(recipients.c.occurrence_id == occurrence_id, recipients.c.state.in_(list(states)))
            .group_by(recipients.c.code, recipients.c.enhanced, recipients.c.reply)
        )
        tally: Counter[str] = Counter()
        with self._store.read() as connection:
            for code, enhanced, reply, count in connection.execute(query):
                tally[" ".join(str(each) for each in (code, enhanced, reply) if each is not None)] += count
        return tally.most_common(limit)


def _recipient(row: Row[Any]) -> Recipient:
    return Recipient(
        seq=row.seq,
        address=row.address,
        state=RecipientState(row.state),
        attempts=row.attempts,
        due_at=row.due_at,
        code=row.code,
        enhanced=row.enhanced,
        reply=row.reply,
        done_at=row.done_at,
    )
