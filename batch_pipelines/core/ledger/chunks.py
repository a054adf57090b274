"""Chunks: claimed under a rising epoch, committed only by the newest claim, failed, released, split.

Every write names the claim's epoch; a write that comes too late changes nothing and says so.
"""

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Update, and_, bindparam, func, insert, or_, select, update

from batch_pipelines.core.errors import IntegrityError
from batch_pipelines.core.faults import fault
from batch_pipelines.core.ledger.batch_rows import new_chunk
from batch_pipelines.core.ledger.chunk_reading import ChunkReading
from batch_pipelines.core.ledger.schema import batches, chunks, leases
from batch_pipelines.core.model import BatchState, ChunkPlan, ChunkResult, ChunkState, Claim

ChunkId = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Settled:
    """What settling changed in one chunk: its result, from revision `revision` to the next."""

    index: int
    revision: int
    result: ChunkResult


class Chunks(ChunkReading):
    """The chunks of a ledger."""

    def claim(
        self, owner: str, batch_ids: Sequence[int], *, limit: int, now: float, gone: Collection[str] = ()
    ) -> list[Claim]:
        """Claim up to `limit` chunks of open batches: those that wait, and those whose owner is gone.

        Args:
            owner: Who claims.
            batch_ids: Batches to take from, worked off in this order of id.
            limit: At most so many.
            now: Seconds since 1970; chunks whose next attempt is due later stay.
            gone: Owners whose leases may be taken over.
        """
        waiting = and_(chunks.c.state == ChunkState.PENDING, chunks.c.due_at <= now)
        orphaned = and_(chunks.c.state == ChunkState.CLAIMED, chunks.c.owner.in_(list(gone)))
        query = (
            select(chunks)
            .join(batches, batches.c.id == chunks.c.batch_id)
            .where(
                chunks.c.batch_id.in_(list(batch_ids)),
                batches.c.state == BatchState.OPEN,
                or_(waiting, orphaned),
            )
            .order_by(chunks.c.batch_id, chunks.c.idx)
            .limit(limit)
            .with_for_update(skip_locked=True, of=chunks)
        )
        with self._store.write() as connection:
            claims = [_claim(row) for row in connection.execute(query)]
            fault("claim.chosen")
            if claims:
                connection.execute(_TAKEN, [{"b": c.batch_id, "i": c.index, "o": owner} for c in claims])
        fault("claim.committed")
        return claims

    def commit(self, owner: str, results: Sequence[tuple[Claim, ChunkResult, float]]) -> set[ChunkId]:
        """Record results `(claim, result, seconds)` in one transaction; the ids of those that counted.

        A result whose claim is not the newest, or whose batch is no longer open, is refused; its neighbours are not.
        """
        if not results:
            return set()
        values = [
            {
                "b": claim.batch_id,
                "i": claim.index,
                "e": claim.epoch,
                "o": owner,
                "s": seconds,
                **_result_values(result),
            }
            for claim, result, seconds in results
        ]
        with self._store.write() as connection:
            written = connection.execute(_DONE, values)
            fault("commit.written")
            if self._store.is_sqlite and written.rowcount == len(values):
                landed = {(claim.batch_id, claim.index) for claim, _, _ in results}
            else:  # psycopg2 does not count batches
                landed = _landed(connection, [claim for claim, _, _ in results])
        fault("commit.committed")
        return landed

    def fail(self, owner: str, claim: Claim, error: str, *, attempts: int, deaths: int, due_at: float | None) -> bool:
        """Record a failed try: the chunk waits until `due_at`, or has failed for good if that is None."""
        state = ChunkState.FAILED if due_at is None else ChunkState.PENDING
        return self._end_claim(
            owner,
            claim,
            state=state,
            owner_after=None,
            error=error,
            attempts=attempts,
            deaths=deaths,
            due_at=due_at or 0.0,
        )

    def release(self, owner: str, claims: Iterable[Claim]) -> None:
        """Give claims back: no attempt is charged."""
        values = [{"b": claim.batch_id, "i": claim.index, "e": claim.epoch} for claim in claims]
        if not values:
            return
        back = _at_claim().where(
            chunks.c.epoch == bindparam("e"), chunks.c.owner == owner, chunks.c.state == ChunkState.CLAIMED
        )
        with self._store.write() as connection:
            connection.execute(back.values(state=ChunkState.PENDING, owner=None), values)

    def split(self, owner: str, claim: Claim, halves: tuple[ChunkPlan, ChunkPlan], *, deaths: int) -> bool:
        """Replace a chunk by its two halves, which begin with `deaths` on their record."""
        with self._store.write() as connection:
            if not self._end(connection, owner, claim, {"state": ChunkState.SPLIT, "owner": None}):
                return False
            last = connection.execute(select(func.max(chunks.c.idx)).where(chunks.c.batch_id == claim.batch_id))
            first = last.scalar_one() + 1
            rows = [new_chunk(claim.batch_id, first + n, half, deaths) for n, half in enumerate(halves)]
            connection.execute(insert(chunks), rows)
            fault("split.written")
        return True

    def settle(self, batch_id: int, lease: tuple[str, str, int], changes: Sequence[Settled]) -> bool:
        """Put settled results in place of the committed ones, all or none.

        Args:
            batch_id: The batch, whose chunks are all done.
            lease: Name, owner and epoch of the lease under which the work was done.
            changes: The chunks that changed, with the revision they were read at.

        Returns:
            False if the lease was lost, or somebody else has settled the batch.

        Raises:
            IntegrityError: A chunk is not at the revision it was read at.
        """
        with self._store.write() as connection:
            name, owner, epoch = lease
            held = connection.execute(select(leases).where(leases.c.name == name).with_for_update()).first()
            if held is None or held.owner != owner or held.epoch != epoch:
                return False
            settled = connection.execute(
                update(batches)
                .where(batches.c.id == batch_id, batches.c.state == BatchState.OPEN, ~batches.c.settled)
                .values(settled=True)
            )
            if settled.rowcount != 1:
                return False
            for change in changes:
                _replace_result(connection, batch_id, change)
            fault("settle.written")
        fault("settle.committed")
        return True

    def _end_claim(self, owner: str, claim: Claim, *, owner_after: str | None, **values: Any) -> bool:
        with self._store.write() as connection:
            return self._end(connection, owner, claim, {"owner": owner_after, **values})

    def _end(self, connection: Connection, owner: str, claim: Claim, values: dict[str, Any]) -> bool:
        ended = connection.execute(
            update(chunks)
            .where(
                chunks.c.batch_id == claim.batch_id,
                chunks.c.idx == claim.index,
                chunks.c.epoch == claim.epoch,
                chunks.c.owner == owner,
                chunks.c.state == ChunkState.CLAIMED,
            )
            .values(values)
        )
        return ended.rowcount == 1


