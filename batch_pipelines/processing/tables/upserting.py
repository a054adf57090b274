"""`write: upsert`: rows of a batch take the place of those of the same key that its partition holds.

Only parts that hold such a row are written anew, without it; all others stay. Which rows those are, DuckDB finds over
the key columns alone, in bounded memory; a part is rewritten one row group at a time, its page checksums verified.
What must not live here: keys that occur twice within a batch (settling/), committing (publish.py).
"""

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
from deltalake import DeltaTable
from numpy.typing import NDArray

from batch_pipelines.core.faults import fault
from batch_pipelines.core.model import Batch
from batch_pipelines.lake.commits import PartAction, delta_stats
from batch_pipelines.lake.delta import HeldPart, table_path
from batch_pipelines.lake.parts import batch_stem, row_groups, write_part
from batch_pipelines.processing.tables.publish import Change

MEMORY = "256MB"  # spills to disk beyond


@dataclass(frozen=True, slots=True)
class Upserting:
    """The difference that an upsert makes.

    Args:
        data: The data folder.
        batch: The batch.
        key: Columns of the key.
    """

    data: Path
    batch: Batch
    key: Sequence[str]
    _known: dict[tuple[str, ...], Change] = field(default_factory=dict, init=False)

    def __call__(self, _table: DeltaTable, held: Sequence[HeldPart], wanted: Sequence[PartAction]) -> Change:
        """See `Difference`. Work is done once for the same parts: another partition may have got in between."""
        paths = tuple(part.path for part in held)
        if paths not in self._known:
            self._known[paths] = self._change(held, wanted)
        return self._known[paths]

    def _change(self, held: Sequence[HeldPart], wanted: Sequence[PartAction]) -> Change:
        there, mine = {part.path for part in held}, {part.path for part in wanted}
        new = [part for part in wanted if part.path not in there]
        others = {part.path: part for part in held if part.path not in mine}
        if not new or not others:
            return Change(add=new, note={"replaced_rows": 0})
        add, remove, replaced = list(new), list[HeldPart](), 0
        for path, rows in self._replaced_rows(list(others), [part.path for part in new]):
            remove.append(others[path])
            replaced += len(rows)
            if len(rows) < others[path].rows:
                add.append(self._without(others[path], rows))
            fault("upsert.part_written")
        return Change(add=add, remove=remove, note={"replaced_rows": replaced})

    def _replaced_rows(self, others: list[str], new: list[str]) -> Iterator[tuple[str, NDArray[np.int64]]]:
        """The parts that hold rows whose key is in the new parts, with the positions of these rows."""
        folder, scratch = table_path(self.data, self.batch.pipeline), self.data / "tmp"
        scratch.mkdir(parents=True, exist_ok=True)
        by_file = {str(folder / path): path for path in others}
        with duckdb.connect(config={"memory_limit": MEMORY, "threads": 2, "temp_directory": str(scratch)}) as database:
            database.execute(_found(self.key), [[str(folder / path) for path in new], list(by_file)])
            touched = database.execute("SELECT DISTINCT __part FROM __found ORDER BY ALL").fetchall()
            for (file,) in touched:
                rows = database.execute("SELECT __row FROM __found WHERE __part = ? ORDER BY __row", [file])
                yield by_file[file], np.asarray(rows.fetchnumpy()["__row"], np.int64)

    def _without(self, part: HeldPart, rows: NDArray[np.int64]) -> PartAction:
        folder = table_path(self.data, self.batch.pipeline)
        name = f"{batch_stem(self.batch.key, self.batch.generation)}u-{secrets.token_hex(6)}.parquet"
        written = write_part(_rest(folder / part.path, rows), (folder / part.path).parent, name)
        kept = {"rows": written.rows, "stats": written.stats}
        path = f"{self.batch.partition}/{written.name}"
        return PartAction(path, written.rows, written.bytes, delta_stats(kept), added_ms=part.added_ms)


def _found(key: Sequence[str]) -> str:
    """Make `__found`: file and position of every row of the second files whose key is in the first. All may lack it."""
    columns = ", ".join('"' + name.replace('"', '""') + '"' for name in key)
    return f"""
        CREATE TEMP TABLE __found AS
        SELECT __part, file_row_number AS __row
        FROM (
            SELECT {columns}, NULL::VARCHAR AS __part, NULL::BIGINT AS file_row_number FROM read_parquet($1) WHERE false
            UNION ALL BY NAME
            SELECT * FROM read_parquet($2, filename = '__part', file_row_number = true,
                                       hive_partitioning = false, union_by_name = true)
        )
        SEMI JOIN (SELECT {columns} FROM read_parquet($1)) USING ({columns})
    """  # noqa: S608  names are quoted, values bound


def _rest(file: Path, rows: NDArray[np.int64]) -> Iterator[pa.Table]:
    """The part without these rows, a row group at a time; at least one row is left."""
    first = 0
    for group in row_groups(file):
        keep = np.ones(group.num_rows, np.bool_)
        keep[rows[np.searchsorted(rows, first) : np.searchsorted(rows, first + group.num_rows)] - first] = False
        first += group.num_rows
        if keep.any():
            yield group.filter(pa.array(keep))
