"""Which rows lose their keys to which others: found by DuckDB over the key columns of parts, on disk if there are many.

If only few rows can have a key of another part's, it is shown these alone (few_contested.py).

What must not live here: what becomes of the losers (settle.py).
"""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from batch_pipelines.processing.rows.duplicates import first_is, in_table
from batch_pipelines.processing.settling.contested import Range
from batch_pipelines.processing.settling.few_contested import few_contested

MEMORY = "256MB"  # spills to disk beyond; the workers have their own


@dataclass(frozen=True, slots=True)
class Loser:
    """A row whose key another one had first; or another one that is in the table already and stays there."""

    offset: int
    line: int
    key: str
    winner: str
    stays: bool

    @property
    def message(self) -> str:
        """What is said of it."""
        return in_table(self.winner) if self.stays else first_is(self.winner)


@dataclass(frozen=True, slots=True)
class Contest:
    """Who lost against whom, on disk if there are many."""

    database: duckdb.DuckDBPyConnection
    folder: Path

    def touched(self) -> list[str]:
        """The parts that hold losers."""
        rows = self.database.execute("SELECT DISTINCT __part FROM __losers ORDER BY ALL").fetchall()
        return [str(Path(file).relative_to(self.folder)) for (file,) in rows]

    def losers(self, path: str) -> list[Loser]:
        """The losers of one part, in its order."""
        query = "SELECT _offset, _line, __shown, __winner, __stays FROM __losers WHERE __part = ? ORDER BY _offset"
        rows = self.database.execute(query, [str(self.folder / path)]).fetchall()
        return [
            Loser(offset, line, str(shown), str(winner), bool(stays)) for offset, line, shown, winner, stays in rows
        ]


@contextmanager
def contest_of(
    folder: Path,
    own: list[str],
    others: list[str],
    key: list[str],
    data: Path,
    ranges: Sequence[Range] | None = None,
) -> Iterator[Contest]:
    """The rows of `own` that are not the first of their key: `others` come first, the rest by source and place.

    Rows with a null in the key are never duplicates.

    Args:
        folder: What paths of parts are relative to.
        own: The parts whose rows may lose.
        others: Parts whose rows stay.
        key: The columns of the key.
        data: The data folder.
        ranges: Of the first of them, if they are known: no key outside is in two rows.
    """
    scratch = data / "tmp"
    scratch.mkdir(parents=True, exist_ok=True)
    few = few_contested(folder, own, key, ranges) if ranges is not None and not others else None
    files = {"own": [str(folder / path) for path in own]}
    if others:
        files["others"] = [str(folder / path) for path in others]
    with duckdb.connect(config={"memory_limit": MEMORY, "threads": 2, "temp_directory": str(scratch)}) as database:
        database.execute("SET TimeZone = 'UTC'")
        if few is None:
            own_rows = "read_parquet($own, filename = '__part', hive_partitioning = false)"
            database.execute(_query(key, own_rows, others=bool(others)), files)
        else:
            _contest_of_few(database, few, key, scratch)
        yield Contest(database, folder)


def _contest_of_few(database: duckdb.DuckDBPyConnection, few: pa.Table, key: list[str], scratch: Path) -> None:
    """From a file: DuckDB imports pandas when it is shown an Arrow table."""
    with tempfile.NamedTemporaryFile(dir=scratch, suffix=".parquet") as file:
        pq.write_table(few, file)
        file.flush()
        database.execute(_query(key, "read_parquet($own)", others=False), {"own": file.name})


def _query(key: list[str], own_rows: str, *, others: bool) -> str:
    columns = ", ".join(map(_quoted, key))
    return f"""
        CREATE TEMP TABLE __losers AS
        WITH __own AS NOT MATERIALIZED (
            SELECT {columns}, _source, _line, _offset, __part, false AS __kept
            FROM {own_rows}
            WHERE {" AND ".join(f"{_quoted(name)} IS NOT NULL" for name in key)}
        ),
        __all AS NOT MATERIALIZED ({_ALL_KEPT.format(columns=columns) if others else "FROM __own"}),
        __twice AS (SELECT {columns} FROM __all GROUP BY ALL HAVING count(*) > 1),
        __ranked AS (
            SELECT __part, __kept, _line, _offset, concat_ws(', ', {columns}) AS __shown,
                first(_source || ':' || _line) OVER __same AS __winner, first(__kept) OVER __same AS __stays,
                row_number() OVER __same AS __place
            FROM __all SEMI JOIN __twice USING ({columns})
            WINDOW __same AS (PARTITION BY {columns} ORDER BY __kept DESC, _source, _offset)
        )
        SELECT __part, _offset, _line, __shown, __winner, __stays FROM __ranked WHERE __place > 1 AND NOT __kept
    """  # noqa: S608  names are quoted, values bound


_ALL_KEPT = """
            FROM __own UNION ALL BY NAME
            SELECT {columns}, _source, _line, _offset, __part, true AS __kept
            FROM read_parquet($others, filename = '__part', hive_partitioning = false, union_by_name = true)
            SEMI JOIN __own USING ({columns})"""


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
