"""What a new generation takes over from the one before: chunks that are done, with their parts and counts.

What must not live here: what is done anew (plan.py).
"""

from collections.abc import Sequence
from dataclasses import replace

from batch_pipelines.core.errors import Refused
from batch_pipelines.core.model import Chunk, ChunkPlan, ChunkResult, Json
from batch_pipelines.lake.delta import HeldPart
from batch_pipelines.processing.dead_letters.letters import carried


def carry(chunk: Chunk, base: int, *, with_letters: bool) -> ChunkPlan:
    """Carry a chunk over from batch `base`; without its dead letters, its items are the others alone."""
    result = chunk.result or ChunkResult(0, 0, 0)
    if not with_letters:
        result = replace(result, dead=0, detail={**result.detail, "dead_letters": None, "reasons": {}, "samples": []})
    return ChunkPlan(result.items, carried(chunk.payload, base), result)


def as_held(chunks: Sequence[ChunkPlan], held: Sequence[HeldPart], base: int, *, whole: bool) -> list[ChunkPlan]:
    """Name the parts that the table has now: they may have been compacted since the chunks were done.

    Args:
        chunks: Chunks that are carried over.
        held: Parts that the partition holds.
        base: The batch that they are carried over from.
        whole: Whether its rows are all that the partition holds; else the parts that it holds stay whatever is named.

    Raises:
        Refused: The partition holds other rows than were written.
    """
    paths = {part.path for part in held}
    named = [chunk.result.detail["part"] for chunk in chunks if chunk.result and chunk.result.detail.get("part")]
    if all(part["path"] in paths for part in named):
        return list(chunks)
    if not whole:
        return [_bare(chunk) for chunk in chunks]
    if sum(part.rows for part in held) != sum(part["rows"] for part in named):
        raise Refused("the table does not hold the rows that were written; process it again with --force")
    rest = [_bare(chunk, written=0, warned=0) for chunk in chunks]
    return [*(_of_part(part, base) for part in held), *(chunk for chunk in rest if chunk.items)]


def _bare(chunk: ChunkPlan, **counts: int) -> ChunkPlan:
    result = chunk.result or ChunkResult(0, 0, 0)
    result = replace(result, detail={**result.detail, "part": None}, **counts)
    return ChunkPlan(result.items, chunk.payload, result)


def _of_part(part: HeldPart, base: int) -> ChunkPlan:
    detail: Json = {"part": {"path": part.path, "rows": part.rows, "bytes": part.size, "stats": {}}}
    return ChunkPlan(part.rows, carried({"source": ""}, base), ChunkResult(part.rows, 0, 0, 0, detail))
