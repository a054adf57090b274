"""How batches and chunks are written to rows of the ledger and read from them. No SQL is run here."""

import base64
import json
import zlib
from typing import Any

from sqlalchemy import Row

from batch_pipelines.core.model import Batch, BatchState, ChunkPlan, ChunkState, Json

PACK_FROM_BYTES = 8 * 1024
_PACKED = "zlib:"


def new_chunk(batch_id: int, index: int, chunk: ChunkPlan, deaths: int = 0) -> dict[str, Any]:
    """The row of a chunk that nobody has worked on; or of one that is done as planned, because it is carried over."""
    result = chunk.result
    return {
        "batch_id": batch_id,
        "idx": index,
        "state": ChunkState.PENDING if result is None else ChunkState.DONE,
        "items": chunk.items,
        "payload": json.dumps(chunk.payload, separators=(",", ":")),
        "epoch": 0,
        "attempts": 0,
        "deaths": deaths,
        "due_at": 0.0,
        "revision": 0,
        "written": result and result.written,
        "filtered": result and result.filtered,
        "dead": result and result.dead,
        "warned": result and result.warned,
        "detail": result and json.dumps(result.detail, separators=(",", ":")),
        "seconds": result and 0.0,
    }


def plan_text(plan: Json) -> str:
    """A plan as text; packed where it is long, for columns and files have much in common."""
    text = json.dumps(plan, separators=(",", ":"))
    if len(text) <= PACK_FROM_BYTES:
        return text
    return _PACKED + base64.b85encode(zlib.compress(text.encode(), 6)).decode()


def plan_of(text: str) -> Json:
    """Read what `plan_text` wrote."""
    packed = text.startswith(_PACKED)
    plan: Json = json.loads(zlib.decompress(base64.b85decode(text[len(_PACKED) :])) if packed else text)
    return plan


def batch_of(row: Row[Any]) -> Batch:
    """A batch from its row."""
    return Batch(
        id=row.id,
        pipeline=row.pipeline,
        partition=row.partition,
        key=row.key,
        generation=row.generation,
        state=BatchState(row.state),
        plan=plan_of(row.plan),
        publication=row.publication,
        settled=row.settled,
        root_run=row.root_run,
        reason=row.reason,
        created_at=row.created_at,
        finished_at=row.finished_at,
    )
