"""An audience's file, read into a table: CSV, JSON lines or Parquet.

What must not live here: who of it is written to (gather.py).
"""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet as pq

from batch_pipelines.core.errors import InputError

MOST_A_ROW = 64 << 20
_CODE = r"^\s*[+-]?0\d"


def read_audience(path: Path) -> pa.Table:
    """Read an audience's file. Figures of a CSV file become numbers, but not codes such as 007.

    Raises:
        InputError: It cannot be read.
    """
    try:
        if path.suffix == ".parquet":
            return pq.read_table(path)
        if path.suffix == ".csv":
            return _csv(path)
        return pyarrow.json.read_json(path, read_options=pyarrow.json.ReadOptions(block_size=MOST_A_ROW))
    except (OSError, pa.ArrowException) as error:
        why = str(error)
        if "straddl" in why:
            why = f"a row has more than {MOST_A_ROW >> 20} MB, or a quote is never closed"
        raise InputError(path, f"the audience cannot be read: {why}") from error


def _csv(path: Path) -> pa.Table:
    table = _read_csv(path)
    numbers = [field.name for field in table.schema if pa.types.is_integer(field.type)]
    if len(set(table.column_names)) < len(table.column_names) or not numbers:
        return table
    text = _read_csv(path, {name: pa.string() for name in numbers})
    for name in numbers:
        if pc.any(pc.match_substring_regex(text.column(name), _CODE)).as_py():
            table = table.set_column(table.column_names.index(name), name, text.column(name))
    return table


def _read_csv(path: Path, only: dict[str, pa.DataType] | None = None) -> pa.Table:
    return pyarrow.csv.read_csv(
        path,
        read_options=pyarrow.csv.ReadOptions(block_size=MOST_A_ROW),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(include_columns=list(only or ()), column_types=only),
    )
