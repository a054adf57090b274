"""What a chunk came to: rows to write, dead letters, counts that add up; and how they are written.

What must not live here: how the rows came about (chunk.py, letters.py).
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from batch_pipelines.core.errors import IntegrityError
from batch_pipelines.core.faults import fault
from batch_pipelines.lake.parts import SYSTEM_FIELDS, Part, write_part
from batch_pipelines.processing.rows.arrays import Rows
from batch_pipelines.processing.rows.rejects import Reject, Rejects
from batch_pipelines.processing.sources.reading import Content, RawRows
from batch_pipelines.processing.tables import dead_letters

SAMPLES = 5
LETTERS = 1 << 15  # dead letters at a time: each may have a reason in every column


@dataclass(frozen=True, slots=True)
class Records:
    """The records of a chunk, by position in it.

    Attributes:
        source: Their file.
        content: Their raw content.
        number: Of each in its file, from 1.
        line: On which it begins.
        offset: At which it begins.
        corrected: Texts that corrections put into some of them, by column.
        passed: Dead letters that the chunk has besides, and does not look at.
    """

    source: str
    content: Content
    number: Rows
    line: Rows
    offset: Rows
    corrected: Mapping[int, Mapping[str, str | None]] = field(default_factory=dict)
    passed: pa.Table | None = None

    @property
    def count(self) -> int:
        """All items of the chunk."""
        return len(self.line) + (self.passed.num_rows if self.passed else 0)

    def letters(self, rejects: Rejects) -> Iterator[pa.Table]:
        """Go through the dead letters, a bounded number at a time. Rejects are by record."""
        dead = rejects.rows
        for first in range(0, len(dead), LETTERS):
            records, reasons = rejects.between(*dead[first : first + LETTERS][[0, -1]].tolist()).reasons()
            yield dead_letters.build(
                self.source,
                record=self.number[records],
                line=self.line[records],
                offset=self.offset[records],
                raw=self.content.raw(records),
                reasons=reasons,
                corrected=[self.corrected.get(record) for record in records.tolist()] if self.corrected else None,
            )
        if self.passed:
            yield self.passed

    def samples(self, rejects: Rejects) -> list[str]:
        """Return a few reasons, each with its place."""
        return [f"{self.source}:{self.line[each.row]}: {each.sentence}" for each in rejects.first(SAMPLES)]

    def passed_samples(self) -> Iterator[str]:
        """Go through a few reasons of the dead letters that were passed on."""
        for row in self.passed.slice(0, SAMPLES).to_pylist() if self.passed else ():
            for why in row["reasons"][:1]:
                yield f"{self.source}:{row['line']}: {Reject(0, **why).sentence}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the rows of a chunk came to; rejects and warnings are by record. `unique` is as in `Shaped`."""

    table: pa.Table
    filtered: int
    rejects: Rejects
    warnings: Rejects
    unique: bool = False


def with_system_columns(table: pa.Table, source: str, raw: RawRows, kept: Rows) -> pa.Table:
    """Add to rows where they come from; `kept` are their positions among the raw ones."""
    records = raw.record[kept]
    columns: list[Any] = [
        pa.repeat(source, len(records)),
        pa.array(raw.line[records]),
        pa.array(raw.offset[records]),
    ]
    for column_field, column in zip(SYSTEM_FIELDS, columns, strict=True):
        table = table.append_column(column_field, column)
    return table


def written(payload: Mapping[str, Any], records: Records, outcome: Outcome) -> dict[str, Any]:
    """Check the counts, write the files, and say what was done.

    Args:
        payload: What the worker was asked to do (chunk.py).
        records: All records of the chunk.
        outcome: What became of them.

    Raises:
        IntegrityError: The counts do not add up; nothing was written.
    """
    items, stem = payload["items"], payload["stem"]
    rows, filtered, dead = outcome.table.num_rows, outcome.filtered, len(outcome.rejects.rows)
    dead += records.count - len(records.line)
    if not items == records.count == rows + filtered + dead:
        raise IntegrityError(
            f"{items} records planned, {records.count} read; they came to {rows} good, {filtered} filtered, {dead} dead"
        )
    part = letters = None
    if rows:
        part = _reference(payload, write_part(outcome.table, _folder(payload, "datasets"), f"{stem}.parquet"))
        fault("chunk.part_written")
    if dead:
        tables = records.letters(outcome.rejects)
        letters = _reference(payload, write_part(tables, _folder(payload, "dead_letters"), f"{stem}.dead.parquet"))
        fault("chunk.dead_written")
    reasons = Counter(outcome.rejects.counts)
    reasons.update(dead_letters.summarise(records.passed) if records.passed else {})
    return {
        "written": rows,
        "filtered": filtered,
        "dead": dead,
        "warned": len(outcome.warnings.rows),
        "detail": {
            "part": part,
            "unique": outcome.unique,
            "dead_letters": letters,
            "reasons": dict(reasons),
            "warnings": outcome.warnings.counts,
            "samples": [*records.samples(outcome.rejects), *records.passed_samples()][:SAMPLES],
            "warning_samples": records.samples(outcome.warnings),
        },
    }


def _folder(payload: Mapping[str, Any], what: str) -> Path:
    return Path(payload["data"]) / what / str(payload["dataset"]) / str(payload["partition"])


def _reference(payload: Mapping[str, Any], part: Part) -> dict[str, Any]:
    return {
        "path": f"{payload['partition']}/{part.name}",
        "rows": part.rows,
        "bytes": part.bytes,
        "sha256": part.sha256,
        "stats": part.stats,
    }
