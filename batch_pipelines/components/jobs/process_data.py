"""The job `process_data`: the steps of any dataset, with flat run config.

It logs the materialisations that an asset job's outputs stand for, and it finds batches by the same keys: what one has
processed, the other has not to do again.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import dagster as dg

from batch_pipelines.components import item_steps
from batch_pipelines.components.dataset import steps
from batch_pipelines.components.dataset.checks import check_dataset, evaluation
from batch_pipelines.components.dataset.exports import (
    EXPORTED,
    check_exports,
    export,
    log_exports,
    raise_failures,
)
from batch_pipelines.components.dataset.graph import PLAN_OUT, PLANNED, lane_op
from batch_pipelines.components.graphs import fan_out
from batch_pipelines.components.jobs.flat_config import CONSOLE, flat_config
from batch_pipelines.components.jobs.process_data_config import (
    PlanConfig,
    contradiction,
    item_order_of,
    order_of,
    run_config_model,
)
from batch_pipelines.core.model import Json
from batch_pipelines.orchestration.io_manager import JSON_IO_KEY, json_io_manager
from batch_pipelines.orchestration.names import exports_name, letters_name
from batch_pipelines.orchestration.partitions import dagster_key
from batch_pipelines.orchestration.policies import (
    INFRASTRUCTURE_RETRIES,
    MAX_LANES,
    PROCESS_DATA,
    RUN_TAGS,
    multiprocess_config,
)
from batch_pipelines.orchestration.session import failure, open_processing
from batch_pipelines.processing.declaration.catalog import Catalog
from batch_pipelines.processing.export.exporter import Exporting
from batch_pipelines.processing.pipeline import Processing
from batch_pipelines.processing.reports import BatchReport


@dg.op(
    name="plan",
    description="Finds the files of each partition, knows them by content, and cuts what is new into chunks. What is "
    "published already needs nothing; what was begun is taken up where it stopped.",
    out=PLAN_OUT,
    retry_policy=INFRASTRUCTURE_RETRIES,
    pool=PROCESS_DATA,
)
def plan_op(context: dg.OpExecutionContext, config: PlanConfig) -> Iterator[dg.Output[Json] | dg.DynamicOutput[Json]]:
    """Plan the batches that the run config asks for."""
    if config.items is None:
        yield from fan_out(PLANNED, *steps.plan(context, order_of(config)))
    else:
        order = item_order_of(config, root_run=steps.root_run(context))
        yield from fan_out(PLANNED, *item_steps.plan(context, order, config.lanes or 1))


@dg.op(
    name="publish",
    description="Finishes what lanes have left, publishes it, and fails if any partition is missing, naming it; those "
    "that are good are there all the same. A re-run goes on with what is missing.",
    ins={"lanes": dg.In(dg.Nothing)},
    out=dg.Out(dg.Nothing),
    retry_policy=INFRASTRUCTURE_RETRIES,
    pool=PROCESS_DATA,
)
def publish_op(context: dg.OpExecutionContext, planned: dict[str, Any]) -> None:
    """End the run: log what is there, fail if anything is not."""
    if item_steps.are_items(planned):
        item_steps.publish(context, planned)
        return
    with open_processing() as processing:
        outcome = steps.publish(context, processing, planned)
        steps.log_materialisations(context, processing, _not_yet_known(context.instance, processing, outcome))
        exporting = _export(context, processing, outcome)
        wrong = _log_checks(context, processing, outcome.dataset)
        outcome.raise_failures()
        raise_failures(outcome.dataset, exporting)
        if wrong:
            raise failure(f"{len(wrong)} checks of {outcome.dataset} failed", wrong)


def _export(context: dg.OpExecutionContext, processing: Processing, outcome: steps.Outcome) -> Exporting:
    """Export what is published, as the asset of an asset job does, and log it."""
    if not processing.catalog.entry(outcome.dataset).declaration.export:
        return Exporting()
    exporting = export(context, processing, outcome.dataset, [report.partition for report in outcome.good])
    log_exports(context, outcome.dataset, exporting)
    return exporting


def _log_checks(context: dg.OpExecutionContext, processing: Processing, dataset: str) -> list[str]:
    """Check the dataset as an asset job does, and log it; return what must not be, a line for each."""
    declaration = processing.catalog.entry(dataset).declaration
    results = check_dataset(processing, declaration)
    if declaration.export:
        exported = check_exports(processing, dataset)
        results[dg.AssetCheckKey(dg.AssetKey(exports_name(dataset)), EXPORTED)] = exported
    for key, result in results.items():
        context.log_event(evaluation(key, result))  # type: ignore[arg-type]  # its annotation forgets these events
    return [
        f"{key.name}: {result.description}"
        for key, result in results.items()
        if not result.passed and result.severity is dg.AssetCheckSeverity.ERROR
    ]


def process_data_job(catalog: Catalog) -> dg.JobDefinition | None:
    """Return the job for the datasets there are; None without any."""
    if not catalog.entries:
        return None

    @dg.job(
        name=PROCESS_DATA,
        description="Processes partitions of a dataset: plan, work in lanes, publish. Run again, it goes on where it "
        "stopped; for what is published already there is nothing to do.",
        config=_config_mapping(catalog),
        resource_defs={JSON_IO_KEY: json_io_manager},
        executor_def=dg.multi_or_in_process_executor,
        tags=RUN_TAGS,
    )
    def process_data() -> None:
        planned, lanes = plan_op()
        publish_op(planned, lanes=lanes.map(lane_op).collect())

    return process_data


def _config_mapping(catalog: Catalog) -> dg.ConfigMapping:
    model = run_config_model(list(catalog.entries))

    def to_steps(asked: Any) -> dict[str, Any]:
        plan = {**asked.model_dump(), "dataset": asked.dataset.value}
        lanes = asked.lanes or catalog.entry(plan["dataset"]).declaration.lanes
        executor = {"multiprocess": multiprocess_config(lanes)} if 1 < lanes <= MAX_LANES else {"in_process": {}}
        return {"ops": {"plan": {"config": plan}}, "execution": {"config": executor}, "loggers": CONSOLE}

    return flat_config(model, to_steps, contradiction)


def _not_yet_known(instance: dg.DagsterInstance, processing: Processing, outcome: steps.Outcome) -> list[BatchReport]:
    """Return the batches to log: what this run made, and what was current without the instance knowing of it.

    It does not if no run has logged the partition, or if the batch was published after the last one did: whatever
    published it came to no end, or was no run.
    """
    key, letters = dg.AssetKey(outcome.dataset), dg.AssetKey(letters_name(outcome.dataset))
    known: set[str | None] = set(
        instance.get_materialized_partitions(key) & instance.get_materialized_partitions(letters)
    )
    latest = instance.get_latest_materialization_event(key)
    if latest:
        known.add(None)
    logged_at = latest.timestamp if latest else 0.0
    late = {
        batch.id
        for batch in processing.ledger.batches.get(sorted(outcome.current))
        if batch.finished_at and datetime.fromisoformat(batch.finished_at).timestamp() > logged_at
    }
    return [
        report
        for report in outcome.good
        if report.batch_id not in outcome.current
        or report.batch_id in late
        or dagster_key(report.partition) not in known
    ]
