"""Dead letters as the items of a chunk: frozen when a replay is planned, read again as records by its workers.

A file holds the letters of one source, in order of their places; those that are to be tried are marked. What must not
live here: which are (selection.py), what becomes of them (working/letters.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from batch_pipelines.core.model import ChunkPlan, Json
from batch_pipelines.lake.parts import read_part
from batch_pipelines.processing.dead_letters.corrections import write_by_hash
from batch_pipelines.processing.rows.arrays import Rows
from batch_pipelines.processing.sources.reading import Format, Places, RawRows
from batch_pipelines.processing.tables import dead_letters

TRIED = "tried"
ENDING = ".letters.parquet"


@dataclass(frozen=True, slots=True)
class Letters:
    """See `Content`: dead letters of one source."""

    table: pa.Table
    format: Format
    source: str

    @property
    def numbers(self) -> Rows:
        """Numbers of the records in their file."""
        return _numbers(self.table, "record")

    def places(self) -> Places:
        """See `Content`."""
        return Places(_numbers(self.table, "line"), _numbers(self.table, "offset"))

    def rows(self, header: Sequence[str]) -> RawRows:
        """See `Content`."""
        return self.format.reread(self._raws(), self.places(), header, source=self.source)

    def raw(self, records: Rows) -> list[bytes]:
        """See `Content`."""
        every = self._raws()
        return [every[record] for record in records.tolist()]

    def _raws(self) -> list[bytes]:
        values: list[bytes] = self.table.column("raw").to_pylist()  # type: ignore[assignment]  # none is null
        return values


def carried(chunk: Json, base: int) -> Json:
    """Return the payload of a chunk that is carried over from batch `base`, as it is done there."""
    return {**chunk, "carried": base}


def is_carried(chunk: Json) -> bool:
    """Whether a chunk's payload is of a chunk that was carried over."""
    return "carried" in chunk


def is_letters(chunk: Json) -> bool:
    """Whether a chunk's payload is of dead letters."""
    return "letters" in chunk


def freeze(letters: pa.Table, data: Path, dataset: str) -> ChunkPlan:
    """Write the letters of a chunk to a file that is named by its content; plan the chunk.

    Args:
        letters: Of one source, in order of place, with a column `tried`.
        data: The data folder.
        dataset: Whose letters.
    """
    sha256, _ = write_by_hash(data / "staging" / dataset, letters, ENDING)
    source = letters.column("source")[0].as_py()
    payload: Json = {"source": source, "letters": sha256, "first": 0, "rows": letters.num_rows}
    return ChunkPlan(letters.num_rows, payload)


def read(chunk: Json, data: Path, dataset: str) -> tuple[pa.Table, pa.Table]:
    """Return the letters of a chunk that are to be tried, and those that are to be passed on.

    Raises:
        IntegrityError: Their file is gone, or damaged.
    """
    everything = read_part(data / "staging" / dataset / f"{chunk['letters']}{ENDING}")
    table = everything.slice(chunk["first"], chunk["rows"])
    tried: Any = table.column(TRIED)
    passed = np.flatnonzero(~tried.to_numpy())
    table = table.select(dead_letters.SCHEMA.names)
    where: Any = pa.array(passed)
    return table.filter(tried), table.take(where)


def split(chunk: Json, items: int) -> tuple[ChunkPlan, ChunkPlan] | None:
    """Bisect a chunk; None if it is one letter."""
    if items <= 1:
        return None
    half = items // 2
    first = ChunkPlan(half, {**chunk, "rows": half})
    return first, ChunkPlan(items - half, {**chunk, "first": chunk["first"] + half, "rows": items - half})


def _numbers(table: pa.Table, column: str) -> Rows:
    return table.column(column).to_numpy().astype(np.int64, copy=False)
