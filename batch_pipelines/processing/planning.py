"""From a declaration and a partition to a batch: find the files, know them by content, cut them into chunks, once.

A key that is the one now published needs nothing; an unfinished batch of the same key is resumed with the plan it
has; anything else is planned. The table itself has the last word on what is published (`_reconcile`).
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

import pyarrow as pa

from batch_pipelines.core.errors import ConfigError, InputError, SourceChanged
from batch_pipelines.core.faults import fault
from batch_pipelines.core.ledger.ledger import Ledger
from batch_pipelines.core.model import Batch, BatchPlan, BatchState, ChunkPlan, Json
from batch_pipelines.processing.declaration.catalog import Catalog, Entry
from batch_pipelines.processing.declaration.columns import Column
from batch_pipelines.processing.declaration.types import arrow_type
from batch_pipelines.processing.declaration.model import CsvOptions, DatasetDeclaration
from batch_pipelines.processing.rows.expressions import describe
from batch_pipelines.processing.sources.csv_plan import SourcePlan, plan_csv
from batch_pipelines.processing.sources.csv_read import infer_columns
from batch_pipelines.processing.sources.csv_records import Dialect
from batch_pipelines.processing.sources.files import SourceFile, combined, files_of, sha256_of
from batch_pipelines.processing.sources.staging import Caps
from batch_pipelines.processing.tables.delta import (
    app_id,
    files_at,
    published_number,
    schema_of,
    table_path,
    version,
)
from batch_pipelines.processing.tables.parts import SYSTEM_FIELDS, schema_to_text

Probe = Callable[[Json], Json]


class Found(StrEnum):
    """What planning a partition found."""

    CURRENT = "current"  # published already, nothing to do
    RESUMED = "resumed"
    PLANNED = "planned"


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of one partition.

    Attributes:
        force: Process again what is published already, as a new generation that belongs to `root_run`.
        root_run: The Dagster run that began it all; its retries resume what it forced.
        chunk_size: Bytes of a chunk, instead of the declared.
    """

    dataset: str
    partition: str
    force: bool = False
    root_run: str | None = None
    chunk_size: int | None = None


