"""What the engine asks of an item job: a task for a chunk, its halves, and the results put together at the end."""

import json
import os
import secrets
import shutil
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from batch_pipelines.core.durable import sync
from batch_pipelines.core.errors import IntegrityError
from batch_pipelines.core.faults import fault
from batch_pipelines.core.ledger.chunks import Settled
from batch_pipelines.core.model import Batch, BatchState, Chunk, ChunkPlan, ChunkResult, ChunkState, Claim, Json, Task
from batch_pipelines.core.workload import Verdict
from batch_pipelines.items.planning import chunk_of
from batch_pipelines.items.sources import as_line
from batch_pipelines.items.work import bury, read_lines

RESULTS, DEAD_LETTERS, MANIFEST = "results.jsonl", "dead_letters.jsonl", "manifest.json"


class ItemWorkload:
    """See core/workload.py.

    Args:
        data: The data folder.
    """

    def __init__(self, data: Path) -> None:
        self._data = data

    def task(self, batch: Batch, claim: Claim) -> Task:
        """See `Workload`."""
        return Task(
            "batch_pipelines.items.work:work_chunk",
            self._payload(batch, claim),
            soft_s=batch.plan["soft_s"],
            hard_s=batch.plan["hard_s"],
        )

    def result(self, batch: Batch, claim: Claim, value: Mapping[str, Any]) -> ChunkResult:
        """See `Workload`."""
        del batch, claim
        return ChunkResult(value["written"], 0, value["dead"], 0, dict(value["detail"]))

    def halves(self, batch: Batch, claim: Claim) -> tuple[ChunkPlan, ChunkPlan] | None:
        """See `Workload`."""
        del batch
        if claim.items == 1:
            return None
        chunk, lines = claim.payload, read_lines(claim.payload)
        middle = len(lines) // 2
        left = chunk_of(chunk["path"], lines[:middle], chunk["start"], chunk["first"], chunk["origin"])
        right = chunk_of(chunk["path"], lines[middle:], left.payload["end"], chunk["first"] + middle, chunk["origin"])
        return left, right

    def bury(self, batch: Batch, claim: Claim, reason: str) -> ChunkResult:
        """See `Workload`."""
        return self.result(batch, claim, bury(self._payload(batch, claim), reason))

    def settle(self, batch: Batch, chunks: Sequence[Chunk]) -> list[Settled]:
        """See `Workload`: items don't know of each other."""
        del batch, chunks
        return []

    def publish(self, batch: Batch, chunks: Sequence[Chunk]) -> Verdict:
        """Put the results together, in order; they appear whole. Done again, it changes nothing."""
        target = results_folder(self._data, batch)
        if target.is_dir():
            return Verdict(BatchState.PUBLISHED)
        temporary = target.with_name(f".{target.name}.{secrets.token_hex(6)}")
        temporary.mkdir(parents=True)
        work = self._work_folder(batch)
        done = sorted(
            (each for each in chunks if each.state is ChunkState.DONE), key=lambda each: each.payload["first"]
        )
        counts = _assemble(work, done, temporary)
        manifest = {"processor": batch.plan["processor"], "items": batch.plan["items"], "key": batch.key, **counts}
        _write(temporary / MANIFEST, as_line(manifest))
        fault("items.assembled")
        try:
            temporary.rename(target)
        except OSError:
            if not target.is_dir():
                raise
        sync(target.parent)
        shutil.rmtree(work, ignore_errors=True)  # a crash before this leaves files behind, no wrong results
        Path(batch.plan["staged"]).unlink(missing_ok=True)
        return Verdict(BatchState.PUBLISHED)

    def _payload(self, batch: Batch, claim: Claim) -> Json:
        return {
            "home": batch.plan["home"],
            "processor": batch.plan["processor"],
            "attempts": batch.plan["attempts"],
            "attempt": claim.attempts + 1,
            "key": batch.key,
            "folder": str(self._work_folder(batch)),
            "chunk": claim.payload,
            "stem": f"c{claim.payload['first']:09d}-e{claim.epoch}-{secrets.token_hex(3)}",
        }

    def _work_folder(self, batch: Batch) -> Path:
        return work_folder(self._data) / _name(batch)


def work_folder(data: Path) -> Path:
    """Return where items, and what came of their chunks, lie until the results are put together."""
    return data / "items" / "work"


def results_folder(data: Path, batch: Batch) -> Path:
    """Return where the results of a published batch lie."""
    return data / "items" / "results" / _name(batch)


def _name(batch: Batch) -> str:
    return f"{batch.key[:16]}-g{batch.generation}"


def _assemble(work: Path, chunks: Sequence[Chunk], folder: Path) -> Json:
    """Write results and dead letters, in order of items; return their counts."""
    written = dead = 0
    with (folder / RESULTS).open("wb") as results, (folder / DEAD_LETTERS).open("wb") as letters:
        for chunk in chunks:
            for line in _lines(work, chunk):
                is_result = "result" in json.loads(line)
                (results if is_result else letters).write(line)
                written, dead = written + is_result, dead + (not is_result)
        for stream in (results, letters):
            stream.flush()
            os.fsync(stream.fileno())
    return {"processed": written + dead, "written": written, "dead": dead}


def _lines(work: Path, chunk: Chunk) -> list[bytes]:
    detail = chunk.result.detail if chunk.result else {}
    try:
        content: bytes = (work / detail["file"]).read_bytes()
    except (OSError, KeyError) as error:
        raise IntegrityError(
            f"the results of items from {chunk.payload['first']} are gone; process with force"
        ) from error
    if sha256(content).hexdigest() != detail["sha256"]:
        raise IntegrityError(f"the results in {detail['file']} are not what was committed; process with force")
    return content.splitlines(keepends=True)


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
