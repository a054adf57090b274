"""Parquet: a record is a row, its place the row's number; its content is the row as JSON.

What must not live here: opening files (parquet_file.py), cutting (parquet_plan.py), what values become
(typed_cells.py).
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa

from batch_pipelines.core.errors import InputError, SourceChanged
from batch_pipelines.core.model import ChunkPlan, Json
from batch_pipelines.processing.declaration.columns import Column
from batch_pipelines.processing.declaration.model import DatasetDeclaration
from batch_pipelines.processing.sources.caps import Caps
from batch_pipelines.processing.sources.files import SourceFile
from batch_pipelines.processing.sources.json_lines import reread_json
from batch_pipelines.processing.sources.json_records import Wanted
from batch_pipelines.processing.sources.parquet_file import (
    batches,
    crc32_of,
    opened,
    plain_bytes,
    texts_in_dictionaries,
)
from batch_pipelines.processing.sources.parquet_plan import plan_parquet, slice_of
from batch_pipelines.processing.sources.reading import Ints, Places, PlanFor, RawRows, SourcePlan
from batch_pipelines.processing.sources.typed_cells import cells_of, json_cells, null_texts


@dataclass(frozen=True, slots=True)
class ParquetFormat:
    """See `Format`.

    Attributes:
        columns: The declared columns, none where they are inferred.
        nulls: Texts that mean null, besides null itself.
        caps: What a file may cost.
    """

    columns: Mapping[str, Column]
    nulls: frozenset[str]
    caps: Caps = field(default_factory=Caps)

    @classmethod
    def of(cls, declaration: DatasetDeclaration) -> Self:
        """The Parquet files of a dataset."""
        return cls(declaration.columns or {}, frozenset(declaration.nulls))

    def plan(self, file: SourceFile, wanted: PlanFor) -> SourcePlan:
        """See `Format`."""
        return plan_parquet(file.path, file.name, wanted, self.columns, self.caps)

    def looks(self, file: SourceFile, wanted: PlanFor) -> dict[str, str]:
        """See `Format`: the types are those that are stored."""
        del wanted
        with opened(file.path, file.name, self.caps) as parquet:
            return {each.name: _looks(each.type) for each in parquet.schema_arrow}

    def load(self, payload: Json, home: Path) -> "ParquetContent":
        """See `Format`."""
        content = ParquetContent(self, payload, home / payload["path"])
        content.verify()
        return content

    def split(self, payload: Json, items: int, home: Path) -> tuple[ChunkPlan, ChunkPlan] | None:
        """See `Format`."""
        if items <= 1:
            return None
        self.load(payload, home)
        first, last = (payload[end] - payload["groups_start"] for end in ("start", "end"))
        middle = (first + last) // 2
        return slice_of(payload, first, middle), slice_of(payload, middle, last)

    def reread(self, raws: Sequence[bytes], places: Places, header: Sequence[str], *, source: str) -> RawRows:
        """See `Format`: they are JSON."""
        del source
        names = tuple(name for name in header if name in self.columns)
        return reread_json(raws, Wanted(names, False, self.nulls, self.caps.cell), places)  # noqa: FBT003


@dataclass(frozen=True, slots=True)
class ParquetContent:
    """See `Content`: rows of a file that is read anew each time; a changed one is noticed."""

    format: ParquetFormat
    payload: Json
    path: Path

    def verify(self) -> None:
        """Prove that the bytes are the planned ones.

        Raises:
            SourceChanged: They are not.
        """
        payload = self.payload
        footer, checksum = payload["footer"]
        try:
            with self.path.open("rb") as file:
                found = crc32_of(file, footer, self.path.stat().st_size), crc32_of(file, *payload["bytes"])
        except OSError as error:
            message = f"cannot be read any more ({error.strerror}): put it back or run again"
            raise SourceChanged(payload["source"], message) from None
        if found != (checksum, payload["crc32"]):
            message = "changed after it was planned: run again, and replace files by renaming, not by writing into them"
            raise SourceChanged(payload["source"], message)

    def places(self) -> Places:
        """See `Content`."""
        offset = np.arange(self.payload["start"], self.payload["end"], dtype=np.int64)
        return Places(offset + 1, offset)

    def rows(self, header: Sequence[str]) -> RawRows:
        """See `Content`: the declared columns alone are read."""
        names = [name for name in header if name in self.format.columns]
        pieces: dict[str, list[Any]] = {name: [] for name in names}
        size = 0
        for batch in self._batches(names):
            size += plain_bytes(batch)
            self._refuse_bomb(size)
            for name in names:
                pieces[name].append(batch.column(name))
        places = self.places()
        table = pa.table({name: self._cells(pieces[name], name) for name in names})
        if table.num_rows != len(places.line):
            counts = f"{table.num_rows:,} rows of {len(places.line):,}"
            raise InputError(self.payload["source"], f"its footer is wrong ({counts}): fetch or write the file again")
        return RawRows(table, np.arange(len(places.line)), places.line, places.offset, [])

    def column(self, name: str) -> Any:
        """One column of its rows, as it is stored."""
        return pa.chunked_array([batch.column(name) for batch in self._batches([name])])

    def raw(self, records: Ints, *, without: Collection[str] = ()) -> list[bytes]:
        """See `Content`. Columns in `without` are none of the record's."""
        found: list[bytes] = []
        at, size = 0, 0
        for batch in self._batches(None):
            wanted = records[(records >= at) & (records < at + batch.num_rows)] - at
            at += batch.num_rows
            if len(wanted):
                chosen = batch.take(wanted)
                size += plain_bytes(chosen)
                self._refuse_bomb(size)
                found += as_lines(chosen.drop_columns(list(without)))
        return found

    def _batches(self, columns: Sequence[str] | None) -> Iterator[pa.RecordBatch]:
        payload, said = self.payload, self.format
        first, last = (payload[end] - payload["groups_start"] for end in ("start", "end"))
        with opened(self.path, payload["source"], said.caps) as parquet:
            texts = texts_in_dictionaries(parquet, range(*payload["groups"]))
        with opened(self.path, payload["source"], said.caps, texts) as parquet:
            yield from batches(parquet, range(*payload["groups"]), first, last, columns)

    def _refuse_bomb(self, size: int) -> None:
        if size > self.format.caps.rows_bytes:
            message = (
                f"rows {self.payload['start'] + 1:,} to {self.payload['end']:,} come to more than "
                f"{self.format.caps.rows_bytes:,} bytes: "
                "write smaller row groups, or declare a smaller chunk_size"
            )
            raise InputError(self.payload["source"], message)

    def _cells(self, pieces: list[Any], name: str) -> Any:
        column, nulls = self.format.columns[name], self.format.nulls
        values: Any = pa.chunked_array(pieces).unify_dictionaries()
        cells = cells_of(values.combine_chunks(), column)
        return null_texts(cells, nulls) if pa.types.is_binary(cells.type) else cells


def as_lines(batch: pa.RecordBatch) -> list[bytes]:
    """Write rows as JSON, one line each."""
    names = [json.dumps(name, ensure_ascii=False) for name in batch.schema.names]
    columns = [json_cells(column) for column in batch.columns]
    rows = zip(*columns, strict=True) if columns else iter(())
    pairs = (zip(names, row, strict=True) for row in rows)
    return [f"{{{','.join(f'{name}:{cell}' for name, cell in row)}}}".encode() for row in pairs]


def _looks(kind: pa.DataType) -> str:
    """The declared type that holds values of a stored type."""
    if pa.types.is_dictionary(kind):
        return _looks(kind.value_type)
    if pa.types.is_decimal(kind):
        return f"decimal({kind.precision},{max(kind.scale, 0)})" if kind.precision <= 38 else "string"  # noqa: PLR2004
    plain = {
        "int": pa.types.is_integer(kind),
        "float": pa.types.is_floating(kind),
        "bool": pa.types.is_boolean(kind),
        "date": pa.types.is_date(kind),
        "timestamp": pa.types.is_timestamp(kind),
    }
    return next((name for name, is_it in plain.items() if is_it), "string")
