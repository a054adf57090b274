"""What the engine asks of a dataset: which task for a chunk, its halves, its settling, its publication."""

import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from batch_pipelines.core.ledger.chunks import Settled
from batch_pipelines.core.model import Batch, BatchState, Chunk, ChunkPlan, ChunkResult, Claim, Json, Task
from batch_pipelines.core.workload import Verdict
from batch_pipelines.lake.parts import part_stem, read_part, schema_from_text
from batch_pipelines.processing.dead_letters.corrections import CORRECTIONS, contents_of, count_accepted, frozen
from batch_pipelines.processing.dead_letters.letters import is_carried, is_letters
from batch_pipelines.processing.dead_letters.letters import split as split_letters
from batch_pipelines.processing.declaration.model import DatasetDeclaration
from batch_pipelines.processing.planning.pins import pinned_files
from batch_pipelines.processing.settling.settle import settle_duplicates
from batch_pipelines.processing.sources.formats.registry import format_of
from batch_pipelines.processing.tables.publish import Difference, publish
from batch_pipelines.processing.tables.upserting import Upserting
from batch_pipelines.processing.tables.write_modes import (
    appending,
    compared_with,
    published_now,
    replacing_all,
    settled_against,
)

WORK_CHUNK = "batch_pipelines.processing.working.chunk:work_chunk"
WORK_LETTERS = "batch_pipelines.processing.working.letters:work_letters"
STATS_COLUMNS = 32  # as many as Delta's own writers keep


