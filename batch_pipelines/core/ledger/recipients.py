"""Recipients: claimed a few at a time under a rising epoch, settled only by the newest, recovered, resolved.

A claim is one durable commit, in whose one statement suppressions are looked at again; so is a settlement.
"""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from batch_pipelines.core.clock import Clock
from batch_pipelines.core.faults import fault
from batch_pipelines.core.ledger.holders import owner_state
from batch_pipelines.core.ledger.recipient_reading import RecipientReading
from batch_pipelines.core.ledger.recipient_statements import RELEASED, SETTLED, run_many, taking
from batch_pipelines.core.ledger.schema import mail_claims, owners, recipients, storable, suppressions
from batch_pipelines.core.ledger.store import Store
from batch_pipelines.core.mailings import (
    Claimed,
    MailClaim,
    OpenClaim,
    RecipientState,
    Screen,
    Settlement,
    Suppression,
)
from batch_pipelines.core.owners import Owner, OwnerState


class Recipients(RecipientReading):
    """The recipients of a ledger."""

    def __init__(self, store: Store, clock: Clock) -> None:
        super().__init__(store)
        self._clock = clock

    def claim(
        self, owner: Owner, occurrence_id: int, journal: str, *, screen: Screen, limit: int, now: float
    ) -> MailClaim | None:
        """Claim up to `limit` recipients that wait; those found to be suppressed are marked so instead.

        Args:
            owner: The sender.
            occurrence_id: Of an occurrence that is sending; of any other, nothing is claimed.
            journal: The claim's journal; the file must be there already.
            screen: Which suppressions count.
            limit: At most so many.
            now: Seconds since 1970; who is due later stays.

        Returns:
            The claim, or None if nobody waits. It may be of no recipients, if all were suppressed.
        """
        with self._store.write() as connection:
            made = connection.execute(insert(mail_claims), _claim_row(owner, occurrence_id, journal))
            claim_id = int(made.inserted_primary_key[0])  # type: ignore[index]  # one row was inserted
            asked = {"o": occurrence_id, "now": now, "n": limit, "c": claim_id, "scope": screen.scope}
            rows = connection.execute(taking(screen), asked).all()
            fault("mail.chosen")
            taken = [row for row in rows if row.state == RecipientState.CLAIMED]
            if not taken:
                connection.execute(delete(mail_claims).where(mail_claims.c.id == claim_id))
        fault("mail.claimed")
        if not rows:
            return None
        claimed = [Claimed(row.seq, row.address, row.domain, row.attempts) for row in sorted(taken, key=_seq)]
        return MailClaim(claim_id, 1, occurrence_id, journal, claimed, len(rows) - len(taken))

    def settle(
        self,
        holder: str,
        claim: MailClaim,
        settlements: Sequence[Settlement],
        bounced: Sequence[Suppression] = (),
    ) -> bool:
        """Record what became of a claim's recipients, and end the claim, in one transaction.

        Args:
            holder: Who settles.
            claim: The claim. Its recipients that no settlement names go back to waiting, no attempt charged.
            settlements: One for each recipient that something became of.
            bounced: Addresses that the relay says do not exist.

        Returns:
            False if the claim is no longer this holder's: nothing was changed.
        """
        values = [_settled_row(claim, each) for each in settlements]
        with self._store.write() as connection:
            mine = delete(mail_claims).where(
                mail_claims.c.id == claim.id, mail_claims.c.epoch == claim.epoch, mail_claims.c.holder == holder
            )
            if connection.execute(mine).rowcount != 1:
                return False
            if values:
                run_many(connection, SETTLED, values)
            connection.execute(RELEASED, {"c": claim.id})
            if bounced:
                connection.execute(self._insert_missing(suppressions), self._rows(bounced))
            fault("mail.settling")
        fault("mail.settled")
        return True

    def open_claims(self, occurrence_id: int | None = None) -> list[OpenClaim]:
        """Return the claims (of one occurrence, or of all) that nobody has settled yet."""
        query = select(mail_claims).order_by(mail_claims.c.id)
        holders = select(mail_claims.c.holder.label("holder"), owners).join(
            owners, owners.c.id == mail_claims.c.holder, isouter=True
        )
        if occurrence_id is not None:
            query = query.where(mail_claims.c.occurrence_id == occurrence_id)
        with self._store.read() as connection:
            known = {row.holder: owner_state(row) for row in connection.execute(holders)}
            rows = connection.execute(query).all()
            # a claim that was made or settled between these questions is somebody's who is alive
            return [_open_claim(connection, row, known[row.holder]) for row in rows if row.holder in known]

    def take_over(self, owner: Owner, open_claim: OpenClaim) -> MailClaim | None:
        """Become the holder of a claim whose holder is gone: from now on nobody else can settle it.

        Returns:
            The claim under its new epoch; None if somebody else was faster.
        """
        claim = open_claim.claim
        held = (
            mail_claims.c.id == claim.id,
            mail_claims.c.epoch == claim.epoch,
            mail_claims.c.holder == open_claim.holder.id,
        )
        with self._store.write() as connection:
            taken = connection.execute(
                update(mail_claims).where(*held).values(holder=owner.id, epoch=mail_claims.c.epoch + 1)
            )
            if taken.rowcount != 1:
                return None
        fault("mail.taken_over")
        return MailClaim(claim.id, claim.epoch + 1, claim.occurrence_id, claim.journal, claim.recipients)

    def resolve(
        self,
        occurrence_id: int,
        before: Collection[RecipientState],
        after: RecipientState,
        *,
        seqs: Collection[int] | None = None,
        reply: str | None = None,
    ) -> int:
        """Put recipients that are in one of some states into another, by a decision or by evidence; return how many.

        Args:
            occurrence_id: The occurrence.
            before: From these states.
            after: To this one; `pending` has them written to (again), with all attempts before them.
            seqs: Only these; None for all.
            reply: What shall be said of them; None leaves what is said.
        """
        values: dict[str, Any] = {"state": after, "done_at": self._clock.now().timestamp()}
        if after is RecipientState.PENDING:
            values |= {"attempts": 0, "due_at": 0.0, "done_at": None}
        if reply is not None:
            values["reply"] = reply
        where = [recipients.c.occurrence_id == occurrence_id, recipients.c.state.in_(list(before))]
        if seqs is not None:
            where.append(recipients.c.seq.in_(list(seqs)))
        with self._store.write() as connection:
            return connection.execute(update(recipients).where(*where).values(values)).rowcount

    def _rows(self, bounced: Sequence[Suppression]) -> list[dict[str, str]]:
        now = self._clock.now().isoformat()
        return [
            {"address_key": s.key, "scope": s.scope, "reason": s.reason, "source": s.source, "created_at": now}
            for s in bounced
        ]

    def _insert_missing(self, table: Any) -> Any:
        dialect: Any = sqlite if self._store.is_sqlite else postgresql
        return dialect.insert(table).on_conflict_do_nothing()


