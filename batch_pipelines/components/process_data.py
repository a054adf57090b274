"""The job `process_data`: the steps of any dataset, with flat run config.

It logs the materialisations that an asset job's outputs stand for, and it finds batches by the same keys: what one has
processed, the other has not to do again.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Any

import dagster as dg
from pydantic import ConfigDict, Field, ValidationError, create_model

from batch_pipelines.components import dataset_steps as steps
from batch_pipelines.components.dataset_checks import check_dataset, evaluation
from batch_pipelines.components.dataset_graph import PLAN_OUT, lane_op, plan_outputs
from batch_pipelines.core.key_problems import problems_of
from batch_pipelines.core.model import Json
from batch_pipelines.core.quantities import seconds, size_bytes
from batch_pipelines.orchestration.io_manager import JSON_IO_KEY, json_io_manager
from batch_pipelines.orchestration.names import letters_name
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
from batch_pipelines.processing.pipeline import Overrides, Processing
from batch_pipelines.processing.reports import BatchReport

FAVOURITE = "flights"
_CONSOLE = {"console": {"config": {"log_level": "INFO"}}}  # what happens to the data, not to Dagster's steps


class ProcessDataConfig(dg.Config):
    """What a run of `process_data` is asked to do, besides the dataset. Left out or null: as the dataset declares."""

    model_config = ConfigDict(extra="forbid")

    partitions: list[str] = Field(
        default=[],
        description='Keys of the partitions to process, e.g. ["2013-01", "2013-02"]. Empty: every partition that has '
        "files; for those whose content is published already there is nothing to do.",
    )
    force: bool = Field(
        default=False,
        description="Process again what is published already. Retries of this run go on with what it began.",
    )
    chunk_size: str = Field(
        default="",
        description='Size of a chunk, the unit of checkpoint and retry, e.g. "16MB" or "256KB". Empty: as declared. '
        "Holds for batches that this run plans; one that was begun goes on with the chunks it has.",
    )
    lanes: int | None = Field(
        default=None,
        description="Coordinators that work side by side, a process each. Null: as declared, usually 1: the workers "
        "of one lane use every core already.",
    )
    attempts: int | None = Field(default=None, description="Tries per chunk, the first included. Null: as declared.")
    soft_time_limit: str = Field(
        default="", description='Time after which a chunk is asked to stop, e.g. "270s" or "4m30s". Empty: as declared.'
    )
    hard_time_limit: str = Field(
        default="",
        description='Time after which a chunk\'s worker is killed, which costs an attempt, e.g. "5m". '
        "Empty: as declared.",
    )


class PlanConfig(ProcessDataConfig):
    """The same, as the plan step gets it."""

    dataset: str = Field(description="The dataset to process.")


@dg.op(
    name="plan",
    description="Finds the files of each partition, knows them by content, and cuts what is new into chunks. What is "
    "published already needs nothing; what was begun is taken up where it stopped.",
    out=dict(PLAN_OUT),
    retry_policy=INFRASTRUCTURE_RETRIES,
    pool=PROCESS_DATA,
)
def plan_op(context: dg.OpExecutionContext, config: PlanConfig) -> Iterator[dg.Output[Json] | dg.DynamicOutput[Json]]:
    """Plan the batches that the run config asks for."""
    yield from plan_outputs(*steps.plan(context, order_of(config)))


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
    with open_processing() as processing:
        outcome = steps.publish(context, processing, planned)
        steps.log_materialisations(context, processing, _not_yet_known(context.instance, outcome))
        wrong = _log_checks(context, processing, outcome.dataset)
        outcome.raise_failures()
        if wrong:
            raise failure(f"{len(wrong)} checks of {outcome.dataset} failed", wrong)


def _log_checks(context: dg.OpExecutionContext, processing: Processing, dataset: str) -> list[str]:
    """Check the dataset as an asset job does, and log it; return what must not be, a line for each."""
    results = check_dataset(processing, processing.catalog.entry(dataset).declaration)
    for key, result in results.items():
        context.log_event(evaluation(key, result))  # type: ignore[arg-type]  # its annotation forgets these events
    return [
        f"{key.name}: {result.description}"
        for key, result in results.items()
        if not result.passed and result.severity is dg.AssetCheckSeverity.ERROR
    ]


def process_data_job(catalog: Catalog) -> dg.JobDefinition | None:
    """Return the job for the datasets there are; None without any."""
    if not catalog.datasets:
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


def run_config_model(names: list[str]) -> type[dg.Config]:
    """Return the model of the run config, with the names of datasets as the allowed values of `dataset`."""
    choices = StrEnum("Dataset", {name: name for name in names})  # type: ignore[misc]  # the names are data
    default = FAVOURITE if FAVOURITE in names else names[0]
    dataset = Field(default=choices(default), description=f"The dataset to process: {', '.join(names)}.")
    model: type[dg.Config] = create_model(
        "ProcessDataRunConfig", __base__=ProcessDataConfig, dataset=(choices, dataset)
    )
    return model


def order_of(config: PlanConfig) -> steps.Order:
    """Read the units in a run config.

    Raises:
        dagster.Failure: A value cannot be; one line says which, and what to write.
    """
    problems: list[str] = []
    for name, value, high in (("lanes", config.lanes, MAX_LANES), ("attempts", config.attempts, 100)):
        if value is not None and not 1 <= value <= high:
            problems.append(f"{name}: {value} is out of range; write a number from 1 to {high}, or null")
    size, soft_s, hard_s = (
        _quantity(problems, name, text, read)
        for name, text, read in (
            ("chunk_size", config.chunk_size, size_bytes),
            ("soft_time_limit", config.soft_time_limit, seconds),
            ("hard_time_limit", config.hard_time_limit, seconds),
        )
    )
    if soft_s and hard_s and soft_s > hard_s:
        problems.append(f"soft_time_limit: {soft_s:g} s is longer than hard_time_limit, {hard_s:g} s")
    if problems:
        raise dg.Failure(description=f"run config: {'; '.join(problems)}", allow_retries=False)
    return steps.Order(
        config.dataset,
        config.partitions or None,
        force=config.force,
        lanes=config.lanes,
        overrides=Overrides(int(size) if size else None, config.attempts, soft_s, hard_s),
    )


def _quantity(problems: list[str], name: str, text: str, read: Any) -> float | None:
    if not text.strip():
        return None
    try:
        return float(read(text))
    except ValueError as error:
        problems.append(f"{name}: {error}")
        return None


class _ConfigMapping(dg.ConfigMapping):
    """A config mapping whose refusals are one line, in words: which key, what is allowed, what is nearest."""

    model: type[dg.Config]

    def resolve_from_unvalidated_config(self, config: Any) -> Any:
        try:
            return super().resolve_from_unvalidated_config(config)
        except dg.DagsterInvalidConfigError:
            said = refusal_of(self.model, config)
            if said is None:
                raise
            raise dg.DagsterInvalidConfigError(f"run config: {said}", [], config) from None  # type: ignore[no-untyped-call]


def refusal_of(model: type[dg.Config], config: object) -> str | None:
    """Return what is wrong with a run config, in one line; None if nothing is."""
    try:
        model.model_validate(config or {})
    except ValidationError as error:
        problems = [
            message for details in error.errors(include_url=False) for _, message in problems_of(details, model, config)
        ]
        return "; ".join(dict.fromkeys(problems))
    return None


def _config_mapping(catalog: Catalog) -> dg.ConfigMapping:
    model = run_config_model(list(catalog.datasets))

    def to_steps(asked: Any) -> dict[str, Any]:
        plan = {**asked.model_dump(), "dataset": asked.dataset.value}
        lanes = asked.lanes or catalog.entry(plan["dataset"]).declaration.lanes
        executor = {"multiprocess": multiprocess_config(lanes)} if 1 < lanes <= MAX_LANES else {"in_process": {}}
        return {"ops": {"plan": {"config": plan}}, "execution": {"config": executor}, "loggers": _CONSOLE}

    to_steps.__annotations__["asked"] = model
    plain = dg.config_mapping(to_steps)
    mapping = _ConfigMapping(plain.config_fn, plain.config_schema)
    mapping.model = model
    return mapping


def _not_yet_known(instance: dg.DagsterInstance, outcome: steps.Outcome) -> list[BatchReport]:
    """Return the batches to log: what this run made, and what was current without the instance knowing of it."""
    key, letters = dg.AssetKey(outcome.dataset), dg.AssetKey(letters_name(outcome.dataset))
    known: set[str | None] = set(
        instance.get_materialized_partitions(key) & instance.get_materialized_partitions(letters)
    )
    if instance.get_latest_materialization_event(key):
        known.add(None)
    return [
        report
        for report in outcome.good
        if report.batch_id not in outcome.current or dagster_key(report.partition) not in known
    ]