class Planner:
    """Plans batches of datasets.

    Args:
        catalog: The declarations.
        ledger: Where plans are recorded.
        home: What paths in YAML are relative to.
        data: The data folder.
        probe: Runs `work.probe` in a worker: what columns does a transform add?
    """

    def __init__(self, catalog: Catalog, ledger: Ledger, home: Path, data: Path, probe: Probe) -> None:
        self._catalog = catalog
        self._ledger = ledger
        self._home = home
        self._data = data
        self._probe = probe
        self._schemas: dict[str, str] = {}

    def plan(self, request: Request) -> tuple[Batch, Found]:
        """Find or make the batch of one partition.

        Raises:
            InputError: A source cannot be read as declared; the table is untouched.
            ConfigError: The declaration cannot work with what is there.
        """
        entry = self._catalog.entry(request.dataset)
        files = files_of(entry.declaration, request.partition, self._home, self._data)
        digests = [sha256_of(file) for file in files]
        key = _batch_key(request, combined(digests), entry)
        number, current = self._reconcile(request)
        if current and current.key == key and not (request.force and current.root_run != request.root_run):
            return current, Found.CURRENT
        pins = self._pins(entry.declaration)
        if taken_up := self._take_up(request, key, number, pins):
            return taken_up, Found.RESUMED
        fault("plan.started")
        plan = self._make(request, entry, files, digests, key, pins)
        batch = self._ledger.batches.open(plan, root_run=request.root_run, forced=request.force, published=number)
        return batch, Found.PLANNED

    def current(self, dataset: str, partition: str) -> Batch | None:
        """The published batch that `plan` would find current, without planning; None if there is something to do.

        Raises:
            InputError: A source cannot be read.
        """
        request, entry = Request(dataset, partition), self._catalog.entry(dataset)
        files = files_of(entry.declaration, partition, self._home, self._data)
        key = _batch_key(request, combined(sha256_of(file) for file in files), entry)
        current = self._reconcile(request)[1]
        return current if current and current.key == key else None

    def _reconcile(self, request: Request) -> tuple[int | None, Batch | None]:
        """The publication number that the table holds, and the batch it stands for.

        A crash between the table's commit and the ledger's leaves the batch open: it is recorded now. A table that
        was removed, or restored to an older state, does not hold what the ledger believes: then nothing is current.
        """
        batches = self._ledger.batches
        number = published_number(table_path(self._data, request.dataset), app_id(request.dataset, request.partition))
        unfinished = batches.unfinished(request.dataset, request.partition)
        if unfinished and number is not None and unfinished.publication == number:
            batches.finish(unfinished.id, BatchState.PUBLISHED)
        current = batches.current(request.dataset, request.partition)
        return number, current if current and current.publication == number else None

    def _take_up(self, request: Request, key: str, number: int | None, pins: Json) -> Batch | None:
        """An unfinished batch of this key; or a failed one, if its references are the newest."""
        batches = self._ledger.batches
        unfinished = batches.unfinished(request.dataset, request.partition)
        if unfinished and unfinished.key == key and (not request.force or unfinished.root_run == request.root_run):
            return unfinished
        failed = batches.failed(request.dataset, request.partition)
        if failed is None or failed.key != key or failed.plan["references"] != pins:
            return None
        if request.force and failed.root_run != request.root_run:
            return None
        return batches.reopen(failed, root_run=request.root_run, published=number)

    def _pins(self, declaration: DatasetDeclaration) -> Json:
        """Which version of each referenced table this batch will look at."""
        pins: Json = {}
        for dataset, column in sorted(declaration.references):
            at = version(table_path(self._data, dataset))
            if at is None:
                msg = f"{declaration.name} refers to {dataset}.{column}, but {dataset} has no table; process it first"
                raise ConfigError(msg)
            pins[f"{dataset}.{column}"] = {"version": at}
        return pins

    def _make(
        self,
        request: Request,
        entry: Entry,
        files: list[SourceFile],
        digests: list[str],
        key: str,
        pins: Json,
    ) -> BatchPlan:
        sources = [self._plan_file(request, entry.declaration, file) for file in files]
        for file, source, digest in zip(files, sources, digests, strict=True):
            if source.sha256 != digest:
                raise SourceChanged(
                    file.name, "was written to while it was planned; it is planned again by the next run"
                )
        declaration = entry.declaration
        if declaration.columns is None:
            declaration = declaration.model_copy(update={"columns": self._infer(declaration, files)})
        headers = {file.name: _header(declaration, file, source) for file, source in zip(files, sources, strict=True)}
        plan: Json = {
            "declaration": declaration.model_dump(mode="json"),
            "folder": self._relative(entry.folder),
            "headers": headers,
            "references": pins,
            "files": [
                {"name": f.name, "sha256": s.sha256, "items": s.items, "blank_lines": s.blank_lines}
                for f, s in zip(files, sources, strict=True)
            ],
        }
        chunks = [chunk for source in sources for chunk in source.chunks]
        plan["schema"] = self._schema(request, declaration, plan, chunks)
        return BatchPlan(request.dataset, request.partition, key, plan, chunks)

    def _plan_file(self, request: Request, declaration: DatasetDeclaration, file: SourceFile) -> SourcePlan:
        return plan_csv(
            file.path,
            file.name,
            dialect=dialect_of(declaration.csv),
            header=declaration.csv.header,
            encoding=declaration.csv.encoding,
            chunk_bytes=request.chunk_size or declaration.chunk_size,
            caps=Caps(),
            staging_dir=self._data / "staging" / declaration.name,
            home=self._home,
        )

    def _relative(self, folder: Path) -> str:
        return str(folder.relative_to(self._home) if folder.is_relative_to(self._home) else folder)

    def _infer(self, declaration: DatasetDeclaration, files: list[SourceFile]) -> Mapping[str, Column]:
        """Types of undeclared columns: those the table has, else what the first file looks like."""
        known = schema_of(table_path(self._data, declaration.name))
        looks = infer_columns(
            files[0].path,
            dialect_of(declaration.csv),
            declaration.csv.encoding,
            Caps(),
            nulls=declaration.nulls,
            source=files[0].name,
        )
        types = {} if known is None else {field.name: _type_name(str(field.type)) for field in known}
        return {name: Column(type=types.get(name) or kind) for name, kind in looks.items()}

    def _schema(self, request: Request, declaration: DatasetDeclaration, plan: Json, chunks: list[ChunkPlan]) -> str:
        """The columns that every part of this batch will have, as text. Found once for files of one kind."""
        known = json.dumps([plan["declaration"], list(plan["headers"].values())], sort_keys=True)
        if known not in self._schemas:
            self._schemas[known] = self._find_schema(request, declaration, plan, chunks)
        return self._schemas[known]

    def _find_schema(
        self, request: Request, declaration: DatasetDeclaration, plan: Json, chunks: list[ChunkPlan]
    ) -> str:
        columns = declaration.columns or {}
        declared = pa.schema([pa.field(name, column.arrow_type) for name, column in columns.items()])
        derived = describe(declared, declaration.derive, declaration.where)
        if declaration.transform is None or (not chunks and declaration.adds is None):
            return schema_to_text(pa.schema([*derived, *SYSTEM_FIELDS]))
        if declaration.adds is not None:  # no need to try the transform out
            return schema_to_text(pa.schema([*merged(derived, declaration.adds), *SYSTEM_FIELDS]))
        payload = {
            "home": str(self._home),
            "data": str(self._data),
            "dataset": request.dataset,
            "partition": request.partition,
            "plan": {**plan, "references": pinned_files(self._data, plan["references"])},
            "chunk": chunks[0].payload,
            "items": chunks[0].items,
        }
        return str(self._probe(payload)["schema"])


