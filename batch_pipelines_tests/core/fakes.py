"""A workload and a worker pool that do as a script says, in memory: the engine without files or processes."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from batch_pipelines.core.ledger.chunks import Settled
from batch_pipelines.core.model import Batch, BatchPlan, BatchState, Chunk, ChunkPlan, ChunkResult, Claim, Task
from batch_pipelines.core.workers.pool import Died, Ending, Lost, Raised, Returned, TimedOut
from batch_pipelines.core.workload import Verdict

OK = Returned({}, 0.1)
DIED = Died(-9)
LOST = Lost("the pool broke")
TIMED_OUT = TimedOut(5)
Script = Callable[[Mapping[str, Any], int], Ending]


def raised(kind: str = "TransientError", message: str = "broken", delay_s: float | None = None) -> Raised:
    """The task raised something of this kind."""
    return Raised(kind, message, delay_s)


def numbers_plan(*sizes: int, partition: str = "p", key: str = "k") -> BatchPlan:
    """Chunks of consecutive numbers, so many in each."""
    chunks, first = list[ChunkPlan](), 0
    for size in sizes:
        chunks.append(ChunkPlan(size, {"first": first, "items": size}))
        first += size
    return BatchPlan("numbers", partition, key, {}, chunks)


class ScriptedPool:
    """Tasks end in the order they came, as the script says: it is given the payload and how often that was seen."""

    def __init__(self, script: Script = lambda _payload, _time: OK, workers: int = 2) -> None:
        self.workers = workers
        self.seen: list[int] = []  # first number of each task, in order
        self.held: list[int] = []  # how many tasks it had, each time it was waited for
        self.stopped = False
        self._script = script
        self._queue: deque[tuple[int, Task]] = deque()

    def submit(self, ticket: int, task: Task) -> None:
        """See `WorkerPool`."""
        assert not self.stopped
        self._queue.append((ticket, task))

    def wait(self, timeout_s: float) -> list[tuple[int, Ending]]:
        """See `WorkerPool`."""
        assert self._queue, "the lane waits for nothing"
        assert len(self._queue) <= self.workers, "the lane hands over more than is worked on"
        self.held.append(len(self._queue))
        ticket, task = self._queue.popleft()
        first = task.payload["first"]
        ending = self._script(task.payload, self.seen.count(first))
        self.seen.append(first)
        return [(ticket, ending)]

    def stop(self) -> None:
        """See `WorkerPool`."""
        self.stopped = True


class MemoryWorkload:
    """Numbers: a chunk is a range of them. What is published stands in `published`."""

    def __init__(self) -> None:
        self.published: dict[str, list[int]] = {}
        self.publish_raises: Exception | None = None
        self.halves_raises: Exception | None = None
        self.settles = 0
        self.verdict = Verdict(BatchState.PUBLISHED)

    def task(self, batch: Batch, claim: Claim) -> Task:
        """See `Workload`."""
        return Task("nowhere:nothing", {**claim.payload, "epoch": claim.epoch})

    def result(self, batch: Batch, claim: Claim, value: Mapping[str, Any]) -> ChunkResult:
        """See `Workload`."""
        numbers = list(range(claim.payload["first"], claim.payload["first"] + claim.items))
        detail = {"numbers": numbers}
        return ChunkResult(value.get("written", claim.items), 0, value.get("dead", 0), 0, detail)

    def halves(self, batch: Batch, claim: Claim) -> tuple[ChunkPlan, ChunkPlan] | None:
        """See `Workload`."""
        if self.halves_raises:
            raise self.halves_raises
        if claim.items == 1:
            return None
        first, half = claim.payload["first"], claim.items // 2
        rest = claim.items - half
        return (
            ChunkPlan(half, {"first": first, "items": half}),
            ChunkPlan(rest, {"first": first + half, "items": rest}),
        )

    def bury(self, batch: Batch, claim: Claim, reason: str) -> ChunkResult:
        """See `Workload`."""
        return ChunkResult(0, 0, 1, 0, {"numbers": [], "buried": claim.payload["first"], "reason": reason})

    def settle(self, batch: Batch, chunks: Sequence[Chunk]) -> list[Settled]:
        """See `Workload`."""
        self.settles += 1
        return []

    def publish(self, batch: Batch, chunks: Sequence[Chunk]) -> Verdict:
        """See `Workload`."""
        if self.publish_raises:
            raise self.publish_raises
        numbers = [number for chunk in chunks if chunk.result for number in chunk.result.detail["numbers"]]
        self.published[batch.partition] = sorted(numbers)
        return self.verdict