_RESULT_BINDS: dict[str, Any] = {
    name: bindparam(f"r_{name}") for name in ("written", "filtered", "dead", "warned", "detail")
}


def _result_values(result: ChunkResult) -> dict[str, Any]:
    return {
        "r_written": result.written,
        "r_filtered": result.filtered,
        "r_dead": result.dead,
        "r_warned": result.warned,
        "r_detail": json.dumps(result.detail, separators=(",", ":")),
    }


def _replace_result(connection: Connection, batch_id: int, change: Settled) -> None:
    replaced = connection.execute(
        update(chunks)
        .where(
            chunks.c.batch_id == batch_id,
            chunks.c.idx == change.index,
            chunks.c.revision == change.revision,
            chunks.c.state == ChunkState.DONE,
        )
        .values(revision=change.revision + 1, **{name: bindparam(bind.key) for name, bind in _RESULT_BINDS.items()}),
        _result_values(change.result),
    )
    if replaced.rowcount != 1:
        msg = f"chunk {change.index} is not at revision {change.revision}, nothing was settled (please report this)"
        raise IntegrityError(msg)


def _at_claim() -> Update:
    return update(chunks).where(chunks.c.batch_id == bindparam("b"), chunks.c.idx == bindparam("i"))


_TAKEN = _at_claim().values(state=ChunkState.CLAIMED, owner=bindparam("o"), epoch=chunks.c.epoch + 1)
_DONE = (
    _at_claim()
    .where(
        chunks.c.epoch == bindparam("e"),
        chunks.c.owner == bindparam("o"),
        chunks.c.state == ChunkState.CLAIMED,
        select(1).where(batches.c.id == chunks.c.batch_id, batches.c.state == BatchState.OPEN).exists(),
    )
    .values(state=ChunkState.DONE, owner=None, error=None, seconds=bindparam("s"), **_RESULT_BINDS)
)


def _landed(connection: Connection, claims: Sequence[Claim]) -> set[ChunkId]:
    """Which of `claims` are done by their own epoch: no other claim can have that epoch."""
    landed = set()
    for batch_id in {claim.batch_id for claim in claims}:
        epochs = {claim.index: claim.epoch for claim in claims if claim.batch_id == batch_id}
        query = select(chunks.c.idx, chunks.c.epoch).where(
            chunks.c.batch_id == batch_id, chunks.c.idx.in_(list(epochs)), chunks.c.state == ChunkState.DONE
        )
        landed |= {(batch_id, row.idx) for row in connection.execute(query) if epochs[row.idx] == row.epoch}
    return landed


def _claim(row: Row[Any]) -> Claim:
    return Claim(
        batch_id=row.batch_id,
        index=row.idx,
        epoch=row.epoch + 1,
        items=row.items,
        payload=json.loads(row.payload),
        attempts=row.attempts,
        deaths=row.deaths,
    )
