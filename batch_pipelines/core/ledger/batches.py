"""Batches: planned once, resumed by their key, superseded by newer content, finished with a verdict."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from batch_pipelines.core.clock import Clock
from batch_pipelines.core.errors import IntegrityError
from batch_pipelines.core.faults import fault
from batch_pipelines.core.ledger.batch_rows import batch_of, new_chunk, plan_text
from batch_pipelines.core.ledger.schema import batches, chunks
from batch_pipelines.core.ledger.store import Store
from batch_pipelines.core.model import Batch, BatchPlan, BatchState, ChunkState, Json

PLAN_BYTES = 64 * 1024


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
            return [batch_of(row) for row in rows]

    def currents(self, pipeline: str) -> dict[str, Batch]:
        """The batch published last, for every partition of `pipeline` that has one."""
        query = (
            select(batches)
            .where(batches.c.pipeline == pipeline, batches.c.state == BatchState.PUBLISHED)
            .order_by(batches.c.publication)
        )
        with self._store.read() as connection:
            return {row.partition: batch_of(row) for row in connection.execute(query)}

    def of_pipeline(self, pipeline: str, states: Sequence[BatchState] = tuple(BatchState)) -> list[Batch]:
        """All batches of `pipeline` in `states`, oldest first."""
        query = (
            select(batches).where(batches.c.pipeline == pipeline, batches.c.state.in_(states)).order_by(batches.c.id)
        )
        with self._store.read() as connection:
            return [batch_of(row) for row in connection.execute(query)]

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
        text = plan_text(plan.plan)
        if len(text) > PLAN_BYTES:
            raise _too_long(plan, text)
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

    def open_on(self, plan: BatchPlan, base: int, *, root_run: str | None, published: int | None) -> Batch | None:
        """Record `plan`, a new generation of the batch published last, whose parts it carries over.

        Args:
            plan: It.
            base: The batch whose parts are in it.
            root_run: As for `open`.
            published: As for `open`.

        Returns:
            None if another batch is open, or has been published since.
        """
        text = plan_text(plan.plan)
        if len(text) > PLAN_BYTES:
            raise _too_long(plan, text)
        with self._store.write_alone("batches") as connection:
            last = self._published_last(connection, plan.pipeline, plan.partition)
            if last is None or last.id != base or self._unfinished(connection, plan.pipeline, plan.partition):
                return None
            batch_id = self._insert(connection, plan, text, root_run=root_run, forced=True, published=published)
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
                .values(plan=plan_text(plan))
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
        return batch_of(row) if row else None

    def _published_last(self, connection: Connection, pipeline: str, partition: str) -> Batch | None:
        query = (
            select(batches)
            .where(batches.c.pipeline == pipeline, batches.c.partition == partition)
            .where(batches.c.state == BatchState.PUBLISHED)
            .order_by(batches.c.publication.desc())
            .limit(1)
        )
        row = connection.execute(query).first()
        return batch_of(row) if row else None

    def _unfinished(self, connection: Connection, pipeline: str, partition: str) -> Batch | None:
        query = select(batches).where(
            batches.c.pipeline == pipeline,
            batches.c.partition == partition,
            batches.c.state == BatchState.OPEN,
        )
        row = connection.execute(query).first()
        return batch_of(row) if row else None

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
                [new_chunk(batch_id, n, chunk) for n, chunk in enumerate(plan.chunks)],
            )
        return batch_id


def _next_publication(connection: Connection, pipeline: str, partition: str, published: int | None) -> int:
    query = select(func.max(batches.c.publication)).where(
        batches.c.pipeline == pipeline, batches.c.partition == partition
    )
    return max(connection.execute(query).scalar() or 0, published or 0) + 1


def _too_long(plan: BatchPlan, text: str) -> IntegrityError:
    return IntegrityError(
        f"{plan.pipeline}/{plan.partition}: a plan of {len(text):,} bytes, packed; at most {PLAN_BYTES:,} are "
        "kept. Too many files or columns for one partition: declare smaller partitions, or fewer columns"
    )
