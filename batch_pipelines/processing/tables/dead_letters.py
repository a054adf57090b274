"""Dead letters as Parquet: where each record lies, its raw bytes, and every reason against it.

What must not live here: what makes a record a dead letter (rows/), replaying it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

REASON: pa.StructType = pa.struct(
    [
        ("rule", pa.string()),
        ("column", pa.string()),
        ("value", pa.string()),
        ("message", pa.string()),
    ]
)
CORRECTED: "pa.ListType[Any]" = pa.list_(pa.struct([("column", pa.string()), ("value", pa.string())]))
_FIELDS: "list[pa.Field[Any]]" = [
    pa.field("source", pa.string()),  # file, relative to home
    pa.field("record", pa.int64()),  # from 1, the header not counted
    pa.field("line", pa.int64()),  # physical line, from 1
    pa.field("offset", pa.int64()),  # in the plain bytes
    pa.field("raw", pa.binary()),  # the record as it lies there, without its line end
    pa.field("reasons", pa.list_(REASON)),
    pa.field("corrected", CORRECTED),  # what the reasons are against, where it is not what lies there
]
SCHEMA = pa.schema(_FIELDS)


def build(
    source: str,
    *,
    record: NDArray[np.int64] | list[int] | list[None],
    line: NDArray[np.int64],
    offset: NDArray[np.int64],
    raw: list[bytes] | list[None],
    reasons: Any,
    corrected: Sequence[Mapping[str, str | None] | None] | None = None,
) -> pa.Table:
    """Build the table of one chunk's dead letters.

    Args:
        source: File, relative to home.
        record: Number of each record, None where it can't be told any more.
        line: Its physical line.
        offset: Its offset in bytes.
        raw: Its bytes, None where the source is gone.
        reasons: An Arrow array of lists of `REASON`, or lists of mappings.
        corrected: For each, texts by column that a correction put there before it was checked; None for none.
    """
    lists = reasons if isinstance(reasons, pa.Array) else pa.array(reasons, SCHEMA.field("reasons").type)
    columns = [
        pa.repeat(source, len(raw)),
        pa.array(record, pa.int64()),
        pa.array(line, pa.int64()),
        pa.array(offset, pa.int64()),
        pa.array(raw, pa.binary()),
        lists,
        _corrected(corrected or [None] * len(raw)),
    ]
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def _corrected(values: Sequence[Mapping[str, str | None] | None]) -> "pa.Array[Any]":
    lists = [each and [{"column": column, "value": value} for column, value in each.items()] for each in values]
    return pa.array(lists, CORRECTED)


def reworded(table: pa.Table, messages: Mapping[str, str]) -> pa.Table:
    """Replace the messages of reasons: each that is a key of `messages` by its value."""
    lists: Any = table.column("reasons").combine_chunks()
    kinds = [REASON.field(i) for i in range(REASON.num_fields)]
    fields = [lists.values.field(i) for i in range(len(kinds))]  # the last is the message
    places = pc.index_in(fields[-1], value_set=pa.array(list(messages), pa.string()))
    fields[-1] = pc.coalesce(pa.array(list(messages.values()), pa.string()).take(places), fields[-1])
    values = pa.StructArray.from_arrays(fields, fields=kinds)
    place = table.schema.get_field_index("reasons")
    return table.set_column(place, table.schema.field(place), pa.ListArray.from_arrays(lists.offsets, values))


def summarise(table: pa.Table) -> Mapping[str, int]:
    """Count the reasons by `rule: column` (`rule` alone where no single column is at fault), most first."""
    reasons: Any = pc.list_flatten(table.column("reasons").combine_chunks())
    pairs = pa.table({"rule": reasons.field("rule"), "column": reasons.field("column")})
    counted = pairs.group_by(["rule", "column"], use_threads=False).aggregate([([], "count_all")])
    rows = sorted(counted.to_pylist(), key=lambda row: -row["count_all"])
    return {
        row["rule"] if row["column"] is None else f"{row['rule']}: {row['column']}": row["count_all"] for row in rows
    }
