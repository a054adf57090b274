"""Cutting a Parquet file into chunks: row groups, small ones together, large ones in slices of rows.

A record is a row, its place its number. What must not live here: reading rows (parquet_file.py).
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from batch_pipelines.core.errors import InputError
from batch_pipelines.core.model import ChunkPlan, Json
from batch_pipelines.processing.declaration.columns import Column
from batch_pipelines.processing.sources.caps import Caps
from batch_pipelines.processing.sources.csv_plan import MAX_CHUNK_RECORDS
from batch_pipelines.processing.sources.parquet_file import crc32_of, footer_start, opened
from batch_pipelines.processing.sources.parquet_pages import refuse_large_pages
from batch_pipelines.processing.sources.reading import PlanFor, SourcePlan


@dataclass(frozen=True, slots=True)
class _Group:
    """One row group: its number, its rows, where the bytes of each column lie, and how many they unpack to."""

    number: int
    rows: int
    places: tuple[tuple[int, int], ...]
    plain: int

    @property
    def start(self) -> int:
        return min((start for start, _ in self.places), default=0)

    @property
    def end(self) -> int:
        return max((end for _, end in self.places), default=0)


def plan_parquet(
    path: Path,
    source: str,
    wanted: PlanFor,
    columns: Mapping[str, Column],
    caps: Caps,
    *,
    most_rows: int = MAX_CHUNK_RECORDS,
) -> SourcePlan:
    """Plan one Parquet file.

    Args:
        path: The file.
        source: What users call it.
        wanted: What the plan is for.
        columns: The declared columns, none where they are inferred.
        caps: What the file may cost.
        most_rows: A chunk has no more.

    Raises:
        InputError: It cannot be read, or costs too much.
    """
    with opened(path, source, caps) as parquet:
        schema: pa.Schema = parquet.schema_arrow
        _refuse_columns(schema, columns, source, caps)
        groups = [group for group in _groups(parquet.metadata, source, caps) if group.rows]
    refuse_large_pages(path, source, [place for group in groups for place in group.places], caps)
    footer = footer_start(path)
    with path.open("rb") as file:
        common: Json = {
            "source": source,
            "path": _below(path, wanted.home),
            "footer": [footer, crc32_of(file, footer, path.stat().st_size)],
        }
        chunks: list[ChunkPlan] = []
        first = 0
        for together in _together(groups, wanted.chunk_bytes, most_rows):
            rows = sum(group.rows for group in together)
            start, end = min(group.start for group in together), max(group.end for group in together)
            payload = {
                **common,
                "groups": [together[0].number, together[-1].number + 1],
                "groups_start": first,
                "bytes": [start, end],
                "crc32": crc32_of(file, start, end),
            }
            size = _size(together, wanted, rows, most_rows)
            chunks += [slice_of(payload, at, min(at + size, rows)) for at in range(0, rows, size)]
            first += rows
        file.seek(0)
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return SourcePlan(list(schema.names), chunks, first, 0, sha256)


def slice_of(payload: Json, first: int, last: int) -> ChunkPlan:
    """Return the chunk of the rows from `first` to before `last`, counted from the start of its row groups."""
    start = int(payload["groups_start"]) + first
    place = {"start": start, "end": start + last - first, "first_line": start + 1, "first_record": start + 1}
    return ChunkPlan(last - first, {**payload, **place})


def _refuse_columns(schema: pa.Schema, columns: Mapping[str, Column], source: str, caps: Caps) -> None:
    if len(schema.names) > caps.columns:
        raise InputError(source, f"has {len(schema.names):,} columns, at most {caps.columns:,} are read")
    if twice := [name for name, count in Counter(schema.names).items() if count > 1]:
        raise InputError(source, f"has the column {twice[0]!r} twice: rename one of them")
    for name, column in columns.items():
        if column.format is not None and name in schema.names and pa.types.is_temporal(schema.field(name).type):
            kind = schema.field(name).type
            raise InputError(source, f"column {name!r} is stored as {kind}: remove its `format`, which is for texts")


def _groups(metadata: Any, source: str, caps: Caps) -> Iterator[_Group]:
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        parts = [group.column(place) for place in range(group.num_columns)]
        _refuse_costly(group.num_rows, max((part.num_values for part in parts), default=0), number, source, caps)
        starts = [min(part.dictionary_page_offset or part.data_page_offset, part.data_page_offset) for part in parts]
        places = tuple((at, at + part.total_compressed_size) for at, part in zip(starts, parts, strict=True))
        yield _Group(number, group.num_rows, places, sum(part.total_uncompressed_size for part in parts))


def _refuse_costly(rows: int, values: int, number: int, source: str, caps: Caps) -> None:
    if rows > caps.group_rows or values > caps.group_values:
        message = (
            f"row group {number + 1} has {rows:,} rows and {values:,} values a column, at most {caps.group_rows:,} and "
            f"{caps.group_values:,} are read: write it with smaller row groups"
        )
        raise InputError(source, message)


def _together(groups: list[_Group], chunk_bytes: int, most_rows: int) -> Iterator[list[_Group]]:
    """Put small neighbours together."""
    taken: list[_Group] = []
    for group in groups:
        grown = [*taken, group]
        if taken and (sum(g.plain for g in grown) > chunk_bytes or sum(g.rows for g in grown) > most_rows):
            yield taken
            grown = [group]
        taken = grown
    if taken:
        yield taken


def _size(groups: list[_Group], wanted: PlanFor, rows: int, most_rows: int) -> int:
    """Rows of each chunk that these row groups make."""
    plain = sum(group.plain for group in groups)
    count = max(-(-plain // wanted.chunk_bytes), -(-rows // most_rows), 1)
    return -(-rows // min(count, rows))


def _below(path: Path, home: Path) -> str:
    absolute = path.absolute()
    return str(absolute.relative_to(home.absolute()) if absolute.is_relative_to(home.absolute()) else absolute)
