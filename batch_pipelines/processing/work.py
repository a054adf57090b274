"""The worker's function: one chunk of a file becomes a part, dead letters, and counts that add up.

    bytes → records → casts → rules → references → derive, where → transform → part + dead letters

Runs in a worker process: plain data in, plain data out, and nothing imported that the dataset does not need.
What must not live here: each step's own logic (sources/, rows/, tables/), or anything about the ledger.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from batch_pipelines.core.errors import IntegrityError
from batch_pipelines.core.faults import fault
from batch_pipelines.lake.parts import (
    SYSTEM_FIELDS,
    Part,
    schema_from_text,
    schema_to_text,
    write_part,
)
from batch_pipelines.processing.declaration.columns import Column
from batch_pipelines.processing.declaration.model import DatasetDeclaration
from batch_pipelines.processing.rows.arrays import Rows, spare_pandas
from batch_pipelines.processing.rows.casts import schema_of
from batch_pipelines.processing.rows.checks import check
from batch_pipelines.processing.rows.references import ReferenceSets
from batch_pipelines.processing.rows.rejects import Finding, Rejects
from batch_pipelines.processing.rows.shape import shape, shaped_schema, without_duplicates
from batch_pipelines.processing.rows.transform import load_transform
from batch_pipelines.processing.sources.formats.registry import format_of
from batch_pipelines.processing.sources.reading import Content, RawRows
from batch_pipelines.processing.tables import dead_letters
from batch_pipelines.processing.tables.allowed_values import loader

SAMPLES = 5
PROBE_ROWS = 1000
LETTERS = 1 << 15  # dead letters at a time: each may have a reason in every column
_PROBE_RECORDS = 5000


@dataclass(frozen=True, slots=True)
class _Job:
    """What a payload says.

    `home`, `data` (both absolute), `dataset`, `partition`, `stem` (of the names of its files), `chunk`,
    `items` and `plan`: `declaration`, `folder` (where it lies), `headers` (by source), `schema` (the pinned output),
    `references` (by reference: `files`, `column`).
    """

    payload: Mapping[str, Any]
    declaration: DatasetDeclaration
    columns: Mapping[str, Column]

    @property
    def home(self) -> Path:
        return Path(self.payload["home"])

    @property
    def chunk(self) -> dict[str, Any]:
        return dict(self.payload["chunk"])

    @property
    def plan(self) -> Mapping[str, Any]:
        return self.payload["plan"]  # type: ignore[no-any-return]

    @property
    def folder(self) -> Path:
        return self.home / str(self.plan["folder"])

    def folder_of(self, what: str) -> Path:
        dataset, partition = str(self.payload["dataset"]), str(self.payload["partition"])
        return Path(self.payload["data"]) / what / dataset / partition

    def load(self) -> Content:
        return format_of(self.declaration).load(self.chunk, self.home)

    def rows(self, content: Content) -> RawRows:
        return content.rows(self.plan["headers"][self.chunk["source"]])


@dataclass(frozen=True, slots=True)
class _Records:
    """Where each record of a chunk lies."""

    chunk: Mapping[str, Any]
    content: Content
    line: Rows
    offset: Rows

    def letters(self, rejects: Rejects) -> Iterator[pa.Table]:
        """Go through the dead letters, a bounded number at a time. Rejects are by record."""
        dead = rejects.rows
        for first in range(0, len(dead), LETTERS):
            records, reasons = rejects.between(*dead[first : first + LETTERS][[0, -1]].tolist()).reasons()
            yield dead_letters.build(
                self.chunk["source"],
                record=records + self.chunk["first_record"],
                line=self.line[records],
                offset=self.offset[records],
                raw=self.content.raw(records),
                reasons=reasons,
            )


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What a chunk came to; rejects and warnings are by record."""

    table: pa.Table
    filtered: int
    rejects: Rejects
    warnings: Rejects


def work_chunk(payload: dict[str, Any]) -> dict[str, Any]:
    """Work one chunk: write its part and its dead letters, and account for every record.

    Returns:
        `written`, `filtered`, `dead`, `warned` and `detail` (JSON; names, counts and a few samples, no rows).

    Raises:
        SourceChanged: The bytes are not the ones that were planned.
        IntegrityError: The counts do not add up, or a part that a reference needs is damaged.
        PermanentError: The transform or an expression cannot be applied.
    """
    job = _job(payload)
    content = job.load()
    fault("chunk.read")
    records, outcome = _worked(job, content)
    fault("chunk.checked")
    result = _written(job, records, outcome)
    pa.default_memory_pool().release_unused()  # costs nothing, and an idle worker is half as large
    return result


def bury(payload: dict[str, Any], reason: str) -> dict[str, Any]:
    """Make the one record of a chunk a dead letter, unread: it has killed its worker too often.

    Raises:
        IntegrityError: The chunk has more than one record.
    """
    job = _job(payload)
    if payload["items"] != 1:
        raise IntegrityError(f"a chunk of {payload['items']} records is not one dead letter; split it first")
    content = job.load()
    places = content.places()
    rejects = Rejects([Finding("worker", None, reason, np.zeros(1, np.int64))])
    records = _Records(job.chunk, content, places.line, places.offset)
    return _written(job, records, _Outcome(pa.table({}), 0, rejects, Rejects()))