def merged(schema: pa.Schema, adds: Mapping[str, str]) -> pa.Schema:
    """The schema with the columns that a transform adds (at the end) or changes (in their place)."""
    for name, kind in adds.items():
        field, place = pa.field(name, arrow_type(kind)), schema.get_field_index(name)
        schema = schema.append(field) if place < 0 else schema.set(place, field)
    return schema


def pinned_files(data: Path, references: Mapping[str, Json]) -> Json:
    """Which part files hold the values of each reference, at the version that the plan pins."""
    return {
        reference: {
            "files": _files_at(table_path(data, reference.partition(".")[0]), pin["version"]),
            "column": reference.partition(".")[2],
        }
        for reference, pin in references.items()
    }


@lru_cache(maxsize=64)
def _files_at(table: Path, at: int) -> list[str]:
    return [str(table / name) for name in files_at(table, at)]


def dialect_of(csv: CsvOptions) -> Dialect:
    """How the scanner has to read files written so."""
    return Dialect(delimiter=csv.delimiter.encode(), quote=csv.quote.encode() if csv.quote else None)


def _batch_key(request: Request, content: str, entry: Entry) -> str:
    parts = (request.dataset, request.partition, content, entry.declaration.version(entry.folder))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _header(declaration: DatasetDeclaration, file: SourceFile, source: SourcePlan) -> list[str]:
    """Names of the file's columns, in its order.

    Raises:
        InputError: A declared column is missing, or there is one that is not declared and `extra: fail` forbids it.
    """
    columns = list(declaration.columns or {})
    if not declaration.csv.header:
        return columns
    if not source.columns and not source.items:  # an empty file
        return columns
    if missing := [name for name in columns if name not in source.columns]:
        raise InputError(
            file.name,
            f"column {', '.join(map(repr, missing))} is missing; the header has {', '.join(source.columns)}. "
            "Correct the file, or `columns` in the dataset's YAML",
            line=1,
        )
    extra = [name for name in source.columns if name not in columns]
    if extra and declaration.extra == "fail":
        raise InputError(
            file.name,
            f"column {', '.join(map(repr, extra))} is not declared; declare it, or write `extra: ignore`",
            line=1,
        )
    return source.columns


def _type_name(arrow: str) -> str | None:
    names = {
        "int64": "int",
        "double": "float",
        "string": "string",
        "large_string": "string",
        "string_view": "string",
    }
    names |= {"bool": "bool", "date32[day]": "date", "timestamp[us, tz=UTC]": "timestamp"}
    return names.get(arrow)
