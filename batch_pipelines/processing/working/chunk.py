"""The worker's function: one chunk of a file becomes a part, dead letters, and counts that add up.

    bytes → records → casts → rules → references → derive, where → transform → part + dead letters

Runs in a worker process: plain data in, plain data out, and nothing imported that the dataset does not need.
What must not live here: each step's own logic (sources/, rows/, tables/), or anything about the ledger.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from batch_pipelines.core.errors import IntegrityError
from batch_pipelines.core.faults import fault
from batch_pipelines.lake.lean_arrow import spare_pandas
from batch_pipelines.lake.parts import SYSTEM_FIELDS, schema_from_text, schema_to_text
from batch_pipelines.processing.dead_letters.corrections import changes_between
from batch_pipelines.processing.declaration.columns import Column
from batch_pipelines.processing.declaration.model import DatasetDeclaration
from batch_pipelines.processing.rows.arrays import Rows
from batch_pipelines.processing.rows.casts import schema_of
from batch_pipelines.processing.rows.checks import check
from batch_pipelines.processing.rows.corrections import correct
from batch_pipelines.processing.rows.references import ReferenceSets
from batch_pipelines.processing.rows.rejects import Finding, Rejects
from batch_pipelines.processing.rows.shape import shape, shaped_schema
from batch_pipelines.processing.rows.transform import load_transform
from batch_pipelines.processing.sources.formats.registry import format_of
from batch_pipelines.processing.sources.reading import Content, RawRows
from batch_pipelines.processing.tables.allowed_values import loader
from batch_pipelines.processing.working.outcome import Outcome, Records, with_system_columns, written

PROBE_ROWS = 1000
_PROBE_RECORDS = 5000


@dataclass(frozen=True, slots=True)
class Job:
    """What a payload says.

    `home`, `data` (both absolute), `dataset`, `partition`, `stem` (of the names of its files), `chunk`,
    `items` and `plan`: `declaration`, `folder` (where it lies), `headers` (by source), `schema` (the pinned output),
    `references` (by reference: `files`, `column`), `corrections` (None, or `file` and `content`).
    """

    payload: Mapping[str, Any]
    declaration: DatasetDeclaration
    columns: Mapping[str, Column]

    @property
    def home(self) -> Path:
        """The project's folder."""
        return Path(self.payload["home"])

    @property
    def chunk(self) -> dict[str, Any]:
        """The chunk's own payload."""
        return dict(self.payload["chunk"])

    @property
    def plan(self) -> Mapping[str, Any]:
        """What of the plan concerns this chunk."""
        return self.payload["plan"]  # type: ignore[no-any-return]

    @property
    def folder(self) -> Path:
        """The folder of the YAML."""
        return self.home / str(self.plan["folder"])

    def load(self) -> Content:
        """Read the chunk."""
        return format_of(self.declaration).load(self.chunk, self.home)

    def rows(self, content: Content) -> RawRows:
        """Split it into cells."""
        return content.rows(self.plan["headers"][self.chunk["source"]])

    def numbers(self, count: int) -> Rows:
        """The numbers of the chunk's records in their file."""
        first: int = self.chunk["first_record"]
        return np.arange(first, first + count, dtype=np.int64)

    def changes(self, numbers: Rows) -> dict[int, dict[str, str]]:
        """The corrections of the records of these numbers (rising): SQL by column, by position."""
        corrections = self.plan.get("corrections")
        if not corrections or not len(numbers):
            return {}
        ends = int(numbers[0]), int(numbers[-1])
        found = changes_between(Path(corrections["file"]), corrections["content"], *ends)
        places = np.searchsorted(numbers, list(found)).tolist()
        return {
            place: said for place, (number, said) in zip(places, found.items(), strict=True) if numbers[place] == number
        }


def work_chunk(payload: dict[str, Any]) -> dict[str, Any]:
    """Work one chunk: write its part and its dead letters, and account for every record.

    Returns:
        `written`, `filtered`, `dead`, `warned` and `detail` (JSON; names, counts and a few samples, no rows).

    Raises:
        SourceChanged: The bytes are not the ones that were planned.
        IntegrityError: The counts do not add up, or a part that a reference needs is damaged.
        PermanentError: The transform or an expression cannot be applied.
    """
    job = job_of(payload)
    content = job.load()
    fault("chunk.read")
    records, outcome = worked(job, content)
    fault("chunk.checked")
    return written(payload, records, outcome)


def bury(payload: dict[str, Any], reason: str) -> dict[str, Any]:
    """Make the one record of a chunk a dead letter, unread: it has killed its worker too often.

    Raises:
        IntegrityError: The chunk has more than one record.
    """
    job = job_of(payload)
    if payload["items"] != 1:
        raise IntegrityError(f"a chunk of {payload['items']} records is not one dead letter; split it first")
    content = job.load()
    places = content.places()
    rejects = Rejects([Finding("worker", None, reason, np.zeros(1, np.int64))])
    records = Records(job.chunk["source"], content, job.numbers(1), places.line, places.offset)
    return written(payload, records, Outcome(pa.table({}), 0, rejects, Rejects()))


