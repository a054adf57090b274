"""The end of a batch: all chunks done → settle → publish → verdict. Safe to try from any lane, at any time, again.

Both are done under a lease on the pipeline's table: one publisher a table.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from batch_pipelines.core.errors import BatchError, LeaseLost, SourceChanged
from batch_pipelines.core.faults import fault
from batch_pipelines.core.heartbeat import Heartbeat
from batch_pipelines.core.ledger.ledger import Ledger
from batch_pipelines.core.model import Batch, BatchState, Chunk, ChunkState
from batch_pipelines.core.owners import LeaseWatch
from batch_pipelines.core.workload import Workload

Lease = tuple[str, str, int]


class Closing:
    """Closes batches on behalf of one owner."""

    def __init__(self, ledger: Ledger, workload: Workload, owner: str, watch: LeaseWatch, heartbeat: Heartbeat) -> None:
        self._ledger = ledger
        self._workload = workload
        self._owner = owner
        self._watch = watch
        self._heartbeat = heartbeat

    def close(self, batch_id: int) -> bool:
        """Bring the batch to its end if it is ready for it.

        Returns:
            Whether the batch has ended. False: chunks are unfinished, or somebody else is closing it just now.
        """
        batch = self._read(batch_id)
        if batch.state is not BatchState.OPEN:
            return True
        if not self._ledger.chunks.is_finished(batch_id):
            return False
        try:
            return self._end(batch)
        except LeaseLost:
            raise
        except SourceChanged as error:
            return self._finish(batch, BatchState.SOURCE_CHANGED, str(error))
        except BatchError as error:  # a damaged part, a column of another type: this batch's end, not its neighbours'
            return self._finish(batch, BatchState.FAILED, str(error))

    def _end(self, batch: Batch) -> bool:
        with self._lease(f"table:{batch.pipeline}") as lease:
            if lease is None:
                return False
            batch = self._read(batch.id)
            if batch.state is not BatchState.OPEN:
                return True
            chunks = self._ledger.chunks.of_batch(batch.id)
            if failed := [chunk for chunk in chunks if chunk.state is ChunkState.FAILED]:
                return self._finish(batch, BatchState.FAILED, _say_failed(failed, len(chunks)))
            settled = self._settled(batch, chunks, lease)
            return settled is not None and self._publish(batch, settled)

    def _settled(self, batch: Batch, chunks: list[Chunk], lease: Lease) -> list[Chunk] | None:
        """The chunks as they are after settling; None if the lease was lost meanwhile."""
        changes = [] if batch.settled else self._workload.settle(batch, chunks)
        if not changes:
            return chunks
        fault("settle.prepared")
        self._heartbeat.check()
        if not self._ledger.chunks.settle(batch.id, lease, changes):
            return None
        return self._ledger.chunks.of_batch(batch.id)

    def _publish(self, batch: Batch, chunks: list[Chunk]) -> bool:
        fault("publish.leased")
        self._heartbeat.check()
        verdict = self._workload.publish(batch, chunks)
        fault("publish.committed")
        return self._finish(batch, verdict.state, verdict.reason)

    def _finish(self, batch: Batch, state: BatchState, reason: str | None) -> bool:
        self._ledger.batches.finish(batch.id, state, reason)
        fault("publish.recorded")
        return True

    def _read(self, batch_id: int) -> Batch:
        return self._ledger.batches.get([batch_id])[0]

    @contextmanager
    def _lease(self, name: str) -> Iterator[Lease | None]:
        holders = self._ledger.holders
        epoch = holders.acquire(name, self._owner)
        if epoch is None and (other := holders.holder(name)):
            gone = self._watch.gone([other])
            epoch = holders.acquire(name, self._owner, gone=gone) if gone else None
        try:
            yield (name, self._owner, epoch) if epoch is not None else None
        finally:
            if epoch is not None:
                holders.give_back(name, self._owner, epoch)


def _say_failed(failed: list[Chunk], of: int) -> str:
    first = failed[0]
    what = f"chunk {first.index}" if len(failed) == 1 else f"{len(failed)} of {of} chunks, first chunk {first.index}"
    return f"{what} failed: {first.error}"
