"""Compaction: many small parts of a partition become few, of about 64 MB; rows, their order and the number stay.

One commit on the handle on which it was decided, under the table's lease. It carries the partition's publication
number, unchanged, so that Delta refuses it if anything was published to the partition meanwhile; and a number of its
own, so that the janitor, before it sweeps what a dead compaction left behind, can make sure that it stays dead.
"""

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable

from batch_pipelines.core.clock import Clock
from batch_pipelines.core.declaring.quantities import MB
from batch_pipelines.core.errors import IntegrityError, TransientError
from batch_pipelines.core.faults import fault
from batch_pipelines.core.ledger.ledger import Ledger
from batch_pipelines.core.table_lease import table_lease
from batch_pipelines.lake.commits import PartAction, commit_parts, delta_stats
from batch_pipelines.lake.delta import HeldPart, app_id, held_parts, load, parts_by_partition, table_path
from batch_pipelines.lake.parts import ROW_GROUP_ROWS, row_groups, write_part

STEM = "compact-"
TARGET_BYTES = 64 * MB
SMALL = 2  # a part of less than target / SMALL is small
TRIES = 5
_GROUP_BYTES = 64 * MB  # of rows in memory


@dataclass(frozen=True, slots=True)
class Compacted:
    """What compacting a partition came to.

    Attributes:
        partition: Its key.
        before: Parts that were merged.
        after: Parts that they became.
        bytes: Bytes that were written.
    """

    partition: str
    before: int
    after: int
    bytes: int


def compact(
    data: Path,
    ledger: Ledger,
    dataset: str,
    clock: Clock,
    partitions: Sequence[str] | None = None,
    target_bytes: int = TARGET_BYTES,
) -> list[Compacted]:
    """Merge the small parts of these partitions (None: of all); those that there was something to do for.

    Args:
        data: The data folder.
        ledger: Has the table's lease, and knows what the newest batches wrote.
        dataset: Whose table.
        clock: Time.
        partitions: Their keys.
        target_bytes: Size of a part that nothing more is added to.

    Raises:
        TransientError: Somebody else writes to the table just now.
        IntegrityError: A part is damaged; the partition is as it was.
    """
    path = table_path(data, dataset)
    table = load(path)
    wanted = list(parts_by_partition(table)) if table and partitions is None else list(partitions or ())
    with table_lease(ledger, dataset, clock) as heartbeat:
        if heartbeat is None:
            msg = f"the table of {dataset} is being written to just now; compact it later"
            raise TransientError(msg)
        kept = _newest_parts(ledger, dataset)
        done = [_compact(path, each, kept, target_bytes, heartbeat.check) for each in wanted]
    return [each for each in done if each.before]


def compaction_app(dataset: str) -> str:
    """Under which name the table counts its compactions."""
    return f"{dataset}#compaction"


def _newest_parts(ledger: Ledger, dataset: str) -> set[str]:
    """The parts of batches that were added to others: a replay of the newest goes on from them."""
    added = [
        batch for batch in ledger.batches.currents(dataset).values() if batch.plan["declaration"]["write"] != "replace"
    ]
    chunks = [chunk for batch in added for chunk in ledger.chunks.of_batch(batch.id) if chunk.result]
    return {chunk.result.detail["part"]["path"] for chunk in chunks if chunk.result and chunk.result.detail.get("part")}


def _compact(path: Path, partition: str, kept: set[str], target: int, check: Callable[[], None]) -> Compacted:
    for _ in range(TRIES):
        table = load(path)
        parts = held_parts(table, partition) if table else []
        groups = list(mergeable(parts, kept, target))
        if table is None or not groups:
            return Compacted(partition, 0, 0, 0)
        merged = [_merged(path, group) for group in groups]
        gone = [part for group in groups for part in group]
        fault("compact.prepared")
        check()
        if _commit(table, path, partition, merged, gone):
            fault("compact.committed")
            return Compacted(partition, len(gone), len(merged), sum(part.size for part in merged))
        for part in merged:
            (path / part.path).unlink(missing_ok=True)
    msg = f"{path.name}/{partition}: {TRIES} compactions in a row were overtaken by publications; compact it later"
    raise TransientError(msg)


def mergeable(parts: Sequence[HeldPart], kept: set[str], target: int) -> Iterator[list[HeldPart]]:
    """Runs of neighbouring small parts, each of at least two and about `target` bytes; parts of `kept` are not touched.

    Only neighbours: so the order of rows stays.
    """
    run: list[HeldPart] = []
    for part in parts:
        small = part.path not in kept and part.size * SMALL < target
        if run and (not small or sum(each.size for each in run) + part.size > target):
            if len(run) > 1:
                yield run
            run = []
        run += [part] if small else []
    if len(run) > 1:
        yield run


def _merged(path: Path, group: Sequence[HeldPart]) -> PartAction:
    files = [path / part.path for part in group]
    schema = pa.unify_schemas([pq.read_schema(file) for file in files])
    name = f"{STEM}{secrets.token_hex(8)}.parquet"
    part = write_part(_gathered(files, schema), files[0].parent, name)
    fault("compact.part_written")
    if part.rows != sum(each.rows for each in group):
        (files[0].parent / name).unlink()
        msg = f"{path.name}: merged parts have {part.rows:,} rows, not those of their log (please report this)"
        raise IntegrityError(msg)
    stats = delta_stats({"rows": part.rows, "stats": dict(list(part.stats.items())[:32])})
    return PartAction(f"{files[0].parent.name}/{name}", part.rows, part.bytes, stats, added_ms=group[0].added_ms)


def _gathered(files: Sequence[Path], schema: pa.Schema) -> Iterator[pa.Table]:
    """The rows of all files, in their order, in row groups of a useful size; columns that a file lacks are null."""
    waiting: list[pa.Table] = []
    for file in files:
        for group in row_groups(file):
            full = sum(each.num_rows for each in waiting) + group.num_rows > ROW_GROUP_ROWS
            if waiting and (full or sum(each.nbytes for each in waiting) > _GROUP_BYTES):
                yield pa.concat_tables(waiting)
                waiting = []
            waiting.append(_completed(group, schema))
    yield pa.concat_tables(waiting)


def _completed(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    there = set(rows.column_names)
    columns = [rows.column(field.name) if field.name in there else pa.nulls(len(rows), field.type) for field in schema]
    return pa.table(columns, schema=schema)


def _commit(
    table: DeltaTable, path: Path, partition: str, merged: Sequence[PartAction], gone: Sequence[HeldPart]
) -> bool:
    app, own = app_id(path.name, partition), compaction_app(path.name)
    number = table.transaction_version(app)
    numbers = {own: (table.transaction_version(own) or 0) + 1, **({} if number is None else {app: number})}
    note = {"compacted": len(gone), "partition": partition}
    return commit_parts(table, partition, add=merged, remove=gone, numbers=numbers, note=note, new_rows=False)
