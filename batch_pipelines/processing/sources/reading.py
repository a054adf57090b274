"""What every file format gives: a plan, the rows of a chunk with their places, and what cannot be a row.

Lives here: the values, and the protocols that formats keep.
Lives elsewhere: the formats (formats/), what the cells mean (rows/).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from batch_pipelines.core.model import ChunkPlan, Json
from batch_pipelines.processing.sources.files import SourceFile

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class SourcePlan:
    """One file, planned.

    Attributes:
        columns: Names of its columns, in file order; none if the file is empty, None if each record names its own.
        chunks: Its chunks, in order.
        items: Records in them; a header is none.
        blank_lines: Empty lines, which stand for no record.
        sha256: Of the file as it lies.
        staged: The file that holds what is read, if that is another one.
    """

    columns: list[str] | None
    chunks: list[ChunkPlan]
    items: int
    blank_lines: int
    sha256: str
    staged: str | None = None


@dataclass(frozen=True, slots=True)
class PlanFor:
    """What a plan is made for.

    Attributes:
        chunk_bytes: A chunk has no more, unless its only record does.
        staging_dir: Where a file goes that cannot be read in pieces as it lies.
        home: Paths below it are written to the payloads relative to it.
    """

    chunk_bytes: int
    staging_dir: Path
    home: Path


@dataclass(frozen=True, slots=True)
class StructuralReject:
    """A record that cannot be a row.

    Attributes:
        record: Which of the chunk's records, from 0.
        rule: `columns` (too few, too many, not declared), `quote`, `nul`, `cell` (too large), `json`, `formula`.
        message: What is wrong.
    """

    record: int
    rule: str
    message: str


@dataclass(frozen=True, slots=True)
class RawRows:
    """A chunk, split into cells.

    Attributes:
        table: Columns as the file has them: binary (text as it is written; null where the cell is empty or in
            `nulls`), or of the declared type already.
        record: For each row, which of the chunk's records it is, from 0, rising.
        line: For each record of the chunk, its first line in the file (row of a table file), from 1.
        offset: For each record, its first byte in the plain bytes (its number from 0 where there are none).
        structural: The records that have no row.
    """

    table: pa.Table
    record: Ints
    line: Ints
    offset: Ints
    structural: list[StructuralReject]


@dataclass(frozen=True, slots=True)
class Places:
    """Where each record of a chunk lies; `line` and `offset` as in `RawRows`."""

    line: Ints
    offset: Ints


class Content(Protocol):
    """One chunk, read, and proven to be what was planned."""

    def places(self) -> Places:
        """Where its records lie."""
        ...

    def rows(self, header: Sequence[str]) -> RawRows:
        """Its rows.

        Args:
            header: The file's columns, as the plan has them.

        Raises:
            IntegrityError: Rows and structural rejects are not exactly the chunk's records.
            InputError: It is damaged.
        """
        ...

    def raw(self, records: Ints) -> list[bytes]:
        """The content of these records, by position in the chunk: what a dead letter keeps, and `reread` reads."""
        ...


class Format(Protocol):
    """One kind of file, written in one way."""

    def plan(self, file: SourceFile, wanted: PlanFor) -> SourcePlan:
        """Plan one file: columns, chunks with exact item counts, SHA-256. Same bytes, same plan.

        Raises:
            InputError: It cannot be read as declared.
        """
        ...

    def looks(self, file: SourceFile, wanted: PlanFor) -> dict[str, str]:
        """Guess the columns' types from the beginning of a file; nothing if it is empty.

        Raises:
            InputError: It cannot be read as declared.
        """
        ...

    def load(self, payload: Json, home: Path) -> Content:
        """Read a chunk.

        Raises:
            SourceChanged: It is not what was planned.
        """
        ...

    def split(self, payload: Json, items: int, home: Path) -> tuple[ChunkPlan, ChunkPlan] | None:
        """Bisect a chunk between records; None if it is one record.

        Raises:
            SourceChanged: It is not what was planned.
        """
        ...

    def reread(self, raws: Sequence[bytes], places: Places, header: Sequence[str], *, source: str) -> RawRows:
        """Read records again from what dead letters kept of them.

        Args:
            raws: What `Content.raw` gave, corrected or not; one record each.
            places: Where they were found.
            header: The columns of the file that they are from.
            source: What messages call that.
        """
        ...