def probe(payload: dict[str, Any]) -> dict[str, Any]:
    """Find the schema of the output from the first good rows of a chunk (at most 1000).

    Declared columns are as declared; derived ones as SQL types them; those that a transform adds or changes
    are as `adds` says, or else as they come out of the sample.

    Returns:
        `schema`: the whole schema of a part, as text that belongs into the plan.
    """
    job = job_of(payload)
    said = job.declaration
    transform = None if said.transform is None else load_transform(said.transform, job.folder)
    schema = shaped_schema(job.columns, said.derive, said.where, transform, said.adds or {}, lambda: _sample(job))
    return {"schema": schema_to_text(pa.schema([*schema, *SYSTEM_FIELDS]))}


def worked(job: Job, content: Content, numbers: Rows | None = None) -> tuple[Records, Outcome]:
    """Correct, check and shape the rows. What only this needs is let go when it returns.

    Args:
        job: What is to be done.
        content: The chunk.
        numbers: Of its records in their file, rising; None if they follow each other.
    """
    raw, source = job.rows(content), job.chunk["source"]
    numbers = job.numbers(len(raw.line)) if numbers is None else numbers
    raw, corrected, refused = _corrected(job, raw, numbers)
    checked = check(raw.table, job.columns, _sets(job))
    checked = replace(checked, rejects=refused + checked.rejects)
    raw = replace(raw, table=raw.table.schema.empty_table())  # a copy of the rows is let go once there is a newer one
    said, warnings = job.declaration, checked.warnings
    transform = None if said.transform is None else load_transform(said.transform, job.folder)
    line, record = raw.line, raw.record
    place = lambda row: f"{source}:{line[record[row]]}"  # noqa: E731
    shaped = shape(checked, said.derive, said.where, transform, _pinned(job), said.key, place)
    del checked
    outcome = Outcome(
        table=with_system_columns(shaped.table, source, raw, shaped.kept),
        filtered=shaped.filtered,
        rejects=_structural(raw) + shaped.rejects.moved(raw.record),
        warnings=warnings.among(shaped.kept).moved(raw.record),
        unique=shaped.unique,
    )
    return Records(source, content, numbers, raw.line, raw.offset, corrected), outcome


def _corrected(job: Job, raw: RawRows, numbers: Rows) -> tuple[RawRows, dict[int, dict[str, str | None]], Rejects]:
    """Correct the rows that have corrections; the new texts by record, and rows for which there are none, by row."""
    changes = job.changes(numbers)
    rows = {int(record): row for row, record in enumerate(raw.record)} if changes else {}
    if not (by_row := {rows[record]: said for record, said in changes.items() if record in rows}):
        return raw, {}, Rejects()
    found = correct(raw.table, by_row, job.declaration.nulls)
    values = {int(raw.record[row]): texts for row, texts in found.values.items()}
    return replace(raw, table=found.table), values, found.rejects


def job_of(payload: dict[str, Any]) -> Job:
    """Read a payload.

    Raises:
        IntegrityError: Its plan does not say what columns there are.
    """
    spare_pandas()
    declaration = DatasetDeclaration.model_validate(payload["plan"]["declaration"])
    if declaration.columns is None:
        raise IntegrityError(f"{declaration.name}: its inferred columns are not pinned; plan the batch anew")
    return Job(payload, declaration, declaration.columns)


def _pinned(job: Job) -> pa.Schema:
    """Return the schema that the plan pins, without the system columns."""
    system = {field.name for field in SYSTEM_FIELDS}
    return pa.schema([field for field in schema_from_text(job.plan["schema"]) if field.name not in system])


def _sets(job: Job) -> ReferenceSets:
    return ReferenceSets(loader(job.plan["references"], job.home))


def _sample(job: Job) -> pa.Table:
    """Return the first good rows; the whole chunk is checked only if its beginning has none."""
    if not job.payload["items"]:
        return schema_of(job.columns).empty_table()
    raw = job.rows(job.load()).table
    good, _ = check(raw.slice(0, _PROBE_RECORDS), job.columns, _sets(job)).good()
    if not good.num_rows and raw.num_rows > _PROBE_RECORDS:
        good, _ = check(raw, job.columns, _sets(job)).good()
    return good.slice(0, PROBE_ROWS)


def _structural(raw: RawRows) -> Rejects:
    records: dict[tuple[str, str], list[int]] = {}
    for reject in raw.structural:
        records.setdefault((reject.rule, reject.message), []).append(reject.record)
    return Rejects(
        Finding(rule, None, message, np.sort(np.array(where, np.int64))) for (rule, message), where in records.items()
    )
