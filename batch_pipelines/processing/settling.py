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

import duckdb
import numpy as np
import pyarrow as pa

from batch_pipelines.core.errors import SourceChanged
from batch_pipelines.core.faults import fault
from batch_pipelines.core.ledger.chunks import Settled
from batch_pipelines.core.model import Batch, Chunk, ChunkResult, Json
from batch_pipelines.lake.delta import table_path
from batch_pipelines.lake.parts import part_stem, read_part, write_part
from batch_pipelines.processing.declaration.model import DatasetDeclaration
from batch_pipelines.processing.rows.arrays import spare_pandas
from batch_pipelines.processing.rows.duplicates import RULE, first_is
from batch_pipelines.processing.sources.formats.registry import format_of
from batch_pipelines.processing.tables import dead_letters

MEMORY = "256MB"  # spills to disk beyond; the workers have their own
GLANCE_ROWS = 200_000
REWRITES = 2  # at a time: each holds one part and one chunk of its source in memory


@dataclass(frozen=True, slots=True)
class _Loser:
    """A row whose key another one had first."""

    offset: int
    line: int
    key: str
    winner: str


def settle_duplicates(
    home: Path, data: Path, batch: Batch, declaration: DatasetDeclaration, chunks: Sequence[Chunk]
) -> list[Settled]:
    """Write anew every part that holds a duplicate; the chunks that change by it.

    Args:
        home: What source paths are relative to.
        data: The data folder.
        batch: The batch, its chunks all done.
        declaration: Names the key.
        chunks: All chunks of the batch.
    """
    by_part = {_part(chunk)["path"]: chunk for chunk in chunks if _part(chunk)}
    folder = table_path(data, batch.pipeline)
    if _is_unique_at_a_glance(declaration, folder, by_part):
        return []
    losers = _losers([folder / path for path in by_part], declaration.key, data)
    workshop = _Workshop(home, data, batch, declaration)
    touched = [by_part[f"{batch.partition}/{name}"] for name in losers]
    spare_pandas()
    with ThreadPoolExecutor(REWRITES) as threads:  # Arrow works outside Python's lock
        return list(threads.map(workshop.rewrite, touched, losers.values()))


def _part(chunk: Chunk) -> Json:
    return (chunk.result.detail.get("part") if chunk.result else None) or {}


def _is_unique_at_a_glance(declaration: DatasetDeclaration, folder: Path, by_part: Mapping[str, Chunk]) -> bool:
    """Whether few rows have as many keys: starting DuckDB for each of many small batches would take longer than they.

    Floating point keys are left to DuckDB, whose equality (0.0 = -0.0) is the one that counts.
    """
    if sum(_part(chunk)["rows"] for chunk in by_part.values()) > GLANCE_ROWS:
        return False
    spare_pandas()
    parts = [read_part(folder / path, declaration.key) for path in by_part]
    if any(pa.types.is_floating(column) for part in parts for column in part.schema.types):
        return False
    rows = pa.concat_tables(parts) if parts else pa.table({})
    return not parts or rows.group_by(declaration.key, use_threads=False).aggregate([]).num_rows == rows.num_rows


