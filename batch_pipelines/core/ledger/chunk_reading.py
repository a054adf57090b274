"""What the ledger knows of chunks: one by one, or counted. Changing them is in chunks.py."""

import json
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Row, func, select

from batch_pipelines.core.ledger.schema import batches, chunks
from batch_pipelines.core.ledger.store import Store
from batch_pipelines.core.model import BatchState, Chunk, ChunkResult, ChunkState, Counts

_SUMMED = ("items", "written", "filtered", "dead", "warned")


class ChunkReading:
    """Reads the chunks of a ledger."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def of_batch(self, batch_id: int) -> list[Chunk]:
        """All chunks of a batch but the split ones, in order."""
        query = (
            select(chunks)
            .where(chunks.c.batch_id == batch_id, chunks.c.state != ChunkState.SPLIT)
            .order_by(chunks.c.idx)
        )
        with self._store.read() as connection:
            return [_chunk(row) for row in connection.execute(query)]

    def is_finished(self, batch_id: int) -> bool:
        """Whether no chunk of the batch waits or is claimed (some may have failed)."""
        alive = chunks.c.state.in_((ChunkState.PENDING, ChunkState.CLAIMED))
        query = select(chunks.c.idx).where(chunks.c.batch_id == batch_id, alive).limit(1)
        with self._store.read() as connection:
            return connection.execute(query).first() is None

    def next_due(self, batch_ids: Sequence[int]) -> float | None:
        """When the next waiting chunk of open batches is due (seconds since 1970); None if none waits."""
        query = (
            select(func.min(chunks.c.due_at))
            .join(batches, batches.c.id == chunks.c.batch_id)
            .where(
                chunks.c.batch_id.in_(list(batch_ids)),
                chunks.c.state == ChunkState.PENDING,
                batches.c.state == BatchState.OPEN,
            )
        )
        with self._store.read() as connection:
            due: float | None = connection.execute(query).scalar()
            return due

    def counts(self, batch_ids: Collection[int]) -> Counts:
        """Chunks and items of these batches together."""
        query = (
            select(
                chunks.c.state,
                func.count().label("n"),
                *(func.coalesce(func.sum(chunks.c[name]), 0).label(name) for name in _SUMMED),
            )
            .where(chunks.c.batch_id.in_(list(batch_ids)), chunks.c.state != ChunkState.SPLIT)
            .group_by(chunks.c.state)
        )
        with self._store.read() as connection:
            by_state = {row.state: row for row in connection.execute(query)}
        return _counts(by_state)


def _chunk(row: Row[Any]) -> Chunk:
    result = None
    if row.state == ChunkState.DONE:
        result = ChunkResult(row.written, row.filtered, row.dead, row.warned, json.loads(row.detail))
    return Chunk(
        batch_id=row.batch_id,
        index=row.idx,
        state=ChunkState(row.state),
        epoch=row.epoch,
        items=row.items,
        payload=json.loads(row.payload),
        attempts=row.attempts,
        deaths=row.deaths,
        revision=row.revision,
        result=result,
        error=row.error,
        owner=row.owner,
        seconds=row.seconds,
    )


def _counts(by_state: dict[str, Row[Any]]) -> Counts:
    done = by_state.get(ChunkState.DONE)

    def number(state: ChunkState) -> int:
        return by_state[state].n if state in by_state else 0

    return Counts(
        chunks=sum(row.n for row in by_state.values()),
        chunks_done=number(ChunkState.DONE),
        chunks_failed=number(ChunkState.FAILED),
        chunks_claimed=number(ChunkState.CLAIMED),
        items=int(sum(row.items for row in by_state.values())),
        items_done=int(done.items) if done else 0,
        written=int(done.written) if done else 0,
        filtered=int(done.filtered) if done else 0,
        dead=int(done.dead) if done else 0,
        warned=int(done.warned) if done else 0,
    )
