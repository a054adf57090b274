"""The Delta table of a dataset: where it is, what it holds, one atomic commit that replaces one partition.

Delta itself refuses neither an equal publication number, nor a missing file, nor a stale handle: every question
and every commit here is on a freshly loaded handle, and publish.py checks the parts before.
"""

import json
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Transaction
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from deltalake.transaction import AddAction

from batch_pipelines.core.errors import ConfigError, IntegrityError
from batch_pipelines.core.model import Json

PARTITION = "_partition"

__all__ = [
    "PARTITION",
    "CommitFailedError",
    "PartAction",
    "app_id",
    "delta_stats",
    "files_at",
    "load",
    "table_path",
    "version",
]


@dataclass(frozen=True, slots=True)
class PartAction:
    """A part to add: `path` from the table's folder, and what Delta keeps about it."""

    path: str
    rows: int
    size: int
    stats: Json


def table_path(data: Path, dataset: str) -> Path:
    """Folder of the dataset's table."""
    return data / "datasets" / dataset


def app_id(dataset: str, partition: str) -> str:
    """Under which name publication numbers of this partition are kept in the table."""
    return f"{dataset}/{partition}"


def load(path: Path) -> DeltaTable | None:
    """A fresh handle on the table, or None if there is no table yet.

    Raises:
        IntegrityError: Its log is damaged.
    """
    if not (path / "_delta_log").is_dir():
        return None
    try:
        return DeltaTable(path)
    except TableNotFoundError:
        return None
    except DeltaError as error:
        why = str(error).partition("\n")[0]
        cure = f"bring data/datasets/{path.name} back from a backup, or move it away and process all partitions again"
        raise IntegrityError(f"the log of table {path.name!r} cannot be read ({why}); {cure}") from error


def version(path: Path) -> int | None:
    """The table's version, None if nothing was ever published: version 0 is a table that was only just made."""
    table = load(path)
    return (table.version() or None) if table else None


def published_number(path: Path, app: str) -> int | None:
    """The publication number that the table holds for `app`; None if it has never been published."""
    table = load(path)
    return None if table is None else table.transaction_version(app)


def files_at(path: Path, at: int) -> list[str]:
    """Paths (from the table's folder) of the parts of one version of the table.

    Raises:
        IntegrityError: There is no such version any more: the table was moved away, or made anew.
    """
    try:
        table = DeltaTable(path, version=at)
    except (DeltaError, TableNotFoundError) as error:
        why = str(error).partition("\n")[0]
        msg = f"table {path.name!r} has no version {at} any more ({why}); process with force"
        raise IntegrityError(msg) from error
    return [str(name) for name in table.get_add_actions(flatten=True)["path"].to_pylist()]


def files_by_partition(path: Path, partition: str) -> list[str]:
    """Paths of the parts that the partition holds now."""
    table = load(path)
    if table is None:
        return []
    actions = table.get_add_actions(flatten=True)
    columns = zip(actions["path"].to_pylist(), actions[f"partition.{PARTITION}"].to_pylist(), strict=True)
    return [str(name) for name, value in columns if value == partition]


def schema_of(path: Path) -> pa.Schema | None:
    """The table's columns (the partition column among them), None without a table."""
    table = load(path)
    return None if table is None else columns_of(table)


def columns_of(table: DeltaTable) -> pa.Schema:
    """The columns that this handle sees."""
    return pa.schema(table.schema().to_arrow())  # type: ignore[arg-type]  # it exports Arrow


def widened(existing: pa.Schema | None, wanted: pa.Schema, dataset: str) -> pa.Schema:
    """The schema after publishing parts of schema `wanted`: columns are added, never changed or dropped.

    Raises:
        ConfigError: A column would change its type.
    """
    if existing is None:
        return pa.schema([*wanted, pa.field(PARTITION, pa.string())])
    for field in wanted:
        position = existing.get_field_index(field.name)
        if position >= 0 and not _same_type(existing.field(position).type, field.type):
            before = existing.field(position).type
            msg = (
                f"column {field.name!r} of table {dataset!r} is {before}, the declaration makes it {field.type}; "
                f"give the column another name, or move data/datasets/{dataset} away and process all partitions again"
            )
            raise ConfigError(msg)
    added = [field for field in wanted if existing.get_field_index(field.name) < 0]
    kept = [field for field in existing if field.name != PARTITION]
    return pa.schema([*kept, *added, pa.field(PARTITION, pa.string())])


def create(path: Path, schema: pa.Schema) -> None:
    """Make the table, without rows, unless another was faster. Two that add rows as they create would both win."""
    settings = {"delta.checkpointInterval": "10"}  # every publication opens the table anew: its log must stay short
    with suppress(CommitFailedError):  # another was faster
        DeltaTable.create(path, schema=schema, partition_by=[PARTITION], mode="ignore", configuration=settings)


def replace_partition(
    table: DeltaTable,
    partition: str,
    parts: Sequence[PartAction],
    schema: pa.Schema,
    *,
    app: str,
    number: int,
    note: Json,
) -> bool:
    """Make exactly `parts` the content of the partition, in one commit that carries the publication number.

    Args:
        table: The very handle on which it was found that `number` may be published. Delta refuses the commit if the
            partition or its number was written to since then, but knows of nothing that a handle had not loaded.
        partition: Its key.
        parts: Its whole content.
        schema: All columns of the table afterwards.
        app: Name of the partition's publication numbers.
        number: The publication number.
        note: Kept with the commit.

    Returns:
        False if another commit came between: look again, then decide again.
    """
    now_ms = int(time.time() * 1000)
    actions = [
        AddAction(
            part.path,
            part.size,
            {PARTITION: partition},
            now_ms,
            data_change=True,
            stats=json.dumps(part.stats),
        )
        for part in parts
    ]
    properties = CommitProperties(
        custom_metadata={key: str(value) for key, value in note.items()},
        app_transactions=[Transaction(app, number)],
    )
    try:
        table.create_write_transaction(
            actions,  # type: ignore[arg-type]  # the list is of one of the two kinds it takes
            mode="overwrite",
            schema=schema,
            partition_by=[PARTITION],
            partition_filters=[(PARTITION, "=", partition)],
            commit_properties=properties,
        )
    except CommitFailedError:
        return False
    return True


def delta_stats(part: Json) -> Json:
    """What Delta keeps about a part, so that readers can pass over it: rows, and ends and nulls of its columns."""
    ends: dict[str, Json] = {"minValues": {}, "maxValues": {}, "nullCount": {}}
    for column, (low, high, nulls) in (part.get("stats") or {}).items():
        ends["nullCount"][column] = nulls
        if low is not None and high is not None:
            ends["minValues"][column], ends["maxValues"][column] = low, high
    return {"numRecords": part["rows"], **ends}


def _same_type(a: pa.DataType, b: pa.DataType) -> bool:
    """Whether two types are one to Delta (which has one string, and one binary)."""
    strings = (pa.string(), pa.large_string(), pa.string_view())
    return bool(a.equals(b)) or (a in strings and b in strings)
