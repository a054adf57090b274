"""What a publication does to its partition, by the dataset's `write`; and which content an appended partition holds.

That a file's content was appended stands in the table itself, as a number under the content's own app id: it is true
for whatever became of the ledger, and goes with the rows when a table is restored or removed.
What must not live here: committing (publish.py), how rows of a key are replaced (upserting.py).
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from deltalake import DeltaTable

from batch_pipelines.core.ledger.chunks import Settled
from batch_pipelines.core.model import Batch, BatchState, Chunk
from batch_pipelines.core.workload import Verdict
from batch_pipelines.lake.commits import PartAction
from batch_pipelines.lake.delta import HeldPart, app_id, held_parts, load, table_path
from batch_pipelines.processing.tables.publish import Change, Difference, replacing

APPENDED = "append"  # key of a plan: which contents it adds, and which the partition is known to hold
_AGAINST = "against"
_DIGITS = 32


def held_contents(data: Path, dataset: str, partition: str, digests: Collection[str]) -> set[str]:
    """Which of these contents (SHA-256) were appended to the partition, and not replaced since."""
    table = load(table_path(data, dataset))
    if table is None:
        return set()
    app = app_id(dataset, partition)
    return {digest for digest in digests if _is_held(table, app, digest)}


def published_now(data: Path, batch: Batch) -> tuple[int, list[HeldPart]]:
    """The publication number that the batch's partition is at (0: none), and the parts that it holds."""
    table = load(table_path(data, batch.pipeline))
    if table is None:
        return 0, []
    number = table.transaction_version(app_id(batch.pipeline, batch.partition)) or 0
    return number, held_parts(table, batch.partition)


def settled_against(number: int, changes: Sequence[Settled]) -> list[Settled]:
    """Note in each change the publication that the batch's keys were compared with: a crash must not forget it."""
    return [
        replace(change, result=replace(change.result, detail={**change.result.detail, _AGAINST: number}))
        for change in changes
    ]


def compared_with(chunks: Sequence[Chunk]) -> int | None:
    """The publication that the keys of these chunks were compared with, if any of them changed by it."""
    details = [chunk.result.detail for chunk in chunks if chunk.result]
    return max((detail[_AGAINST] for detail in details if _AGAINST in detail), default=None)


def replacing_all(batch: Batch) -> Difference:
    """`write: replace`. Contents that were appended before are gone by it."""
    app = app_id(batch.pipeline, batch.partition)

    def difference(table: DeltaTable, held: Sequence[HeldPart], wanted: Sequence[PartAction]) -> Change:
        change = replacing(table, held, wanted)
        if table.transaction_version(_any(app)) is not None:
            change.numbers[_replaced(app)] = batch.publication
        return change

    return difference


def appending(batch: Batch, against: int | None, *, replay: bool = False) -> Difference:
    """`write: append`: the batch's parts come to those that are there.

    Args:
        batch: Its plan names the contents that it adds.
        against: The publication that its keys were compared with, None if it has no key.
        replay: Whether the content was added before, and this is about what was rejected then.
    """
    app = app_id(batch.pipeline, batch.partition)
    contents = batch.plan.get(APPENDED) or {"new": [], "known": []}

    def difference(table: DeltaTable, held: Sequence[HeldPart], wanted: Sequence[PartAction]) -> Change | Verdict:
        there = {part.path for part in held}
        if not replay and any(_is_held(table, app, digest) for digest in contents["new"]):
            return _overtaken("added the same content")
        if against is not None and against != (table.transaction_version(app) or 0):
            return _overtaken("added rows, whose keys were not looked at,")
        marked = {_content(app, digest): batch.publication for digest in (*contents["new"], *contents["known"])}
        return Change(
            add=[part for part in wanted if part.path not in there],
            numbers={**marked, _any(app): batch.publication},
        )

    return difference


def _overtaken(did: str) -> Verdict:
    return Verdict(BatchState.SUPERSEDED, f"another batch {did} while this one was worked on; run again")


def _is_held(table: DeltaTable, app: str, digest: str) -> bool:
    added = table.transaction_version(_content(app, digest))
    return added is not None and added > (table.transaction_version(_replaced(app)) or 0)


def _content(app: str, digest: str) -> str:
    return f"{app}#{digest[:_DIGITS]}"


def _any(app: str) -> str:
    return f"{app}#appended"


def _replaced(app: str) -> str:
    return f"{app}#replaced"
