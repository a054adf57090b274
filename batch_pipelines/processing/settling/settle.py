"""Keys that occur twice in a partition: the first record by source and position wins, the others are dead letters.

Needs all chunks of a batch at once, so it is done when they are all committed, before anything is published. Parts
that hold a loser are written anew under other names; the ledger takes all the changes in one transaction, or none.
"""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from batch_pipelines.core.errors import SourceChanged
from batch_pipelines.core.faults import fault
from batch_pipelines.core.ledger.chunks import Settled
from batch_pipelines.core.model import Batch, Chunk, ChunkResult, Json
from batch_pipelines.lake.delta import table_path
from batch_pipelines.lake.lean_arrow import spare_pandas
from batch_pipelines.lake.parts import part_stem, read_part, schema_from_text, write_part
from batch_pipelines.processing.dead_letters.corrections import CORRECTIONS, changes_between, contents_of
from batch_pipelines.processing.dead_letters.letters import Letters, is_carried, is_letters
from batch_pipelines.processing.dead_letters.letters import read as read_letters
from batch_pipelines.processing.declaration.model import DatasetDeclaration
from batch_pipelines.processing.rows.arrays import Rows
from batch_pipelines.processing.rows.duplicates import RULE, first_is
from batch_pipelines.processing.settling.contest import Loser, contest_of
from batch_pipelines.processing.settling.contested import Range, contested_ranges
from batch_pipelines.processing.sources.formats.registry import format_of
from batch_pipelines.processing.sources.reading import Content
from batch_pipelines.processing.tables import dead_letters

GLANCE_ROWS = 200_000
REWRITES = 2  # at a time: each holds one part and one chunk of its source in memory


def settle_duplicates(
    home: Path,
    data: Path,
    batch: Batch,
    declaration: DatasetDeclaration,
    chunks: Sequence[Chunk],
    held: Sequence[str] = (),
) -> list[Settled]:
    """Write anew every part that holds a duplicate; the chunks that change by it.

    What is carried over from the batch before stays as it is: it wins.

    Args:
        home: What source paths are relative to.
        data: The data folder.
        batch: The batch, its chunks all done.
        declaration: Names the key.
        chunks: All chunks of the batch.
        held: Parts that the table holds already, and keeps: their rows come first. Paths from the table's folder.
    """
    by_part = {_part(chunk)["path"]: chunk for chunk in chunks if _part(chunk) and not is_carried(chunk.payload)}
    carried = [_part(chunk)["path"] for chunk in chunks if _part(chunk) and is_carried(chunk.payload)]
    folder = table_path(data, batch.pipeline)
    others = [path for path in dict.fromkeys([*carried, *held]) if path not in by_part]
    ranges = None if others else _contested(batch, declaration, by_part)
    if not by_part or ranges == [] or _is_unique_at_a_glance(declaration, folder, by_part, others):
        return []
    workshop = _Workshop(home, data, batch, declaration)
    spare_pandas()
    settled: list[Settled] = []
    with (
        contest_of(folder, list(by_part), others, declaration.key, data, ranges) as contest,
        ThreadPoolExecutor(REWRITES) as threads,  # Arrow works outside Python's lock
    ):
        touched = contest.touched()
        for first in range(0, len(touched), REWRITES):
            some = touched[first : first + REWRITES]
            settled += threads.map(
                workshop.rewrite, [by_part[path] for path in some], [contest.losers(path) for path in some]
            )
    return settled


def _part(chunk: Chunk) -> Json:
    return (chunk.result.detail.get("part") if chunk.result else None) or {}


def _contested(batch: Batch, declaration: DatasetDeclaration, by_part: Mapping[str, Chunk]) -> list[Range] | None:
    first = declaration.key[0]
    kind = schema_from_text(batch.plan["schema"]).field(first).type
    known = pa.types.is_integer(kind) or pa.types.is_string(kind)
    return contested_ranges(by_part.values(), first) if known else None


def _is_unique_at_a_glance(
    declaration: DatasetDeclaration, folder: Path, by_part: Mapping[str, Chunk], others: Sequence[str]
) -> bool:
    """Whether few rows have as many keys: starting DuckDB for each of many small batches would take longer than they.

    Floating point keys are left to DuckDB, whose equality (0.0 = -0.0) is the one that counts.
    """
    if others or sum(_part(chunk)["rows"] for chunk in by_part.values()) > GLANCE_ROWS:
        return False
    spare_pandas()
    parts = [read_part(folder / path, declaration.key) for path in by_part]
    if any(pa.types.is_floating(column) for part in parts for column in part.schema.types):
        return False
    rows = pa.concat_tables(parts) if parts else pa.table({})
    return not parts or rows.group_by(declaration.key, use_threads=False).aggregate([]).num_rows == rows.num_rows