def _open_claim(connection: Connection, row: Row[Any], holder: OwnerState) -> OpenClaim:
    claimed = connection.execute(
        select(recipients)
        .where(recipients.c.claim_id == row.id, recipients.c.state == RecipientState.CLAIMED)
        .order_by(recipients.c.seq)
    )
    people = [Claimed(each.seq, each.address, each.domain, each.attempts) for each in claimed]
    sender = Owner(id=row.sender, host=row.host, boot=row.boot, pid=row.pid, started=row.started)
    return OpenClaim(MailClaim(row.id, row.epoch, row.occurrence_id, row.journal, people), sender, holder)


def _claim_row(owner: Owner, occurrence_id: int, journal: str) -> dict[str, Any]:
    return {
        "occurrence_id": occurrence_id,
        "holder": owner.id,
        "epoch": 1,
        "journal": journal,
        "sender": owner.id,
        "host": owner.host,
        "boot": owner.boot,
        "pid": owner.pid,
        "started": owner.started,
    }


def _seq(row: Row[Any]) -> int:
    return int(row.seq)


def _settled_row(claim: MailClaim, each: Settlement) -> dict[str, Any]:
    return {
        "o": claim.occurrence_id,
        "q": each.seq,
        "c": claim.id,
        "s": each.state.value,
        "a": each.attempts,
        "d": each.due_at,
        "v_code": each.code,
        "v_enhanced": each.enhanced,
        "v_reply": storable(each.reply),
        "v_done": each.done_at,
    }
