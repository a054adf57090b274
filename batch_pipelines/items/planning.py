"""From items and a function to a batch: known by both, cut into chunks, recorded once.

The same items for the same function are one piece of work: asked for again, its result is there. What must not live
here: reading items (sources.py), running anything.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

from batch_pipelines.core.ledger.ledger import Ledger
from batch_pipelines.core.model import Batch, BatchPlan, BatchState, ChunkPlan, Json
from batch_pipelines.items import processors
from batch_pipelines.items.sources import Staged

PIPELINE = "items"
CHUNK_SIZE, ATTEMPTS = 100, 3
SOFT_S, HARD_S = 270.0, 300.0


@dataclass(frozen=True, slots=True)
class ItemOrder:
    """What is to be done.

    Attributes:
        items: A list of JSON values, or the path of a file from the project's home.
        processor: `package.module:function`.
        chunk_size: Items of a chunk, the unit of checkpoint and retry.
        attempts: Tries per item, the first included.
        soft_s: Seconds after which a chunk is asked to stop.
        hard_s: Seconds after which its worker is killed.
        force: Do again what is done already.
        root_run: The run that began it all; its retries resume what it forced.
    """

    items: Any
    processor: str = processors.DEFAULT
    chunk_size: int = CHUNK_SIZE
    attempts: int = ATTEMPTS
    soft_s: float = SOFT_S
    hard_s: float = HARD_S
    force: bool = False
    root_run: str | None = None

    def asks_anew(self, batch: Batch) -> bool:
        """Whether this forces what `batch` has been through: not if its own run, or a retry of that, forced it."""
        return self.force and (self.root_run is None or self.root_run != batch.root_run)


def plan_items(order: ItemOrder, staged: Staged, ledger: Ledger, home: Path) -> Batch:
    """Find the batch of these items, or record it. The staged file is kept beside itself, under the batch's key.

    Raises:
        ConfigError: There is no such processor.
    """
    function = processors.find(order.processor, home)
    partition = staged.digest[:16]
    key = sha256("\n".join((order.processor, processors.version(function), staged.digest)).encode()).hexdigest()
    pipeline = f"{PIPELINE}:{order.processor}"
    current = ledger.batches.current(pipeline, partition)
    if current and current.key == key and not order.asks_anew(current):
        staged.path.unlink()
        return current
    staged = staged.kept_as(staged.path.with_name(f"{key[:16]}.jsonl"))
    failed = ledger.batches.failed(pipeline, partition)
    if failed and failed.key == key and not order.force:
        return ledger.batches.reopen(failed, root_run=order.root_run, published=None)
    plan: Json = {
        "processor": order.processor,
        "home": str(home),
        "items": staged.shown,
        "staged": str(staged.path),
        "attempts": order.attempts,
        "soft_s": order.soft_s,
        "hard_s": order.hard_s,
    }
    return ledger.batches.open(
        BatchPlan(pipeline, partition, key, plan, list(_chunks(staged, order.chunk_size))),
        root_run=order.root_run,
        forced=order.force,
        seen=current.id if current else None,
    )


def is_done(batch: Batch) -> bool:
    """Whether its results are there."""
    return batch.state is BatchState.PUBLISHED


def chunk_of(path: str, lines: list[bytes], start: int, first: int, origin: int | None = None) -> ChunkPlan:
    """Return the chunk of these lines.

    Args:
        path: The file that holds them.
        lines: Whole lines.
        start: Where in the file they begin, bytes.
        first: Number of the first item, from 0.
        origin: First item of the chunk that these were a part of, if they were.
    """
    content = b"".join(lines)
    payload = {
        "path": path,
        "start": start,
        "end": start + len(content),
        "first": first,
        "origin": first if origin is None else origin,
        "crc32": zlib.crc32(content),
    }
    return ChunkPlan(len(lines), payload)


def _chunks(staged: Staged, size: int) -> Iterator[ChunkPlan]:
    first = start = 0
    with staged.path.open("rb") as stream:
        while lines := list(islice(stream, size)):
            chunk = chunk_of(str(staged.path), lines, start, first)
            yield chunk
            first, start = first + len(lines), int(chunk.payload["end"])