@dataclass(frozen=True, slots=True)
class _Workshop:
    """Rewrites chunks of one batch."""

    home: Path
    data: Path
    batch: Batch
    declaration: DatasetDeclaration

    def rewrite(self, chunk: Chunk, losers: list[Loser]) -> Settled:
        """Move the losers from the chunk's part to its dead letters."""
        result = chunk.result or ChunkResult(0, 0, 0)
        stem = part_stem(self.batch.key, self.batch.generation, chunk.index, chunk.epoch, secrets.token_hex(3))
        stem = f"{stem}-r{chunk.revision + 1}"
        rows, lost = self._parted(chunk, losers)
        kept = rows.filter(pa.array(~lost))
        part = self._write("datasets", kept, f"{stem}.parquet") if kept.num_rows else None
        fault("settle.part_written")
        letters = self._letters(chunk, losers, rows.filter(pa.array(lost)).sort_by("_offset"))
        dead = self._write("dead_letters", letters, f"{stem}.dead.parquet")
        fault("settle.dead_written")
        reasons, reason = result.detail.get("reasons", {}), f"{RULE}: {', '.join(self.declaration.key)}"
        detail = {
            **result.detail,
            "part": part,
            "dead_letters": dead,
            "reasons": {**reasons, reason: reasons.get(reason, 0) + len(losers)},
            "samples": [*result.detail.get("samples", []), *self._samples(chunk, losers)][:5],
        }
        changed = ChunkResult(
            kept.num_rows,
            result.filtered,
            result.dead + len(losers),
            min(result.warned, kept.num_rows),
            detail,
        )
        return Settled(chunk.index, chunk.revision, changed)

    def _parted(self, chunk: Chunk, losers: list[Loser]) -> tuple[pa.Table, NDArray[np.bool_]]:
        """The rows of the chunk's part, and which of them are the losers."""
        table = read_part(table_path(self.data, self.batch.pipeline) / _part(chunk)["path"])
        offsets = np.array([loser.offset for loser in losers], np.int64)
        return table, np.isin(table.column("_offset").to_numpy(), offsets)

    def _letters(self, chunk: Chunk, losers: list[Loser], rows: pa.Table) -> pa.Table:
        """The chunk's dead letters with the losers among them; `rows` are theirs. All in order of place."""
        before = chunk.result.detail.get("dead_letters") if chunk.result else None
        numbers, raw = self._records(chunk, [loser.offset for loser in losers])
        added = dead_letters.build(
            chunk.payload["source"],
            record=numbers,
            line=np.array([loser.line for loser in losers], np.int64),
            offset=np.array([loser.offset for loser in losers], np.int64),
            raw=raw,
            reasons=[[_reason(self.declaration.key, loser)] for loser in losers],
            corrected=self._corrected(chunk, numbers, rows),
        )
        if before is None:
            return added
        known = read_part(self.data / "dead_letters" / self.batch.pipeline / before["path"])
        firsts = {first_is(f"{chunk.payload['source']}:{loser.line}"): loser.message for loser in losers}
        both = [dead_letters.reworded(known, firsts), added]
        return pa.concat_tables(both, promote_options="default").sort_by("offset")

    def _corrected(
        self, chunk: Chunk, numbers: Sequence[int | None], rows: pa.Table
    ) -> list[dict[str, str | None] | None]:
        """For each loser, what corrections made of it, as it would have been written."""
        known = [number for number in numbers if number is not None]
        if CORRECTIONS not in self.batch.plan or not known:
            return [None] * len(numbers)
        file, content = self.data / self.batch.plan[CORRECTIONS]["path"], contents_of(self.batch.plan)
        changes = changes_between(file, content[chunk.payload["source"]], min(known), max(known))
        return [
            {column: _text(row[column]) for column in changes[number] if column in row} if number in changes else None
            for number, row in zip(numbers, rows.to_pylist(), strict=True)
        ]

    def _content(self, chunk: Chunk) -> tuple[Content, Rows]:
        """The chunk's records, and their numbers."""
        source = format_of(self.declaration)
        if is_letters(chunk.payload):
            tried, _ = read_letters(chunk.payload, self.data, self.batch.pipeline)
            letters = Letters(tried, source, chunk.payload["source"])
            return letters, letters.numbers
        content = source.load(chunk.payload, self.home)
        return content, np.arange(chunk.items, dtype=np.int64) + chunk.payload["first_record"]

    def _records(self, chunk: Chunk, offsets: list[int]) -> tuple[list[int] | list[None], list[bytes] | list[None]]:
        """Record numbers and raw bytes at these offsets; without them (null) if the source is gone by now."""
        try:
            content, numbers = self._content(chunk)
        except SourceChanged:
            return [None] * len(offsets), [None] * len(offsets)
        records = np.searchsorted(content.places().offset, np.array(offsets, np.int64))
        return numbers[records].tolist(), content.raw(records)

    def _write(self, what: str, table: pa.Table, name: str) -> Json:
        part = write_part(table, self.data / what / self.batch.pipeline / self.batch.partition, name)
        return {
            "path": f"{self.batch.partition}/{part.name}",
            "rows": part.rows,
            "bytes": part.bytes,
            "sha256": part.sha256,
            "stats": dict(list(part.stats.items())[:32]) if what == "datasets" else {},
        }

    def _samples(self, chunk: Chunk, losers: list[Loser]) -> Iterator[str]:
        source = chunk.payload["source"]
        for loser in losers[:5]:
            yield f"{source}:{loser.line}: {', '.join(self.declaration.key)} '{loser.key}' {loser.message}"


def _reason(key: list[str], loser: Loser) -> dict[str, Any]:
    return {"rule": RULE, "column": ", ".join(key), "value": loser.key[:200], "message": loser.message}


def _text(value: object) -> str | None:
    return None if value is None else str(value)
