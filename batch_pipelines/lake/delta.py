"""The Delta table of a dataset: where it is, what it holds, what columns it has.

Every question is answered by a freshly loaded handle. What must not live here: changing what it holds (commits.py).
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from batch_pipelines.core.errors import ConfigError, IntegrityError

PARTITION = "_partition"


@dataclass(frozen=True, slots=True)
class HeldPart:
    """A part that a version of the table names.

    Attributes:
        path: From the table's folder.
        rows: Rows in it.
        size: Bytes.
        added_ms: When it came into the table, milliseconds since 1970.
    """

    path: str
    rows: int
    size: int
    added_ms: int


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


def load_at(path: Path, at: int | datetime) -> DeltaTable | None:
    """A handle on the table as it was: of that version, or of the one that was the newest at that time.

    Raises:
        ConfigError: There is no such version, or its parts have been swept.
    """
    table = load(path)
    if table is None:
        return None
    try:
        table.load_as_version(at)
    except DeltaError as error:
        newest = DeltaTable(path).version()
        raise ConfigError(f"table {path.name!r} has no version {at}; the newest is {newest}") from error
    for parts in parts_by_partition(table).values():
        if gone := next((part for part in parts if not (path / part.path).exists()), None):
            msg = (
                f"version {table.version()} of table {path.name!r} is not kept any more ({gone.path} is gone): the "
                "newest ten are, and those that were current within the dataset's `time_travel`"
            )
            raise ConfigError(msg)
    return table


def check_parts(path: Path, table: DeltaTable) -> None:
    """Check that every part that this handle sees is there, and of its size; not what is in it.

    Raises:
        IntegrityError: One is not; the message names the first.
    """
    for partition, parts in parts_by_partition(table).items():
        for part in parts:
            try:
                size = (path / part.path).stat().st_size
            except FileNotFoundError:
                raise damaged(path.name, f"part {part.path} is missing", partition) from None
            if size != part.size:
                raise damaged(path.name, f"part {part.path} has {size:,} bytes, not {part.size:,}", partition)


def trouble_of(path: Path) -> str | None:
    """What is wrong with the table's log or its parts; None if nothing is, or there is no table."""
    try:
        table = load(path)
        if table is not None:
            check_parts(path, table)
    except IntegrityError as error:
        return str(error)
    return None


def damaged(name: str, why: str, partition: str | None = None) -> IntegrityError:
    """Return what is said of a table whose parts are not as they were published."""
    again = f"partition {partition!r}" if partition else "its partitions"
    return IntegrityError(
        f"table {name!r} is damaged: {why}; bring the part back from a backup, or process {again} again with force"
    )


def version(path: Path) -> int | None:
    """The table's version, None if nothing was ever published: version 0 is a table that was only just made."""
    table = load(path)
    return (table.version() or None) if table else None


def published_number(path: Path, app: str) -> int | None:
    """The publication number that the table holds for `app`; None if it has never been published."""
    table = load(path)
    return (table.transaction_version(app) or None) if table else None


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
    """Paths of the parts that the partition holds now, in the order of its rows."""
    table = load(path)
    return [] if table is None else [part.path for part in held_parts(table, partition)]


def held_parts(table: DeltaTable, partition: str) -> list[HeldPart]:
    """The parts of the partition that this handle sees, in the order of its rows: as they came, then by name."""
    return parts_by_partition(table).get(partition, [])


def parts_by_partition(table: DeltaTable) -> dict[str, list[HeldPart]]:
    """All parts that this handle sees, in order, by partition, in order."""
    actions = table.get_add_actions(flatten=True)
    names = (f"partition.{PARTITION}", "modification_time", "path", "num_records", "size_bytes")
    found: dict[str, list[HeldPart]] = {}
    for partition, at, path, rows, size in sorted(zip(*(actions[name].to_pylist() for name in names), strict=True)):
        found.setdefault(str(partition), []).append(HeldPart(str(path), int(rows), int(size), int(at)))
    return found


def schema_of(path: Path) -> pa.Schema | None:
    """The table's columns (the partition column among them), None without a table."""
    table = load(path)
    return None if table is None else columns_of(table)


def columns_of(table: DeltaTable) -> pa.Schema:
    """The columns that this handle sees."""
    return pa.schema(table.schema().to_arrow())  # type: ignore[arg-type]  # it exports Arrow


def create(path: Path, schema: pa.Schema) -> None:
    """Make the table, without rows, unless another was faster. Two that add rows as they create would both win."""
    settings = {"delta.checkpointInterval": "10"}  # every publication opens the table anew: its log must stay short
    with suppress(CommitFailedError):  # another was faster
        DeltaTable.create(path, schema=schema, partition_by=[PARTITION], mode="ignore", configuration=settings)