def _losers(files: list[Path], key: list[str], data: Path) -> dict[str, list[_Loser]]:
    """By file name: the rows that are not the first of their key. Rows with a null in the key are never duplicates."""
    if not files:
        return {}
    scratch = data / "tmp"
    scratch.mkdir(parents=True, exist_ok=True)
    columns = [_quoted(name) for name in key]
    query = f"""
        WITH __all AS NOT MATERIALIZED (
            SELECT {", ".join(columns)}, _source, _line, _offset, __part
            FROM read_parquet(?, filename = '__part', hive_partitioning = false)
            WHERE {" AND ".join(f"{column} IS NOT NULL" for column in columns)}
        ),
        __twice AS (SELECT {", ".join(columns)} FROM __all GROUP BY ALL HAVING count(*) > 1),
        __ranked AS (
            SELECT __part, _line, _offset, concat_ws(', ', {", ".join(columns)}) AS __shown,
                first(_source || ':' || _line) OVER __same AS __winner, row_number() OVER __same AS __place
            FROM __all SEMI JOIN __twice USING ({", ".join(columns)})
            WINDOW __same AS (PARTITION BY {", ".join(columns)} ORDER BY _source, _offset)
        )
        SELECT __part, _offset, _line, __shown, __winner FROM __ranked WHERE __place > 1 ORDER BY __part, _offset
    """  # noqa: S608  names are quoted, values bound
    found: dict[str, list[_Loser]] = {}
    with duckdb.connect(config={"memory_limit": MEMORY, "threads": 2, "temp_directory": str(scratch)}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for name, offset, line, shown, winner in connection.execute(query, [[str(f) for f in files]]).fetchall():
            found.setdefault(Path(name).name, []).append(_Loser(offset, line, str(shown), str(winner)))
    return found


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@dataclass(frozen=True, slots=True)
class _Workshop:
    """Rewrites chunks of one batch."""

    home: Path
    data: Path
    batch: Batch
    declaration: DatasetDeclaration

    def rewrite(self, chunk: Chunk, losers: list[_Loser]) -> Settled:
        """Move the losers from the chunk's part to its dead letters."""
        result = chunk.result or ChunkResult(0, 0, 0)
        stem = part_stem(self.batch.key, self.batch.generation, chunk.index, chunk.epoch, secrets.token_hex(3))
        stem = f"{stem}-r{chunk.revision + 1}"
        kept = self._without(chunk, losers)
        part = self._write("datasets", kept, f"{stem}.parquet") if kept.num_rows else None
        fault("settle.part_written")
        letters = self._letters(chunk, losers)
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

    def _without(self, chunk: Chunk, losers: list[_Loser]) -> pa.Table:
        table = read_part(table_path(self.data, self.batch.pipeline) / _part(chunk)["path"])
        offsets = np.array([loser.offset for loser in losers], np.int64)
        keep = ~np.isin(table.column("_offset").to_numpy(), offsets)
        return table.filter(pa.array(keep))

    def _letters(self, chunk: Chunk, losers: list[_Loser]) -> pa.Table:
        before = chunk.result.detail.get("dead_letters") if chunk.result else None
        numbers, raw = self._records(chunk, [loser.offset for loser in losers])
        added = dead_letters.build(
            chunk.payload["source"],
            record=numbers,
            line=np.array([loser.line for loser in losers], np.int64),
            offset=np.array([loser.offset for loser in losers], np.int64),
            raw=raw,
            reasons=[[_reason(self.declaration.key, loser)] for loser in losers],
        )
        if before is None:
            return added
        known = read_part(self.data / "dead_letters" / self.batch.pipeline / before["path"])
        firsts = {first_is(f"{chunk.payload['source']}:{loser.line}"): first_is(loser.winner) for loser in losers}
        return pa.concat_tables([dead_letters.reworded(known, firsts), added]).sort_by("offset")

    def _records(self, chunk: Chunk, offsets: list[int]) -> tuple[list[int] | list[None], list[bytes] | list[None]]:
        """Record numbers and raw bytes at these offsets; without them (null) if the source is gone by now."""
        try:
            content = format_of(self.declaration).load(chunk.payload, self.home)
        except SourceChanged:
            return [None] * len(offsets), [None] * len(offsets)
        records = np.searchsorted(content.places().offset, np.array(offsets, np.int64))
        return (records + chunk.payload["first_record"]).tolist(), content.raw(records)

    def _write(self, what: str, table: pa.Table, name: str) -> Json:
        part = write_part(table, self.data / what / self.batch.pipeline / self.batch.partition, name)
        return {
            "path": f"{self.batch.partition}/{part.name}",
            "rows": part.rows,
            "bytes": part.bytes,
            "sha256": part.sha256,
            "stats": dict(list(part.stats.items())[:32]) if what == "datasets" else {},
        }

    def _samples(self, chunk: Chunk, losers: list[_Loser]) -> Iterator[str]:
        source = chunk.payload["source"]
        for loser in losers[:5]:
            yield f"{source}:{loser.line}: {', '.join(self.declaration.key)} '{loser.key}' {first_is(loser.winner)}"


def _reason(key: list[str], loser: _Loser) -> dict[str, Any]:
    return {"rule": RULE, "column": ", ".join(key), "value": loser.key[:200], "message": first_is(loser.winner)}
