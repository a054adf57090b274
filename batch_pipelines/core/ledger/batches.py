"""Batches: planned once, resumed by their key, superseded by newer content, finished with a verdict."""

import base64
import json
import zlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from batch_pipelines.core.clock import Clock
from batch_pipelines.core.errors import IntegrityError
from batch_pipelines.core.faults import fault
from batch_pipelines.core.ledger.schema import batches, chunks
from batch_pipelines.core.ledger.store import Store
from batch_pipelines.core.model import Batch, BatchPlan, BatchState, ChunkState, Json

PLAN_BYTES = 64 * 1024
PACK_FROM_BYTES = 8 * 1024
_PACKED = "zlib:"


class Batches:
    """The batches of a ledger."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def current(self, pipeline: str, partition: str) -> Batch | None:
        """The batch published last in this partition."""
        return self._newest(pipeline, partition, BatchState.PUBLISHED)

    def unfinished(self, pipeline: str, partition: str) -> Batch | None:
        """The open batch of this partition: there is at most one."""
        return self._newest(pipeline, partition, BatchState.OPEN)

    def failed(self, pipeline: str, partition: str) -> Batch | None:
        """The newest failed batch of this partition."""
        return self._newest(pipeline, partition, BatchState.FAILED)

    def get(self, ids: Collection[int]) -> list[Batch]:
        """Batches by id, in order of id."""
        with self._store.read() as connection:
            rows = connection.execute(select(batches).where(batches.c.id.in_(list(ids))).order_by(batches.c.id))
            return [_batch(row) for row in rows]

    def currents(self, pipeline: str) -> dict[str, Batch]:
        """The batch published last, for every partition of `pipeline` that has one."""
        query = (
            select(batches)
            .where(batches.c.pipeline == pipeline, batches.c.state == BatchState.PUBLISHED)
            .order_by(batches.c.publication)
        )
        with self._store.read() as connection:
            return {row.partition: _batch(row) for row in connection.execute(query)}

    def of_pipeline(self, pipeline: str, states: Sequence[BatchState] = tuple(BatchState)) -> list[Batch]:
        """All batches of `pipeline` in `states`, oldest first."""
        query = (
            select(batches).where(batches.c.pipeline == pipeline, batches.c.state.in_(states)).order_by(batches.c.id)
        )
        with self._store.read() as connection:
            return [_batch(row) for row in connection.execute(query)]

    def open(
        self,
        plan: BatchPlan,
        *,
        root_run: str | None = None,
        forced: bool = False,
        published: int | None = None,
        seen: int | None = None,
    ) -> Batch:
        """Record `plan`, in one transaction; or return the batch of the same key, if another was faster.

        Faster: its batch is open, or was published since `seen` was the batch published last (None: there was none).
        Older unfinished batches of the partition are superseded. The publication number drawn is higher than any
        in the ledger and than `published`, the number that the table itself holds.

        Raises:
            IntegrityError: The plan is larger than 64 KiB; plans hold references, not data.
        """
        text = _written(plan.plan)
        if len(text) > PLAN_BYTES:
            msg = (
                f"{plan.pipeline}/{plan.partition}: a plan of {len(text):,} bytes, packed; at most {PLAN_BYTES:,} are "
                "kept. Too many files or columns for one partition: declare smaller partitions, or fewer columns"
            )
            raise IntegrityError(msg)
        with self._store.write_alone("batches") as connection:
            same = self._unfinished(connection, plan.pipeline, plan.partition)
            if same and same.key == plan.key and (not forced or same.root_run == root_run):
                return same
            since = self._published_last(connection, plan.pipeline, plan.partition)
            if since and since.key == plan.key and since.id != seen and not forced:
                return since
            if same:
                self._end(
                    connection,
                    same.id,
                    BatchState.SUPERSEDED,
                    f"newer content was planned (key {plan.key[:8]})",
                )
            fault("plan.superseded")
            batch_id = self._insert(connection, plan, text, root_run=root_run, forced=forced, published=published)
            fault("plan.written")
        fault("plan.committed")
        return self.get([batch_id])[0]

    def reopen(self, batch: Batch, *, root_run: str | None, published: int | None) -> Batch:
        """Take up a failed batch again under a new publication number.

        An unfinished batch of other content is superseded. A new root run gives its failed chunks all their attempts
        again; a re-execution of the same one does not. Harmless if another was faster.
        """
        with self._store.write_alone("batches") as connection:
            mine = connection.execute(select(batches.c.state).where(batches.c.id == batch.id)).scalar()
            if mine == BatchState.FAILED:  # nobody was faster
                self._reopen(connection, batch, root_run=root_run, published=published)
        return self.get([batch.id])[0]

    def _reopen(self, connection: Connection, batch: Batch, *, root_run: str | None, published: int | None) -> None:
        if other := self._unfinished(connection, batch.pipeline, batch.partition):
            reason = f"other content was taken up again (key {batch.key[:8]})"
            self._end(connection, other.id, BatchState.SUPERSEDED, reason)
        if batch.root_run != root_run or root_run is None:
            connection.execute(
                update(chunks)
                .where(chunks.c.batch_id == batch.id, chunks.c.state == ChunkState.FAILED)
                .values(state=ChunkState.PENDING, attempts=0, deaths=0, due_at=0.0)
            )
        number = _next_publication(connection, batch.pipeline, batch.partition, published)
        values = {"reason": None, "finished_at": None, "root_run": root_run, "publication": number}
        connection.execute(update(batches).where(batches.c.id == batch.id).values(state=BatchState.OPEN, **values))

    def amend(self, batch_id: int, plan: Json) -> Batch:
        """Replace the plan of an open batch. What decides its rows must be the same: chunks may be done already."""
        with self._store.write() as connection:
            connection.execute(
                update(batches)
                .where(batches.c.id == batch_id, batches.c.state == BatchState.OPEN)
                .values(plan=_written(plan))
            )
        return self.get([batch_id])[0]

    def finish(self, batch_id: int, state: BatchState, reason: str | None = None) -> bool:
        """End an open batch with a verdict; False if it had ended already.

        One that was superseded while it was being published has been published all the same: the table holds it.
        """
        with self._store.write() as connection:
            return self._end(connection, batch_id, state, reason)

    def _end(self, connection: Connection, batch_id: int, state: BatchState, reason: str | None) -> bool:
        before = [BatchState.OPEN]
        if state is BatchState.PUBLISHED:
            before.append(BatchState.SUPERSEDED)
        ended = connection.execute(
            update(batches)
            .where(batches.c.id == batch_id, batches.c.state.in_(before))
            .values(state=state, reason=reason, finished_at=self._clock.now().isoformat())
        )
        return ended.rowcount == 1

    def _newest(self, pipeline: str, partition: str, state: BatchState) -> Batch | None:
        query = (
            select(batches)
            .where(batches.c.pipeline == pipeline, batches.c.partition == partition, batches.c.state == state)
            .order_by(batches.c.publication.desc())
            .limit(1)
        )
        with self._store.read() as connection:
            row = connection.execute(query).first()
        return _batch(row) if row else None

    def _published_last(self, connection: Connection, pipeline: str, partition: str) -> Batch | None:
        query = (
            select(batches)
            .where(batches.c.pipeline == pipeline, batches.c.partition == partition)
            .where(batches.c.state == BatchState.PUBLISHED)
            .order_by(batches.c.publication.desc())
            .limit(1)
        )
        row = connection.execute(query).first()
        return _batch(row) if row else None

    def _unfinished(self, connection: Connection, pipeline: str, partition: str) -> Batch | None:
        query = select(batches).where(
            batches.c.pipeline == pipeline,
            batches.c.partition == partition,
            batches.c.state == BatchState.OPEN,
        )
        row = connection.execute(query).first()
        return _batch(row) if row else None

    def _insert(
        self,
        connection: Connection,
        plan: BatchPlan,
        text: str,
        *,
        root_run: str | None,
        forced: bool,
        published: int | None,
    ) -> int:
        generations = select(func.max(batches.c.generation)).where(
            batches.c.pipeline == plan.pipeline,
            batches.c.partition == plan.partition,
            batches.c.key == plan.key,
        )
        values: Mapping[str, Any] = {
            "pipeline": plan.pipeline,
            "partition": plan.partition,
            "key": plan.key,
            "generation": (connection.execute(generations).scalar() or 0) + 1,
            "state": BatchState.OPEN,
            "plan": text,
            "publication": _next_publication(connection, plan.pipeline, plan.partition, published),
            "settled": False,
            "root_run": root_run,
            "forced": forced,
            "created_at": self._clock.now().isoformat(),
        }
        batch_id = int(connection.execute(insert(batches).values(values).returning(batches.c.id)).scalar_one())
        if plan.chunks:
            connection.execute(
                insert(chunks),
                [new_chunk(batch_id, n, c.items, c.payload) for n, c in enumerate(plan.chunks)],
            )
        return batch_id


def new_chunk(batch_id: int, index: int, items: int, payload: Mapping[str, Any], deaths: int = 0) -> dict[str, Any]:
    """The row of a chunk that nobody has worked on."""
    return {
        "batch_id": batch_id,
        "idx": index,
        "state": ChunkState.PENDING,
        "items": items,
        "payload": json.dumps(payload, separators=(",", ":")),
        "epoch": 0,
        "attempts": 0,
        "deaths": deaths,
        "due_at": 0.0,
        "revision": 0,
    }


def _written(plan: Json) -> str:
    """A plan as text; packed where it is long, for columns and files have much in common."""
    text = json.dumps(plan, separators=(",", ":"))
    if len(text) <= PACK_FROM_BYTES:
        return text
    return _PACKED + base64.b85encode(zlib.compress(text.encode(), 6)).decode()


def _read(text: str) -> Json:
    packed = text.startswith(_PACKED)
    plan: Json = json.loads(zlib.decompress(base64.b85decode(text[len(_PACKED) :])) if packed else text)
    return plan


def _next_publication(connection: Connection, pipeline: str, partition: str, published: int | None) -> int:
    query = select(func.max(batches.c.publication)).where(
        batches.c.pipeline == pipeline, batches.c.partition == partition
    )
    return max(connection.execute(query).scalar() or 0, published or 0) + 1


def _batch(row: Row[Any]) -> Batch:
    return Batch(
        id=row.id,
        pipeline=row.pipeline,
        partition=row.partition,
        key=row.key,
        generation=row.generation,
        state=BatchState(row.state),
        plan=_read(row.plan),
        publication=row.publication,
        settled=row.settled,
        root_run=row.root_run,
        reason=row.reason,
        created_at=row.created_at,
        finished_at=row.finished_at,
    )
