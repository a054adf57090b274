"""A replay of one partition, planned: its published batch once more, with some of its dead letters to be tried again.

The new generation carries over what is done: parts and counts by reference, nothing is rewritten. Dead letters of a
chunk of which none is meant stay with it; the others become chunks of their own. What must not live here: which
partitions (replay.py), which letters (dead_letters/), what workers do (working/letters.py).
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from batch_pipelines.core.declaring.quantities import MB
from batch_pipelines.core.errors import Refused
from batch_pipelines.core.faults import fault
from batch_pipelines.core.ledger.ledger import Ledger
from batch_pipelines.core.model import Batch, BatchPlan, Chunk, ChunkPlan, Json
from batch_pipelines.lake.delta import held_parts, load, table_path, version
from batch_pipelines.lake.parts import read_part
from batch_pipelines.processing.dead_letters.corrections import (
    ACCEPTED,
    CORRECTIONS,
    Known,
    Record,
    contents_of,
    digest_in,
    freeze,
    frozen,
    known_of,
)
from batch_pipelines.processing.dead_letters.letters import TRIED, Letters
from batch_pipelines.processing.dead_letters.letters import freeze as freeze_letters
from batch_pipelines.processing.dead_letters.selection import Mask, Wanted, chosen
from batch_pipelines.processing.declaration.catalog import Entry
from batch_pipelines.processing.planning.identity import batch_key
from batch_pipelines.processing.replaying.carrying import as_held, carry
from batch_pipelines.processing.sources.formats.registry import format_of
from batch_pipelines.processing.tables import dead_letters

CHUNK_BYTES = 16 * MB  # raw
REPLAY = "replay"


@dataclass(frozen=True, slots=True)
class Look:
    """The dead letters of a published batch, and which of them are meant.

    Attributes:
        base: The batch.
        chunks: Its chunks.
        picks: By index of chunk: which of its letters are meant.
        records: The records of those.
        letters: All dead letters.
        reasons: Of those that are meant, by `rule: column`.
        unreadable: Letters whose content was not kept, so that they cannot be tried.
    """

    base: Batch
    chunks: list[Chunk]
    picks: dict[int, Mask]
    records: list[Record]
    letters: int
    reasons: dict[str, int]
    unreadable: int

    @property
    def tried(self) -> int:
        """How many are meant."""
        return sum(int(mask.sum()) for mask in self.picks.values())


@dataclass(frozen=True, slots=True)
class Site:
    """Where everything of one dataset is."""

    entry: Entry
    ledger: Ledger
    home: Path
    data: Path

    @property
    def dataset(self) -> str:
        """Its name."""
        return self.entry.declaration.name

    def look(self, base: Batch, wanted: Wanted) -> Look:
        """Look at the dead letters of a published batch.

        Raises:
            ConfigError: The condition is wrong, or cannot be computed for a letter.
        """
        accepted: dict[str, list[int]] = {}
        for content, number in known_of(self.ledger, self.dataset, contents_of(base.plan).values()).accepted:
            accepted.setdefault(content, []).append(number)
        chunks = self.ledger.chunks.of_batch(base.id)
        picks, records, reasons, total, unreadable = dict[int, Mask](), list[Record](), Counter[str](), 0, 0
        for chunk, table in self._letters(chunks):
            content = contents_of(base.plan)[chunk.payload["source"]]
            mask = self._mask(base, table, wanted, accepted.get(content, []))
            picks[chunk.index] = mask
            meant = table.filter(pa.array(mask))
            records += [(content, int(number)) for number in meant.column("record").to_numpy()]
            reasons.update(dead_letters.summarise(meant))
            total += table.num_rows
            unreadable += table.num_rows - int(_readable(table).sum())
        return Look(base, chunks, picks, records, total, dict(reasons.most_common()), unreadable)

    def picks(self, look: Look, known: Known) -> dict[int, Mask]:
        """Return which letters would be tried: those that are meant, and those whose corrections have changed.

        Args:
            look: What was found.
            known: Corrections and acceptances that are to hold.

        Raises:
            Refused: The partition has to be processed as a whole instead.
        """
        if self._key(look.base, digest_in(look.base.plan)) != look.base.key:
            raise Refused(
                "its rules have changed since it was processed: process it again, which tries every record; "
                f"bp process {self.dataset} {look.base.partition}"
            )
        return self._with_changed(look, known)

    def plan(self, look: Look, known: Known, asked: Json) -> BatchPlan | None:
        """Plan the replay; None if there is nothing to try.

        Args:
            look: What was found.
            known: Corrections and acceptances that are to hold.
            asked: What was asked for; kept with the plan.

        Raises:
            Refused: As `picks`.
        """
        picks = self.picks(look, known)
        if not any(mask.any() for mask in picks.values()):
            return None
        fault("plan.started")
        chunks, passed = self._chunks(look, picks)
        plan = self._plan(look, known, asked, picks, passed)
        return BatchPlan(self.dataset, look.base.partition, self._key(look.base, known.digest), plan, chunks)

    def _key(self, base: Batch, corrections: str | None) -> str:
        contents = [file["sha256"] for file in base.plan["files"]]
        return batch_key(self.dataset, base.partition, contents, self.entry, corrections)

    def _plan(self, look: Look, known: Known, asked: Json, picks: dict[int, Mask], passed: dict[str, int]) -> Json:
        base, declaration = look.base, self.entry.declaration.model_dump(mode="json")
        results = [chunk.result for chunk in look.chunks if chunk.result]
        tried = sum(int(mask.sum()) for mask in picks.values())
        return {
            **{name: said for name, said in base.plan.items() if name not in (CORRECTIONS, ACCEPTED)},
            **freeze(known, self.data, self.dataset),
            "declaration": {**declaration, "columns": base.plan["declaration"]["columns"]},
            "references": self._pins(),
            REPLAY: {
                "base": base.id,
                "asked": asked,
                "tried": tried,
                "passed": look.letters - tried,
                "passed_reasons": passed,
                "rows": sum(result.written for result in results),
                "filtered": sum(result.filtered for result in results),
            },
        }

    def _pins(self) -> Json:
        pins: Json = {}
        for dataset, column in sorted(self.entry.declaration.references):
            at = version(table_path(self.data, dataset))
            if at is None:
                raise Refused(f"it refers to {dataset}.{column}, but {dataset} has no table; process it first")
            pins[f"{dataset}.{column}"] = {"version": at}
        return pins

    def _mask(self, base: Batch, table: pa.Table, wanted: Wanted, accepted: Sequence[int]) -> Mask:
        mask = _readable(table)
        readable = table.filter(pa.array(mask))
        if readable.num_rows:
            source = readable.column("source")[0].as_py()
            letters = Letters(readable, format_of(self.entry.declaration), source)
            header = base.plan["headers"][source]
            mask[mask] = chosen(letters, header, wanted, partition=base.partition, accepted=accepted)
        return mask

    def _with_changed(self, look: Look, known: Known) -> dict[int, Mask]:
        """The picks, and those whose corrections are others than before.

        Raises:
            Refused: A record that is in the table has other corrections.
        """
        before, now = frozen(look.base.plan, self.data).changes, known.changes
        changed = {record for record in before.keys() | now.keys() if before.get(record) != now.get(record)}
        if not changed:
            return look.picks
        picks, left = dict(look.picks), set(changed)
        for chunk, table in self._letters(look.chunks):
            content = contents_of(look.base.plan)[chunk.payload["source"]]
            records = [(content, number) for number in table.column("record").to_pylist()]
            picks[chunk.index] = picks[chunk.index] | np.array([record in changed for record in records], np.bool_)
            left -= set(records)
        if left:
            raise Refused(
                f"corrections of {len(left):,} records that are in the table were made or discarded: "
                f"process it again; bp process {self.dataset} {look.base.partition}"
            )
        return picks

    def _chunks(self, look: Look, picks: dict[int, Mask]) -> tuple[list[ChunkPlan], dict[str, int]]:
        """What is carried over, then the letters; and the reasons of those letters that are not tried."""
        open_ones = {index for index, mask in picks.items() if mask.any()}
        kept = [carry(chunk, look.base.id, with_letters=chunk.index not in open_ones) for chunk in look.chunks]
        table = load(table_path(self.data, self.dataset))
        held = held_parts(table, look.base.partition) if table else []
        whole = self.entry.declaration.write == "replace"
        chunks = as_held([chunk for chunk in kept if chunk.items], held, look.base.id, whole=whole)
        reasons: Counter[str] = Counter()
        for chunk in look.chunks:
            if chunk.index not in open_ones and chunk.result:
                reasons.update(chunk.result.detail.get("reasons", {}))
        for letters in self._by_source(look, picks, open_ones):
            passed = letters.filter(pa.array(~letters.column(TRIED).to_numpy()))
            reasons.update(dead_letters.summarise(passed) if passed.num_rows else {})
            chunks.append(freeze_letters(letters, self.data, self.dataset))
        return chunks, dict(reasons)

    def _by_source(self, look: Look, picks: dict[int, Mask], open_ones: set[int]) -> Iterator[pa.Table]:
        """The letters of these chunks, marked, in tables of one source and bounded size."""
        source, held, size = "", list[pa.Table](), 0
        chunks = sorted((chunk for chunk in look.chunks if chunk.index in open_ones), key=_source)
        for chunk, table in self._letters(chunks):
            if held and (_source(chunk) != source or size >= CHUNK_BYTES):
                yield from _cut(pa.concat_tables(held).sort_by("offset"))
                held, size = [], 0
            source = _source(chunk)
            held.append(table.append_column(TRIED, pa.array(picks[chunk.index])))
            size += table.nbytes
        if held:
            yield from _cut(pa.concat_tables(held).sort_by("offset"))

    def _letters(self, chunks: Sequence[Chunk]) -> Iterator[tuple[Chunk, pa.Table]]:
        folder = self.data / "dead_letters" / self.dataset
        for chunk in chunks:
            if chunk.result and (part := chunk.result.detail.get("dead_letters")):
                yield chunk, read_part(folder / part["path"])


def _cut(letters: pa.Table) -> Iterator[pa.Table]:
    """Cut a table where there are enough raw bytes for a chunk."""
    lengths: Any = pc.binary_length(letters.column("raw")).fill_null(0)
    group = np.cumsum(lengths.to_numpy()) // CHUNK_BYTES
    cuts = [0, *(np.flatnonzero(np.diff(group)) + 1).tolist(), letters.num_rows]
    for first, last in pairwise(cuts):
        yield letters.slice(first, last - first)


def _readable(table: pa.Table) -> Mask:
    raw, record = (np.asarray(table.column(name).is_valid()) for name in ("raw", "record"))
    both: Mask = raw & record
    return both


def _source(chunk: Chunk) -> str:
    return str(chunk.payload["source"])
