"""From a declaration and a partition to a batch: find the files, know them by content, cut them into chunks, once.

A key that is the one now published needs nothing; an unfinished batch of the same key is resumed with the plan it
has; anything else is planned. The table itself has the last word on what is published (`_reconcile`).
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import pyarrow as pa

from batch_pipelines.core.errors import ConfigError, IntegrityError, SourceChanged
from batch_pipelines.core.faults import fault
from batch_pipelines.core.ledger.ledger import Ledger
from batch_pipelines.core.model import Batch, BatchPlan, BatchState, ChunkPlan, Json
from batch_pipelines.lake.delta import (
    app_id,
    published_number,
    schema_of,
    table_path,
    version,
)
from batch_pipelines.lake.parts import SYSTEM_FIELDS, schema_from_text, schema_to_text
from batch_pipelines.lake.schema_change import changes_between, widened
from batch_pipelines.processing.dead_letters.corrections import ACCEPTED, contents_of, freeze, known_of
from batch_pipelines.processing.declaration.catalog import Catalog, Entry
from batch_pipelines.processing.declaration.model import DatasetDeclaration
from batch_pipelines.processing.planning.file_columns import header_of, with_columns
from batch_pipelines.processing.planning.identity import batch_key
from batch_pipelines.processing.planning.new_content import NewContent, new_content
from batch_pipelines.processing.planning.pins import pinned_files
from batch_pipelines.processing.planning.sourcing import Sources
from batch_pipelines.processing.rows.casts import schema_of as schema_of_columns
from batch_pipelines.processing.rows.expressions import describe
from batch_pipelines.processing.rows.shape import with_added
from batch_pipelines.processing.sources.files import SourceFile, sha256_of
from batch_pipelines.processing.sources.formats.registry import format_of
from batch_pipelines.processing.sources.inbox import refuse_unfinished
from batch_pipelines.processing.sources.reading import PlanFor, SourcePlan
from batch_pipelines.processing.tables.write_modes import APPENDED

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

    def asks_anew(self, batch: Batch) -> bool:
        """Whether this forces what `batch` has been through: not if its own run, or a retry of that, forced it."""
        return self.force and (self.root_run is None or self.root_run != batch.root_run)


class Planner:
    """Plans batches of datasets.

    Args:
        catalog: The declarations.
        ledger: Where plans are recorded.
        sources: Where rows come from.
        home: What paths in YAML are relative to.
        data: The data folder.
        probe: Runs `work.probe` in a worker: what columns does a transform add?
    """

    def __init__(
        self, catalog: Catalog, ledger: Ledger, sources: Sources, home: Path, data: Path, probe: Probe
    ) -> None:
        self._catalog = catalog
        self._ledger = ledger
        self._sources = sources
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
        files = self._sources.files(entry, request.partition)
        seen = self._ledger.batches.current(request.dataset, request.partition)
        number, current = self._reconcile(request)
        digests, fresh = None, self._fresh(request, entry, files, current)
        if fresh and not fresh.files and current:
            self._supersede_others(request, current.key)
            return current, Found.CURRENT
        files = fresh.files if fresh else files
        if self._is_known(request, number):
            digests = fresh.digests if fresh else [sha256_of(file) for file in files]
            key = self._key(request, entry, digests)
            if current and current.key == key and not request.asks_anew(current):
                self._supersede_others(request, key)
                return current, Found.CURRENT
            if taken_up := self._take_up(request, key, number, self._pins(entry.declaration)):
                return self._as_declared_today(taken_up, entry.declaration), Found.RESUMED
        refuse_unfinished(files, self._data)
        fault("plan.started")
        plan = self._make(request, entry, files, digests, self._pins(entry.declaration))
        if fresh:
            plan.plan[APPENDED] = fresh.marks
        batch = self._ledger.batches.open(
            plan, root_run=request.root_run, forced=request.force, published=number, seen=seen.id if seen else None
        )
        return batch, Found.CURRENT if batch.state is BatchState.PUBLISHED else Found.PLANNED

    def current(self, dataset: str, partition: str) -> Batch | None:
        """The published batch that `plan` would find current, without planning; None if there is something to do.

        Raises:
            InputError: A source cannot be read.
        """
        request, entry = Request(dataset, partition), self._catalog.entry(dataset)
        files = self._sources.files(entry, partition)
        current = self._reconcile(request)[1]
        if fresh := self._fresh(request, entry, files, current):
            return None if fresh.files else current
        key = self._key(request, entry, [sha256_of(file) for file in files])
        return current if current and current.key == key else None

    def _fresh(self, request: Request, entry: Entry, files: list[SourceFile], now: Batch | None) -> NewContent | None:
        """What there is to append; None if the dataset is not appended to."""
        if entry.declaration.write != "append":
            return None
        fresh = new_content(self._data, request.dataset, request.partition, files, now)
        if request.force and (now is None or request.asks_anew(now)):
            fresh.refuse_twice(f"{request.dataset}/{request.partition}")
        return fresh

    def _is_known(self, request: Request, number: int | None) -> bool:
        """Whether there is anything to compare the content with; else it is hashed only as it is planned."""
        batches = self._ledger.batches
        looks = (batches.current, batches.unfinished, batches.failed)
        return number is not None or any(look(request.dataset, request.partition) for look in looks)

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

    def _key(self, request: Request, entry: Entry, digests: Sequence[str]) -> str:
        known = known_of(self._ledger, request.dataset, digests)
        return batch_key(request.dataset, request.partition, digests, entry, known.digest)

    def _take_up(self, request: Request, key: str, number: int | None, pins: Json) -> Batch | None:
        """An unfinished batch of this key; or a failed one, if its references are the newest."""
        batches = self._ledger.batches
        unfinished = batches.unfinished(request.dataset, request.partition)
        if unfinished and unfinished.key == key and (not request.force or unfinished.root_run == request.root_run):
            if self._can_be_worked_on(unfinished):
                return unfinished
            batches.finish(unfinished.id, BatchState.SUPERSEDED, "a table that it refers to was made anew")
        failed = batches.failed(request.dataset, request.partition)
        if failed is None or failed.key != key or failed.plan["references"] != pins:
            return None
        if request.asks_anew(failed):
            return None
        return batches.reopen(failed, root_run=request.root_run, published=number)

    def _can_be_worked_on(self, batch: Batch) -> bool:
        try:
            pinned_files(self._data, batch.plan["references"])
        except IntegrityError:
            return False
        return True

    def _supersede_others(self, request: Request, key: str) -> None:
        """Other content was planned, and taken back before it was published: it must not be published after all."""
        unfinished = self._ledger.batches.unfinished(request.dataset, request.partition)
        if unfinished and unfinished.key != key:
            reason = f"the source is again what is published (key {key[:8]})"
            self._ledger.batches.finish(unfinished.id, BatchState.SUPERSEDED, reason)

    def _as_declared_today(self, batch: Batch, declaration: DatasetDeclaration) -> Batch:
        """What may change without another key (limits, attempts, time limits, acceptances) counts as it is today."""
        today = {**declaration.model_dump(mode="json"), "columns": batch.plan["declaration"]["columns"]}
        known = known_of(self._ledger, batch.pipeline, contents_of(batch.plan).values())
        kept = {name: said for name, said in batch.plan.items() if name != ACCEPTED}
        plan = {**kept, **freeze(known, self._data, batch.pipeline), "declaration": today}
        return batch if plan == batch.plan else self._ledger.batches.amend(batch.id, plan)

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
        self, request: Request, entry: Entry, files: list[SourceFile], digests: list[str] | None, pins: Json
    ) -> BatchPlan:
        sources = [self._plan_file(request, entry.declaration, file) for file in self._sources.fetched(entry, files)]
        found = [source.sha256 for source in sources]
        for file, now, digest in zip(files, found, digests or found, strict=True):
            if now != digest:
                raise SourceChanged(
                    file.name, "was written to while it was planned; it is planned again by the next run"
                )
        declaration = entry.declaration
        if declaration.columns is None:
            table = schema_of(table_path(self._data, declaration.name))
            declaration = with_columns(declaration, files, table, self._plan_for(request, declaration))
        headers = {file.name: header_of(declaration, file, source) for file, source in zip(files, sources, strict=True)}
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
        table = schema_of(table_path(self._data, request.dataset))
        after = widened(table, schema_from_text(plan["schema"]), request.dataset)  # now, not when all the work is done
        plan["schema_change"] = changes_between(table, after)
        known = known_of(self._ledger, request.dataset, found)
        plan |= freeze(known, self._data, request.dataset)
        key = batch_key(request.dataset, request.partition, found, entry, known.digest)
        return BatchPlan(request.dataset, request.partition, key, plan, chunks)

    def _plan_file(self, request: Request, declaration: DatasetDeclaration, file: SourceFile) -> SourcePlan:
        return format_of(declaration).plan(file, self._plan_for(request, declaration))

    def _plan_for(self, request: Request, declaration: DatasetDeclaration) -> PlanFor:
        size, staging = request.chunk_size or declaration.chunk_size, self._data / "staging" / declaration.name
        return PlanFor(size, staging, self._home)

    def _relative(self, folder: Path) -> str:
        return str(folder.relative_to(self._home) if folder.is_relative_to(self._home) else folder)

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
        declared = schema_of_columns(columns)
        derived = describe(declared, declaration.derive, declaration.where)
        if declaration.transform is None or (not chunks and declaration.adds is None):
            return schema_to_text(pa.schema([*derived, *SYSTEM_FIELDS]))
        if declaration.adds is not None:  # no need to try the transform out
            return schema_to_text(pa.schema([*with_added(derived, declaration.adds), *SYSTEM_FIELDS]))
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
