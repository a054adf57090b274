"""Occurrences of campaigns: opened once a partition, frozen, paused, ended. Every change is by compare-and-set."""

import json
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, select, update
from sqlalchemy.dialects import postgresql, sqlite

from batch_pipelines.core.clock import Clock
from batch_pipelines.core.errors import IntegrityError
from batch_pipelines.core.faults import fault
from batch_pipelines.core.ledger.schema import occurrences, recipients
from batch_pipelines.core.ledger.store import Store
from batch_pipelines.core.mailings import (
    UNFINISHED,
    WAITING,
    NewRecipient,
    Occurrence,
    OccurrenceState,
    RecipientState,
)
from batch_pipelines.core.model import Json

PLAN_BYTES = 64 * 1024
ROWS_A_COMMIT = 5_000
OPEN = (OccurrenceState.PREPARING, OccurrenceState.SENDING, OccurrenceState.PAUSED)


class Occurrences:
    """The occurrences of a ledger."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def open(self, campaign: str, partition: str, *, expires_at: float | None = None) -> Occurrence:
        """Return the occurrence of this campaign in this partition, made now if there is none."""
        made = {
            "campaign": campaign,
            "partition": partition,
            "state": OccurrenceState.PREPARING,
            "total": 0,
            "plan": "{}",
            "expires_at": expires_at,
            "created_at": self._clock.now().isoformat(),
        }
        with self._store.write() as connection:
            connection.execute(self._insert_missing(occurrences), [made])
        found = self.find(campaign, partition)
        assert found  # noqa: S101  it was there, or is now
        return found

    def find(self, campaign: str, partition: str) -> Occurrence | None:
        """Return an occurrence, None if it was never opened."""
        return next(iter(self._select(occurrences.c.campaign == campaign, occurrences.c.partition == partition)), None)

    def get(self, occurrence_id: int) -> Occurrence:
        """Return an occurrence by its id."""
        return self._select(occurrences.c.id == occurrence_id)[0]

    def of_campaign(self, campaign: str) -> list[Occurrence]:
        """Return all occurrences of a campaign, oldest first."""
        return self._select(occurrences.c.campaign == campaign)

    def record(self, occurrence_id: int, *, audience: str, total: int, plan: Json) -> Occurrence:
        """Record which audience is the occurrence's; the first to do so decides, for all.

        Raises:
            IntegrityError: The plan is larger than 64 KiB.
        """
        text = json.dumps(plan, separators=(",", ":"))
        if len(text) > PLAN_BYTES:
            raise IntegrityError(f"a plan of {len(text):,} bytes; at most {PLAN_BYTES:,} are kept: use a template file")
        values = {"audience": audience, "total": total, "plan": text}
        self._change(occurrence_id, [OccurrenceState.PREPARING], occurrences.c.audience.is_(None), values)
        return self.get(occurrence_id)

    def fill(self, occurrence_id: int, rows: Sequence[NewRecipient]) -> None:
        """Add recipients of the recorded audience, a few thousand a commit. Known ones stay as they are."""
        for first in range(0, len(rows), ROWS_A_COMMIT):
            batch = [_recipient(occurrence_id, row) for row in rows[first : first + ROWS_A_COMMIT]]
            with self._store.write() as connection:
                connection.execute(self._insert_missing(recipients), batch)
            fault("mail.filled")

    def begin(self, occurrence_id: int) -> bool:
        """Let sending begin, once all recipients are there; False if it is not preparing any more."""
        return self._change(
            occurrence_id,
            [OccurrenceState.PREPARING],
            occurrences.c.audience.is_not(None),
            {"state": OccurrenceState.SENDING},
        )

    def pause(self, occurrence_id: int, reason: str) -> bool:
        """Pause: no claim is given any more. False if it is not sending."""
        values = {"state": OccurrenceState.PAUSED, "reason": reason}
        return self._change(occurrence_id, [OccurrenceState.SENDING], None, values)

    def resume(self, occurrence_id: int) -> bool:
        """Go on; False if it is not paused."""
        values = {"state": OccurrenceState.SENDING, "reason": None}
        return self._change(occurrence_id, [OccurrenceState.PAUSED], None, values)

    def end(self, occurrence_id: int, state: OccurrenceState, reason: str | None = None) -> bool:
        """End it as cancelled or expired; False if it has ended already. `skip_waiting` then clears up."""
        values = {"state": state, "reason": reason, "finished_at": self._clock.now().isoformat()}
        return self._change(occurrence_id, OPEN, None, values)

    def finish(self, occurrence_id: int) -> bool:
        """Mark it done if every recipient has come to an end; False if one has not, or it is not sending."""
        unfinished = (
            select(recipients.c.seq)
            .where(recipients.c.occurrence_id == occurrence_id, recipients.c.state.in_(UNFINISHED))
            .exists()
        )
        values = {"state": OccurrenceState.DONE, "reason": None, "finished_at": self._clock.now().isoformat()}
        return self._change(occurrence_id, [OccurrenceState.SENDING], ~unfinished, values)

    def reopen(self, occurrence_id: int) -> bool:
        """Send again: somebody decided that ambiguous or failed recipients are to be written to after all."""
        values = {"state": OccurrenceState.SENDING, "reason": None, "finished_at": None}
        return self._change(occurrence_id, [OccurrenceState.DONE], None, values)

    def skip_waiting(self, occurrence_id: int, why: str) -> int:
        """Skip all who wait, of an occurrence that is cancelled or expired; return how many."""
        ended = [OccurrenceState.CANCELLED, OccurrenceState.EXPIRED]
        waiting = (
            select(recipients.c.seq)
            .where(recipients.c.occurrence_id == occurrence_id, recipients.c.state.in_(WAITING))
            .limit(ROWS_A_COMMIT)
        )
        is_ended = select(occurrences.c.id).where(occurrences.c.id == occurrence_id, occurrences.c.state.in_(ended))
        skip = (
            update(recipients)
            .where(recipients.c.occurrence_id == occurrence_id, recipients.c.seq.in_(waiting), is_ended.exists())
            .where(recipients.c.state.in_(WAITING))
            .values(state=RecipientState.SKIPPED, reply=why, done_at=self._clock.now().timestamp())
        )
        skipped = 0
        while True:
            with self._store.write() as connection:
                count = connection.execute(skip).rowcount
            skipped += count
            if count == 0:
                return skipped

    def _change(
        self,
        occurrence_id: int,
        before: Collection[OccurrenceState],
        condition: ColumnElement[bool] | None,
        values: Json,
    ) -> bool:
        where = [occurrences.c.id == occurrence_id, occurrences.c.state.in_(list(before))]
        where += [] if condition is None else [condition]
        with self._store.write() as connection:
            return connection.execute(update(occurrences).where(*where).values(values)).rowcount == 1

    def _insert_missing(self, table: Any) -> Any:
        dialect: Any = sqlite if self._store.is_sqlite else postgresql
        return dialect.insert(table).on_conflict_do_nothing()

    def _select(self, *where: ColumnElement[bool]) -> list[Occurrence]:
        with self._store.read() as connection:
            rows = connection.execute(select(occurrences).where(*where).order_by(occurrences.c.id))
            return [_occurrence(row) for row in rows]


def _recipient(occurrence_id: int, row: NewRecipient) -> Json:
    return {
        "occurrence_id": occurrence_id,
        "seq": row.seq,
        "address": row.address,
        "address_key": row.key,
        "domain": row.domain,
        "state": RecipientState.PENDING if row.skipped is None else RecipientState.SKIPPED,
        "attempts": 0,
        "due_at": 0.0,
        "reply": row.skipped,
    }


def _occurrence(row: Row[Any]) -> Occurrence:
    return Occurrence(
        id=row.id,
        campaign=row.campaign,
        partition=row.partition,
        state=OccurrenceState(row.state),
        reason=row.reason,
        audience=row.audience,
        total=row.total,
        plan=json.loads(row.plan),
        expires_at=row.expires_at,
        created_at=row.created_at,
        finished_at=row.finished_at,
    )
