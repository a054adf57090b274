"""Giving columns of a table a wider type: every part is written anew, in one commit, with the new columns.

Delta changes no type of what is written. Publication numbers stay; older versions keep their parts and their types.
What must not live here: which changes are exact (schema_change.py), when it is done (processing/tables/publish.py).
"""

import secrets
from pathlib import Path

import pyarrow as pa
from deltalake import DeltaTable

from batch_pipelines.core.errors import ConfigError
from batch_pipelines.core.faults import fault
from batch_pipelines.lake.commits import PartAction, delta_stats, replace_all
from batch_pipelines.lake.delta import HeldPart, app_id, columns_of, parts_by_partition
from batch_pipelines.lake.parts import row_groups, write_part
from batch_pipelines.lake.schema_change import said, widened_columns


def widen(path: Path, table: DeltaTable, columns: pa.Schema, stem: str) -> bool:
    """Write all parts of the table with `columns`; the rows are the same.

    Args:
        path: The table's folder.
        table: The handle on which it was decided.
        columns: All columns of the table afterwards.
        stem: How the names of the new parts begin.

    Returns:
        False if another commit came between: look again.

    Raises:
        ConfigError: A value would not stay what it is.
        IntegrityError: A part is damaged.
    """
    wider = widened_columns(columns_of(table), columns)
    held = parts_by_partition(table)
    parts = {each: [_written(path, part, wider, stem) for part in some] for each, some in held.items()}
    apps = [app_id(path.name, partition) for partition in parts]
    numbers = {app: number for app in apps if (number := table.transaction_version(app)) is not None}
    fault("widen.prepared")
    return replace_all(table, parts, columns, numbers=numbers, note={"widened": ", ".join(wider.names)})


def _written(path: Path, part: HeldPart, wider: pa.Schema, stem: str) -> PartAction:
    file = path / part.path
    name = f"{stem}w-{secrets.token_hex(6)}.parquet"
    written = write_part((_cast(group, wider, path.name) for group in row_groups(file)), file.parent, name)
    stats = delta_stats({"rows": written.rows, "stats": written.stats})
    return PartAction(f"{file.parent.name}/{name}", written.rows, written.bytes, stats, added_ms=part.added_ms)


def _cast(rows: pa.Table, wider: pa.Schema, dataset: str) -> pa.Table:
    for field in wider:
        place = rows.schema.get_field_index(field.name)
        if place < 0:
            continue
        try:
            column = rows.column(place).cast(field.type, safe=True)
        except pa.ArrowInvalid as error:
            before = said(rows.schema.field(place).type)
            msg = (
                f"column {field.name!r} of table {dataset!r} cannot be widened from {before} to {said(field.type)}: "
                f"{error}; declare a type that holds all its values, for example decimal(38,6)"
            )
            raise ConfigError(msg) from error
        rows = rows.set_column(place, field, column)
    return rows
