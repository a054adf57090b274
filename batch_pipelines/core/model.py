"""The values that travel between planner, ledger, lane and worker.

Plain frozen data; every `payload`, `detail` and `plan` is JSON (str, int, float, bool, None, list, dict),
so that it can go to a database, over a pipe or through a broker. No behaviour beyond arithmetic lives here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Json = dict[str, Any]


class BatchState(StrEnum):
    """Where a batch stands. `open` is the only state in which its chunks may be worked on."""

    OPEN = "open"
    PUBLISHED = "published"
    SUPERSEDED = "superseded"  # newer content, or a newer publication, took its partition
    SOURCE_CHANGED = "source_changed"
    FAILED = "failed"  # a later run takes it up again


class ChunkState(StrEnum):
    """Where a chunk stands."""

    PENDING = "pending"
    CLAIMED = "claimed"
    DONE = "done"
    FAILED = "failed"
    SPLIT = "split"  # bisected: two other chunks hold its items


@dataclass(frozen=True, slots=True)
class ChunkResult:
    """What working a chunk came to. `written + filtered + dead == items`, or the chunk fails.

    Attributes:
        written: Items that are in the chunk's part.
        filtered: Items left out on purpose (`where`, a transform that drops rows).
        dead: Items that are dead letters.
        warned: Items (of the written ones) with at least one warning.
        detail: The domain's references: part names, sha256, sizes, reasons (JSON, never rows).
    """

    written: int
    filtered: int
    dead: int
    warned: int = 0
    detail: Json = field(default_factory=dict)

    @property
    def items(self) -> int:
        """Items accounted for."""
        return self.written + self.filtered + self.dead


@dataclass(frozen=True, slots=True)
class ChunkPlan:
    """One unit of checkpoint and retry, as planned: exactly `items` items, found by `payload`.

    Attributes:
        items: How many items.
        payload: Whatever the domain needs to find them.
        result: What it came to, if it is carried over from another batch: nobody has to work on it.
    """

    items: int
    payload: Json
    result: ChunkResult | None = None


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """A whole batch as planned.

    Attributes:
        pipeline: The dataset or item job it belongs to.
        partition: Its partition key.
        key: Batch key: hash of all that decides its rows.
        plan: Whatever the domain needs to work, settle and publish it (at most 64 KiB as JSON).
        chunks: All its chunks, in order.
    """

    pipeline: str
    partition: str
    key: str
    plan: Json
    chunks: Sequence[ChunkPlan]

    @property
    def items(self) -> int:
        """Items of all chunks."""
        return sum(chunk.items for chunk in self.chunks)


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as the ledger knows it."""

    id: int
    pipeline: str
    partition: str
    key: str
    generation: int
    state: BatchState
    plan: Json
    publication: int
    settled: bool
    root_run: str | None
    reason: str | None
    created_at: str
    finished_at: str | None

    @property
    def name(self) -> str:
        """`pipeline/partition`, as people and Delta (app id) call it."""
        return f"{self.pipeline}/{self.partition}"


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to work on one chunk, until `epoch` is no longer the newest.

    Attributes:
        attempts: Attempts that failed before this one.
        deaths: Workers that this chunk has killed so far.
    """

    batch_id: int
    index: int
    epoch: int
    items: int
    payload: Json
    attempts: int
    deaths: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """A chunk as the ledger knows it."""

    batch_id: int
    index: int
    state: ChunkState
    epoch: int
    items: int
    payload: Json
    attempts: int
    deaths: int
    revision: int
    result: ChunkResult | None
    error: str | None
    owner: str | None
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Task:
    """What a worker is asked to do: call `function` (`package.module:name`) with `payload`.

    Attributes:
        soft_s: Seconds after which `TimeLimitExceeded` is raised inside the task; None for never.
        hard_s: Seconds after which the worker is killed; None for never.
    """

    function: str
    payload: Mapping[str, Any]
    soft_s: float | None = 270.0
    hard_s: float | None = 300.0


@dataclass(frozen=True, slots=True)
class Counts:
    """Chunks and items of one or more batches, by state."""

    chunks: int = 0
    chunks_done: int = 0
    chunks_failed: int = 0
    chunks_claimed: int = 0
    items: int = 0
    items_done: int = 0
    written: int = 0
    filtered: int = 0
    dead: int = 0
    warned: int = 0

    @property
    def finished(self) -> bool:
        """Whether every chunk is done."""
        return self.chunks_done == self.chunks
