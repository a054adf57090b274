"""What planning and working came to, as values for people: Dagster's metadata, the command line, the demo.

What must not live here: deciding or doing anything; the ledger is read by the caller.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from batch_pipelines.core.model import Batch, BatchState, Chunk, Counts, Json
from batch_pipelines.lake.parts import SYSTEM_FIELDS, schema_from_text
from batch_pipelines.processing.replay_reports import Became, became


@dataclass(frozen=True, slots=True)
class BatchReport:
    """What became of one batch, as the ledger has it.

    Attributes:
        ok: Whether it is published.
        message: One line: what happened, and what to do if it is not.
        reasons: Dead letters by `rule: column`.
        warnings: Warnings by `rule: column`.
        samples: A few dead letters, as `file:line: what is wrong`.
        chunks: One entry a chunk: index, state, items, written, filtered, dead, attempts, seconds, error.
        files: Source files.
        columns: Name and type of the columns that people see.
        schema_change: What it changed of the table's columns, a line each.
        became: Of a replay: what became of the letters that were tried.
    """

    batch_id: int
    dataset: str
    partition: str
    state: BatchState
    ok: bool
    message: str
    key: str
    generation: int
    publication: int
    counts: Counts
    seconds: float
    reasons: dict[str, int]
    warnings: dict[str, int]
    samples: list[str]
    chunks: list[Json]
    files: list[str]
    columns: list[tuple[str, str]]
    became: Became | None = None
    schema_change: list[str] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """Rows written."""
        return self.counts.written

    @property
    def dead_letters(self) -> int:
        """Items dead-lettered."""
        return self.counts.dead


@dataclass(frozen=True, slots=True)
class Planning:
    """What planning came to.

    Attributes:
        dataset: The dataset.
        batch_ids: Batches of all partitions that could be planned, in order of partition.
        current: Those of them that are published already.
        problems: By partition: why it could not be planned.
        prepared: Referenced datasets that had no table yet and were processed first.
    """

    dataset: str
    batch_ids: list[int]
    current: list[int]
    problems: dict[str, str]
    prepared: list[BatchReport] = field(default_factory=list)


def report_of(batch: Batch, chunks: Sequence[Chunk], counts: Counts, now: datetime) -> BatchReport:
    """What became of a batch.

    Args:
        batch: The batch.
        chunks: All its chunks.
        counts: Their counts.
        now: The present; a batch that has not ended has taken until now.
    """
    results = [chunk.result for chunk in chunks if chunk.result]
    reasons: Counter[str] = Counter()
    warnings: Counter[str] = Counter()
    for result in results:
        reasons.update(result.detail.get("reasons", {}))
        warnings.update(result.detail.get("warnings", {}))
    said = batch.plan.get("replay")
    tried = became(said, counts, reasons) if said else None
    system = {each.name for each in SYSTEM_FIELDS}
    schema = schema_from_text(batch.plan["schema"])
    return BatchReport(
        batch_id=batch.id,
        dataset=batch.pipeline,
        partition=batch.partition,
        state=batch.state,
        ok=batch.state is BatchState.PUBLISHED,
        message=_message(batch, counts, tried),
        key=batch.key,
        generation=batch.generation,
        publication=batch.publication,
        counts=counts,
        seconds=_seconds(batch, now),
        reasons=dict(reasons.most_common()),
        warnings=dict(warnings.most_common()),
        samples=[sample for result in results for sample in result.detail.get("samples", [])][:5],
        chunks=[_chunk_row(chunk) for chunk in chunks],
        files=[file["name"] for file in batch.plan["files"]],
        columns=[(each.name, str(each.type)) for each in schema if each.name not in system],
        schema_change=list(batch.plan.get("schema_change", ())),
        became=tried,
    )


def failures_of(planning: Planning, reports: Sequence[BatchReport]) -> list[str]:
    """One line for each partition that did not come to a good end."""
    unplanned = [f"{planning.dataset}/{partition}: {why}" for partition, why in planning.problems.items()]
    unpublished = [f"{each.dataset}/{each.partition}: {each.message}" for each in reports if not each.ok]
    return unplanned + unpublished


def _message(batch: Batch, counts: Counts, tried: Became | None) -> str:
    if batch.state is BatchState.PUBLISHED:
        if not counts.items:
            return "the source is empty: 0 items"
        filtered = f", {counts.filtered:,} filtered" if counts.filtered else ""
        again = f"; {tried}" if tried else ""
        return f"{counts.items:,} read, {counts.written:,} written{filtered}, {counts.dead:,} dead-lettered{again}"
    if batch.state is BatchState.OPEN:
        left = counts.chunks - counts.chunks_done
        return f"unfinished: {left:,} of {counts.chunks:,} chunks are left; run it again, it goes on where it stopped"
    return f"{batch.state.replace('_', ' ')}: {batch.reason}"


def _seconds(batch: Batch, now: datetime) -> float:
    end = datetime.fromisoformat(batch.finished_at) if batch.finished_at else now
    return (end - datetime.fromisoformat(batch.created_at)).total_seconds()


def _chunk_row(chunk: Chunk) -> Json:
    result = chunk.result
    return {
        "index": chunk.index,
        "state": str(chunk.state),
        "items": chunk.items,
        "written": result.written if result else None,
        "filtered": result.filtered if result else None,
        "dead": result.dead if result else None,
        "attempts": chunk.attempts,
        "seconds": chunk.seconds,
        "error": chunk.error,
    }