class DatasetWorkload:
    """See core/workload.py. Everything it needs about a batch is in the batch's plan, not in today's YAML.

    Args:
        home: What source paths are relative to.
        data: The data folder.
        limits: Soft and hard time limits in seconds, instead of the declared.
    """

    def __init__(self, home: Path, data: Path, limits: tuple[float | None, float | None] = (None, None)) -> None:
        self._home = home
        self._data = data
        self._limits = limits
        self._declarations: dict[int, DatasetDeclaration] = {}
        self._against: dict[int, int] = {}  # by batch: the publication that its keys were compared with

    def task(self, batch: Batch, claim: Claim) -> Task:
        """See `Workload`."""
        timeout = batch.plan["declaration"]["timeout"]
        soft_s, hard_s = self._limits
        return Task(
            WORK_LETTERS if is_letters(claim.payload) else WORK_CHUNK,
            self._payload(batch, claim),
            soft_s=soft_s or timeout["soft_s"],
            hard_s=hard_s or timeout["hard_s"],
        )

    def result(self, batch: Batch, claim: Claim, value: Mapping[str, Any]) -> ChunkResult:
        """See `Workload`."""
        del batch, claim
        detail = dict(value["detail"])
        if part := detail.get("part"):
            detail["part"] = {**part, "stats": dict(list((part.get("stats") or {}).items())[:STATS_COLUMNS])}
        return ChunkResult(value["written"], value["filtered"], value["dead"], value["warned"], detail)

    def halves(self, batch: Batch, claim: Claim) -> tuple[ChunkPlan, ChunkPlan] | None:
        """See `Workload`."""
        if is_letters(claim.payload):
            return split_letters(claim.payload, claim.items)
        return format_of(self._declaration(batch)).split(claim.payload, claim.items, self._home)

    def bury(self, batch: Batch, claim: Claim, reason: str) -> ChunkResult:
        """See `Workload`."""
        from batch_pipelines.processing.working import chunk, letters  # noqa: PLC0415  coordinators rarely need them

        bury = letters.bury if is_letters(claim.payload) else chunk.bury
        return self.result(batch, claim, bury(self._payload(batch, claim), reason))

    def settle(self, batch: Batch, chunks: Sequence[Chunk]) -> list[Settled]:
        """See `Workload`: only a declared key needs all chunks at once."""
        declaration = self._declaration(batch)
        if not declaration.key or batch.settled:
            return []
        if declaration.write != "append":
            return settle_duplicates(self._home, self._data, batch, declaration, chunks)
        number, held = published_now(self._data, batch)
        self._against[batch.id] = number
        return settled_against(
            number, settle_duplicates(self._home, self._data, batch, declaration, chunks, [part.path for part in held])
        )

    def publish(self, batch: Batch, chunks: Sequence[Chunk]) -> Verdict:
        """See `Workload`: not before the share of rejects is small enough."""
        if refusal := too_many_rejects(self._declaration(batch), chunks, self._accepted(batch, chunks)):
            return Verdict(BatchState.FAILED, refusal)
        difference = self._difference(batch, chunks)
        return publish(self._data, batch, chunks, schema_from_text(batch.plan["schema"]), difference)

    def _difference(self, batch: Batch, chunks: Sequence[Chunk]) -> Difference:
        declaration = self._declaration(batch)
        if declaration.write == "append":
            against = self._against.get(batch.id, compared_with(chunks))
            replay = any(is_carried(chunk.payload) or is_letters(chunk.payload) for chunk in chunks)
            return appending(batch, against if declaration.key else None, replay=replay)
        if declaration.write == "upsert":
            return Upserting(self._data, batch, declaration.key)
        return replacing_all(batch)

    def _accepted(self, batch: Batch, chunks: Sequence[Chunk]) -> int:
        """How many of the batch's dead letters are accepted."""
        folder, details = (
            self._data / "dead_letters" / batch.pipeline,
            [each.result.detail for each in chunks if each.result],
        )
        files = [folder / detail["dead_letters"]["path"] for detail in details if detail.get("dead_letters")]
        accepted = frozen(batch.plan, self._data).accepted
        return count_accepted(
            (read_part(file, ["source", "record"]) for file in files), contents_of(batch.plan), accepted
        )

    def _declaration(self, batch: Batch) -> DatasetDeclaration:
        if batch.id not in self._declarations:
            self._declarations[batch.id] = DatasetDeclaration.model_validate(batch.plan["declaration"])
        return self._declarations[batch.id]

    def _payload(self, batch: Batch, claim: Claim) -> Json:
        plan, source = batch.plan, claim.payload["source"]
        return {
            "home": str(self._home),
            "data": str(self._data),
            "dataset": batch.pipeline,
            "partition": batch.partition,
            "plan": {
                "declaration": plan["declaration"],
                "folder": plan["folder"],
                "headers": {source: plan["headers"][source]},
                "schema": plan["schema"],
                "references": pinned_files(self._data, plan["references"]),
                "corrections": self._corrections(plan, source),
            },
            "chunk": claim.payload,
            "items": claim.items,
            "stem": part_stem(batch.key, batch.generation, claim.index, claim.epoch, secrets.token_hex(3)),
        }

    def _corrections(self, plan: Json, source: str) -> Json | None:
        if CORRECTIONS not in plan:
            return None
        return {"file": str(self._data / plan[CORRECTIONS]["path"]), "content": contents_of(plan)[source]}


def too_many_rejects(declaration: DatasetDeclaration, chunks: Sequence[Chunk], accepted: int = 0) -> str | None:
    """Why the batch must not be published, or None. Deterministic: the same counts give the same answer.

    Args:
        declaration: Has the limit.
        chunks: All chunks of the batch.
        accepted: Dead letters that are accepted: they don't count.
    """
    results = [chunk.result for chunk in chunks if chunk.result]
    items, dead = sum(result.items for result in results), sum(result.dead for result in results) - accepted
    limit = declaration.max_reject_rate
    if limit is None or not items or dead / items <= limit:
        return None
    reasons: Counter[str] = Counter()
    for result in results:
        reasons.update(result.detail.get("reasons", {}))
    worst = ", ".join(f"{reason} {count:,}" for reason, count in reasons.most_common(3))
    sample = next((text for result in results for text in result.detail.get("samples", ())), "")
    return (
        f"{dead:,} of {items:,} items are dead letters ({dead / items:.1%}), more than max_reject_rate {limit:.1%} "
        f"allows: {worst}; first: {sample}. "
        "The table is untouched. Correct the source, the rules or the limit, and run again"
    )
