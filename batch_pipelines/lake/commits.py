"""Changing what a Delta table holds: one atomic commit that adds and removes parts under a publication number.

Delta itself refuses neither an equal publication number, nor a missing file, nor a stale handle: every commit is on
the very handle on which it was decided, and the caller has checked the parts. What must not live here: deciding.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Schema, Transaction
from deltalake.exceptions import CommitFailedError
from deltalake.transaction import AddAction, RemoveAction

from batch_pipelines.core.model import Json
from batch_pipelines.lake.delta import PARTITION, HeldPart, columns_of
from batch_pipelines.lake.schema_change import added_columns


@dataclass(frozen=True, slots=True)
class PartAction:
    """A part to add.

    Attributes:
        path: From the table's folder.
        rows: Rows in it.
        size: Bytes.
        stats: What Delta keeps about it (see `delta_stats`).
        added_ms: When its rows came into the table, milliseconds since 1970; None: now. Parts are read in that order.
    """

    path: str
    rows: int
    size: int
    stats: Json
    added_ms: int | None = None


def add_columns(table: DeltaTable, schema: pa.Schema) -> bool:
    """Give the table the columns of `schema` that it lacks; older parts have no values there.

    Returns:
        False if another commit came between: look again.
    """
    lacking = Schema.from_arrow(added_columns(columns_of(table), schema))
    try:
        table.alter.add_columns(lacking.fields)
    except CommitFailedError:
        return False
    return True


def commit_parts(
    table: DeltaTable,
    partition: str,
    *,
    add: Sequence[PartAction],
    remove: Sequence[HeldPart],
    numbers: Mapping[str, int],
    note: Json,
    new_rows: bool = True,
) -> bool:
    """Add parts to a partition and remove others, in one commit that carries publication numbers.

    Args:
        table: The very handle on which it was found that this may be committed. Delta refuses the commit if one of
            the parts was removed or one of the numbers written since then, but knows of nothing that a handle had
            not loaded.
        partition: Its key.
        add: Parts that the table does not name.
        remove: Parts that this handle sees.
        numbers: By app id, the number to be kept.
        note: Kept with the commit.
        new_rows: False if the partition has the same rows afterwards, only in other parts.

    Returns:
        False if another commit came between: look again, then decide again.
    """
    now_ms = int(time.time() * 1000)
    actions: list[AddAction | RemoveAction] = [_added(part, partition, now_ms, new_rows=new_rows) for part in add]
    actions += [
        RemoveAction(part.path, new_rows, now_ms, size=part.size, partition_values={PARTITION: partition})
        for part in remove
    ]
    try:
        table.create_write_transaction(
            actions,
            mode="append",
            schema=columns_of(table),
            partition_by=[PARTITION],
            commit_properties=_properties(numbers, note),
        )
    except CommitFailedError:
        return False
    return True


def replace_all(
    table: DeltaTable,
    parts: Mapping[str, Sequence[PartAction]],
    columns: pa.Schema,
    *,
    numbers: Mapping[str, int],
    note: Json,
) -> bool:
    """Put other parts, and other columns, in place of all that the table holds. See `commit_parts`.

    Args:
        table: The handle on which it was decided.
        parts: All parts, by partition.
        columns: All columns.
        numbers: As for `commit_parts`.
        note: As for `commit_parts`.
    """
    now_ms = int(time.time() * 1000)
    actions: list[AddAction | RemoveAction] = [
        _added(part, partition, now_ms, new_rows=False) for partition, some in parts.items() for part in some
    ]
    try:
        table.create_write_transaction(
            actions,
            mode="overwrite",
            schema=columns,
            partition_by=[PARTITION],
            commit_properties=_properties(numbers, note),
        )
    except CommitFailedError:
        return False
    return True


def _added(part: PartAction, partition: str, now_ms: int, *, new_rows: bool) -> AddAction:
    values, stats = {PARTITION: partition}, json.dumps(part.stats)
    return AddAction(part.path, part.size, values, part.added_ms or now_ms, data_change=new_rows, stats=stats)


def _properties(numbers: Mapping[str, int], note: Json) -> CommitProperties:
    return CommitProperties(
        custom_metadata={key: str(value) for key, value in note.items()},
        app_transactions=[Transaction(app, number) for app, number in numbers.items()],
    )


def delta_stats(part: Json) -> Json:
    """What Delta keeps about a part, so that readers can pass over it: rows, and ends and nulls of its columns."""
    ends: dict[str, Json] = {"minValues": {}, "maxValues": {}, "nullCount": {}}
    for column, (low, high, nulls) in (part.get("stats") or {}).items():
        ends["nullCount"][column] = nulls
        if low is not None and high is not None:
            ends["minValues"][column], ends["maxValues"][column] = low, high
    return {"numRecords": part["rows"], **ends}
