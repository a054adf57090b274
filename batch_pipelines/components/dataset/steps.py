"""The three steps that every run of a dataset has: plan, lane, publish. Shared by asset jobs and `process_data`.

Each opens its own session, calls `Processing`, and says what happened. A lane may be lost together with its step, and
re-execution "from failure" may leave lanes out: so the last step finishes what is left and trusts the ledger alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import dagster as dg

from batch_pipelines.components.dataset.events import Describer
from batch_pipelines.components.graphs import StepContext
from batch_pipelines.core.model import Json
from batch_pipelines.orchestration.partitions import announce_files, dagster_key
from batch_pipelines.orchestration.progress import Narrator
from batch_pipelines.orchestration.session import failure, open_processing
from batch_pipelines.processing.declaration.model import DatasetDeclaration
from batch_pipelines.processing.pipeline import Overrides, Processing
from batch_pipelines.processing.reports import BatchReport, Planning, failures_of

LINES = 50


@dataclass(frozen=True, slots=True)
class Order:
    """What a run is asked to do.

    Attributes:
        dataset: The dataset.
        partitions: Its partitions; None for all that have files.
        force: Process again what is current.
        lanes: Coordinators; None as declared.
        overrides: Instead of what is declared.
    """

    dataset: str
    partitions: Sequence[str] | None = None
    force: bool = False
    lanes: int | None = None
    overrides: Overrides = field(default_factory=Overrides)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to.

    Attributes:
        dataset: The dataset.
        good: Batches that are published, in order of partition.
        current: Those of them that had been published before this run.
        failures: A line for each partition that has none.
        partitions: Partitions asked for.
    """

    dataset: str
    good: list[BatchReport]
    current: frozenset[int]
    failures: list[str]
    partitions: int

    def raise_failures(self) -> None:
        """Fail the step if any partition failed.

        Raises:
            dagster.Failure: Names them.
        """
        if self.failures:
            raise failure(
                f"{len(self.failures)} of {self.partitions} partitions of {self.dataset} failed", self.failures
            )


def plan(context: StepContext, order: Order) -> tuple[Json, list[Json]]:
    """Plan the batches of an order; return what `publish` needs, and what each lane needs.

    Raises:
        dagster.Failure: There is no such dataset, no file, or a dataset it refers to cannot be processed.
    """
    with open_processing() as processing:
        declaration = processing.catalog.entry(order.dataset).declaration
        if order.partitions is None:
            for misfit in processing.misfits(order.dataset)[:LINES]:
                context.log.warning("%s: %s", misfit.name, misfit.reason)
        planning = processing.plan(
            order.dataset,
            order.partitions,
            force=order.force,
            root_run=root_run(context),
            overrides=order.overrides,
        )
        unknown = _unknown_references(context, processing, declaration, planning)
        log_materialisations(context, processing, [*planning.prepared, *unknown])
        if declaration.partitions == "file":
            announce_files(context.instance, declaration, processing.partitions(order.dataset))
        _tell_plan(context, processing, planning)
    overrides = asdict(order.overrides)
    planned: Json = {
        "dataset": planning.dataset,
        "batch_ids": planning.batch_ids,
        "current": planning.current,
        "problems": planning.problems,
        "prepared": [f"{report.dataset}: {report.message}" for report in planning.prepared],
        "overrides": overrides,
    }
    waiting = [batch_id for batch_id in planning.batch_ids if batch_id not in planning.current]
    count = (order.lanes or declaration.lanes) if waiting else 1
    return planned, [{"lane": n, "batch_ids": waiting, "overrides": overrides} for n in range(1, count + 1)]


def lane(context: StepContext, assigned: Mapping[str, Any]) -> None:
    """Claim, work and commit chunks until none is left.

    Args:
        context: The op's.
        assigned: What `plan` gave this lane.
    """
    with open_processing() as processing:
        processing.work(assigned["batch_ids"], overrides=Overrides(**assigned["overrides"]), report=Narrator(context))


