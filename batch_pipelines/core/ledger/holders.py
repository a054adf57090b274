"""Owners, their renewal counters, and the named leases they hold beside chunks (settle a batch, write a table)."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Row, delete, insert, select, union, update
from sqlalchemy.exc import DBAPIError

from batch_pipelines.core.clock import Clock
from batch_pipelines.core.errors import TransientError
from batch_pipelines.core.ledger.schema import chunks, leases, mail_claims, owners
from batch_pipelines.core.ledger.store import Store
from batch_pipelines.core.model import ChunkState
from batch_pipelines.core.owners import Owner, OwnerState


class Holders:
    """Who holds what in a ledger."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def enter(self, owner: Owner) -> None:
        """Make `owner` known; it may hold leases from now on."""
        with self._store.write() as connection:
            connection.execute(
                insert(owners).values(
                    id=owner.id,
                    host=owner.host,
                    boot=owner.boot,
                    pid=owner.pid,
                    started=owner.started,
                    counter=0,
                    created_at=self._clock.now().isoformat(),
                )
            )

    def renew(self, owner: str) -> bool | None:
        """Show that `owner` lives; False if it is not known any more, None if the database did not answer."""
        try:
            with self._store.write() as connection:
                renewed = connection.execute(
                    update(owners).where(owners.c.id == owner).values(counter=owners.c.counter + 1)
                )
                return renewed.rowcount == 1
        except (DBAPIError, TransientError):
            return None

    def leave(self, owner: str) -> None:
        """Give back all that `owner` still holds and forget it."""
        with self._store.write() as connection:
            connection.execute(
                update(chunks)
                .where(chunks.c.owner == owner, chunks.c.state == ChunkState.CLAIMED)
                .values(state=ChunkState.PENDING, owner=None)
            )
            connection.execute(update(leases).where(leases.c.owner == owner).values(owner=None))
            connection.execute(delete(owners).where(owners.c.id == owner))

    def others(self, owner: str, batch_ids: Sequence[int]) -> list[OwnerState]:
        """The other owners that hold chunks of these batches."""
        query = (
            select(chunks.c.owner.label("holder"), owners)
            .join(owners, owners.c.id == chunks.c.owner, isouter=True)
            .where(
                chunks.c.batch_id.in_(list(batch_ids)),
                chunks.c.state == ChunkState.CLAIMED,
                chunks.c.owner != owner,
            )
            .distinct()
        )
        with self._store.read() as connection:
            return [owner_state(row) for row in connection.execute(query)]

    def holder(self, lease: str) -> OwnerState | None:
        """Who holds the named lease, if anybody."""
        query = (
            select(leases.c.owner.label("holder"), owners)
            .join(owners, owners.c.id == leases.c.owner, isouter=True)
            .where(leases.c.name == lease, leases.c.owner.is_not(None))
        )
        with self._store.read() as connection:
            row = connection.execute(query).first()
        return owner_state(row) if row else None

    def acquire(self, lease: str, owner: str, *, gone: Collection[str] = ()) -> int | None:
        """Take the named lease if it is free, or held by one of `gone`: its new epoch, else None."""
        with self._store.write_alone("leases") as connection:
            row = connection.execute(select(leases).where(leases.c.name == lease)).first()
            if row is None:
                connection.execute(insert(leases).values(name=lease, owner=owner, epoch=1))
                return 1
            if row.owner not in (None, owner) and row.owner not in gone:
                return None
            epoch = int(row.epoch) + 1
            connection.execute(update(leases).where(leases.c.name == lease).values(owner=owner, epoch=epoch))
            return epoch

    def give_back(self, lease: str, owner: str, epoch: int) -> None:
        """Free the named lease, if it is still held under `epoch`."""
        with self._store.write() as connection:
            mine = (leases.c.name == lease, leases.c.owner == owner, leases.c.epoch == epoch)
            connection.execute(update(leases).where(*mine).values(owner=None))

    def forget_idle(self, gone: Collection[str]) -> None:
        """Forget those of `gone` that hold nothing."""
        with self._store.write() as connection:
            holding = union(
                select(chunks.c.owner).where(chunks.c.owner.is_not(None)),
                select(leases.c.owner).where(leases.c.owner.is_not(None)),
                select(mail_claims.c.holder),
            )
            connection.execute(delete(owners).where(owners.c.id.in_(list(gone)), owners.c.id.not_in(holding)))

    def all(self) -> list[OwnerState]:
        """Every owner known."""
        with self._store.read() as connection:
            return [owner_state(row) for row in connection.execute(select(owners.c.id.label("holder"), owners))]


def owner_state(row: Row[Any]) -> OwnerState:
    """Return an owner as a row says it: `holder`, and the owner's own columns, null where there is none."""
    if row.id is None:
        return OwnerState(id=row.holder, owner=None, counter=0)
    known = Owner(id=row.id, host=row.host, boot=row.boot, pid=row.pid, started=row.started)
    return OwnerState(id=row.id, owner=known, counter=row.counter)