def probe(payload: dict[str, Any]) -> dict[str, Any]:
    """Find the schema of the output from the first good rows of a chunk (at most 1000).

    Declared columns are as declared; derived ones as SQL types them; those that a transform adds or changes
    are as `adds` says, or else as they come out of the sample.

    Returns:
        `schema`: the whole schema of a part, as text that belongs into the plan.
    """
    job = _job(payload)
    said = job.declaration
    transform = None if said.transform is None else load_transform(said.transform, job.folder)
    schema = shaped_schema(job.columns, said.derive, said.where, transform, said.adds or {}, lambda: _sample(job))
    return {"schema": schema_to_text(pa.schema([*schema, *SYSTEM_FIELDS]))}


def _worked(job: _Job, content: Content) -> tuple[_Records, _Outcome]:
    """Check and shape the rows. What only this needs is let go when it returns."""
    raw = job.rows(content)
    checked = check(raw.table, job.columns, _sets(job))
    raw = replace(raw, table=raw.table.schema.empty_table())  # a copy of the rows is let go once there is a newer one
    said, warnings = job.declaration, checked.warnings
    transform = None if said.transform is None else load_transform(said.transform, job.folder)
    shaped = shape(checked, said.derive, said.where, transform, _pinned(job))
    del checked
    lines, source = raw.line[raw.record[shaped.kept]], job.chunk["source"]
    shaped = without_duplicates(shaped, said.key, lambda row: f"{source}:{lines[row]}")
    outcome = _Outcome(
        table=_with_system_columns(shaped.table, source, raw, shaped.kept),
        filtered=shaped.filtered,
        rejects=_structural(raw) + shaped.rejects.moved(raw.record),
        warnings=warnings.among(shaped.kept).moved(raw.record),
    )
    return _Records(job.chunk, content, raw.line, raw.offset), outcome


def _job(payload: dict[str, Any]) -> _Job:
    spare_pandas()
    declaration = DatasetDeclaration.model_validate(payload["plan"]["declaration"])
    if declaration.columns is None:
        raise IntegrityError(f"{declaration.name}: its inferred columns are not pinned; plan the batch anew")
    return _Job(payload, declaration, declaration.columns)


def _pinned(job: _Job) -> pa.Schema:
    """Return the schema that the plan pins, without the system columns."""
    system = {field.name for field in SYSTEM_FIELDS}
    return pa.schema([field for field in schema_from_text(job.plan["schema"]) if field.name not in system])


def _sets(job: _Job) -> ReferenceSets:
    return ReferenceSets(loader(job.plan["references"], job.home))


def _sample(job: _Job) -> pa.Table:
    """Return the first good rows; the whole chunk is checked only if its beginning has none."""
    if not job.payload["items"]:
        return schema_of(job.columns).empty_table()
    raw = job.rows(job.load()).table
    good, _ = check(raw.slice(0, _PROBE_RECORDS), job.columns, _sets(job)).good()
    if not good.num_rows and raw.num_rows > _PROBE_RECORDS:
        good, _ = check(raw, job.columns, _sets(job)).good()
    return good.slice(0, PROBE_ROWS)


def _with_system_columns(table: pa.Table, source: str, raw: RawRows, kept: Rows) -> pa.Table:
    records = raw.record[kept]
    columns: list[Any] = [
        pa.repeat(source, len(records)),
        pa.array(raw.line[records]),
        pa.array(raw.offset[records]),
    ]
    for field, column in zip(SYSTEM_FIELDS, columns, strict=True):
        table = table.append_column(field, column)
    return table


def _structural(raw: RawRows) -> Rejects:
    records: dict[tuple[str, str], list[int]] = {}
    for reject in raw.structural:
        records.setdefault((reject.rule, reject.message), []).append(reject.record)
    return Rejects(
        Finding(rule, None, message, np.sort(np.array(where, np.int64))) for (rule, message), where in records.items()
    )


def _written(job: _Job, records: _Records, outcome: _Outcome) -> dict[str, Any]:
    """Check the counts, write the files, and say what was done."""
    items, stem = job.payload["items"], job.payload["stem"]
    written, filtered, dead = outcome.table.num_rows, outcome.filtered, len(outcome.rejects.rows)
    if not items == len(records.line) == written + filtered + dead:
        raise IntegrityError(
            f"{items} records planned, {len(records.line)} read; "
            f"they came to {written} good, {filtered} filtered, {dead} dead"
        )
    part = letters = None
    if written:
        part = _reference(job, write_part(outcome.table, job.folder_of("datasets"), f"{stem}.parquet"))
        fault("chunk.part_written")
    if dead:
        tables = records.letters(outcome.rejects)
        letters = _reference(job, write_part(tables, job.folder_of("dead_letters"), f"{stem}.dead.parquet"))
        fault("chunk.dead_written")
    return {
        "written": written,
        "filtered": filtered,
        "dead": dead,
        "warned": len(outcome.warnings.rows),
        "detail": {
            "part": part,
            "dead_letters": letters,
            "reasons": outcome.rejects.counts,
            "warnings": outcome.warnings.counts,
            "samples": _samples(records, outcome.rejects),
            "warning_samples": _samples(records, outcome.warnings),
        },
    }


def _samples(records: _Records, rejects: Rejects) -> list[str]:
    source = records.chunk["source"]
    return [f"{source}:{records.line[each.row]}: {each.sentence}" for each in rejects.first(SAMPLES)]


def _reference(job: _Job, part: Part) -> dict[str, Any]:
    return {
        "path": f"{job.payload['partition']}/{part.name}",
        "rows": part.rows,
        "bytes": part.bytes,
        "sha256": part.sha256,
        "stats": part.stats,
    }