def publish(context: StepContext, processing: Processing, planned: Mapping[str, Any]) -> Outcome:
    """Finish what lanes have left, then say what became of every batch, from the ledger.

    Args:
        context: The op's.
        processing: An open session.
        planned: What `plan` said.
    """
    planning = Planning(planned["dataset"], planned["batch_ids"], planned["current"], dict(planned["problems"]))
    processing.work(
        planning.batch_ids,
        overrides=Overrides(**planned["overrides"]),
        report=Narrator(context),
        wait_for_others=True,
    )
    reports = processing.review(planning.batch_ids)
    current = frozenset(planning.current)
    _tell_outcome(context, reports, current)
    return Outcome(
        dataset=planning.dataset,
        good=[report for report in reports if report.ok],
        current=current,
        failures=failures_of(planning, reports),
        partitions=len(reports) + len(planning.problems),
    )


def log_materialisations(context: StepContext, processing: Processing, reports: Sequence[BatchReport]) -> None:
    """Log that the tables and dead letters of these batches are there: where no output of the step says so."""
    for event in _materialisations(processing, reports):
        context.log_event(event)


def root_run(context: StepContext) -> str:
    """Return the run that began it all: re-executions and retries go on with what it forced."""
    return context.run.root_run_id or context.run_id


def _unknown_references(
    context: StepContext, processing: Processing, declaration: DatasetDeclaration, planning: Planning
) -> list[BatchReport]:
    """What is published of the datasets that this one refers to, where no run has ever logged it: it was killed."""
    names = sorted({name for name, _ in declaration.references} - {report.dataset for report in planning.prepared})
    unknown = [name for name in names if context.instance.get_latest_materialization_event(dg.AssetKey(name)) is None]
    published = [batch.id for name in unknown for batch in processing.ledger.batches.currents(name).values()]
    return [report for report in processing.review(published) if report.ok]


def _materialisations(processing: Processing, reports: Sequence[BatchReport]) -> Iterator[dg.AssetMaterialization]:
    describers: dict[str, Describer] = {}
    for report in reports:
        if report.dataset not in describers:
            describers[report.dataset] = Describer(processing, report.dataset)
        for key, metadata in describers[report.dataset].describe(report).items():
            yield dg.AssetMaterialization(asset_key=key, partition=dagster_key(report.partition), metadata=metadata)


def _tell_outcome(context: StepContext, reports: Sequence[BatchReport], current: frozenset[int]) -> None:
    """Say what became of each batch; of very many, only of those that failed (a line costs Dagster 10 ms)."""
    good = [report for report in reports if report.ok]
    for report in reports:
        if not report.ok:
            context.log.error("%s/%s: %s", report.dataset, report.partition, report.message)
        elif len(good) <= LINES:
            note = "current, nothing to do: " if report.batch_id in current else ""
            context.log.info("%s/%s: %s%s", report.dataset, report.partition, note, report.message)
    for change in dict.fromkeys(
        line for report in good if report.batch_id not in current for line in report.schema_change
    ):
        context.log.warning("columns of %s changed: %s", good[0].dataset, change)
    if len(good) > LINES:
        rows, letters = sum(report.rows for report in good), sum(report.dead_letters for report in good)
        context.log.info(
            "%d partitions are published: %s rows, %s dead letters", len(good), f"{rows:,}", f"{letters:,}"
        )


def _tell_plan(context: StepContext, processing: Processing, planning: Planning) -> None:
    for report in planning.prepared:
        context.log.info("%s had no table yet and was processed first: %s", report.dataset, report.message)
    for partition, why in planning.problems.items():
        context.log.error("%s/%s: %s", planning.dataset, partition, why)
    counts = processing.ledger.chunks.counts(planning.batch_ids)
    context.log.info(
        "%s: partitions %d, of them current %d; chunks %d, items %s",
        planning.dataset,
        len(planning.batch_ids) + len(planning.problems),
        len(planning.current),
        counts.chunks,
        f"{counts.items:,}",
    )
