"""The job `replay_dead_letters`: dead letters of a dataset are tried again, as new generations of their partitions.

Only its first step is its own: lanes and publication are those of `process_data`.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from batch_pipelines.components.dataset import steps
from batch_pipelines.components.dataset.graph import PLAN_OUT, PLANNED, lane_op
from batch_pipelines.components.graphs import fan_out
from batch_pipelines.components.jobs.flat_config import CONSOLE, flat_config
from batch_pipelines.components.jobs.process_data import publish_op
from batch_pipelines.components.jobs.replay_config import PlanReplayConfig, replay_of, run_config_model
from batch_pipelines.core.model import Json
from batch_pipelines.orchestration.io_manager import JSON_IO_KEY, json_io_manager
from batch_pipelines.orchestration.policies import INFRASTRUCTURE_RETRIES, PROCESS_DATA, REPLAY_DEAD_LETTERS, RUN_TAGS
from batch_pipelines.orchestration.session import open_processing
from batch_pipelines.processing.declaration.catalog import Catalog
from batch_pipelines.processing.replaying import replay

USER_TAG = "user"
SHOWN = 5


@dg.op(
    name="plan_replay",  # `plan` is process_data's; in the job this step is called so, too
    description="Finds the dead letters that are meant, records the corrections, and plans each partition once more: "
    "what is done is carried over, the letters are tried again against the newest tables. Nothing meant: it ends well.",
    out=PLAN_OUT,
    retry_policy=INFRASTRUCTURE_RETRIES,
    pool=PROCESS_DATA,
)
def plan_replay_op(
    context: dg.OpExecutionContext, config: PlanReplayConfig
) -> Iterator[dg.Output[Json] | dg.DynamicOutput[Json]]:
    """Plan the replays that the run config asks for."""
    root_run = steps.root_run(context)
    asked = replay_of(config, root_run=root_run, who=context.run.tags.get(USER_TAG, f"run {root_run[:8]}"))
    with open_processing() as processing:
        replaying = replay.plan(processing, asked)
    _tell(context, replaying)
    planning = replaying.planning
    planned: Json = {
        "dataset": planning.dataset,
        "batch_ids": planning.batch_ids,
        "current": [],
        "problems": planning.problems,
        "prepared": [],
        "overrides": {},
    }
    yield from fan_out(PLANNED, planned, [{"lane": 1, "batch_ids": planning.batch_ids, "overrides": {}}])


def _tell(context: dg.OpExecutionContext, replaying: replay.Replaying) -> None:
    name = replaying.planning.dataset
    for partition, why in replaying.planning.problems.items():
        context.log.error("%s/%s: %s", name, partition, why)
    if not replaying.planning.batch_ids and not replaying.planning.problems:
        context.log.info("nothing to do: none of the %d dead letters of %s is meant", replaying.letters, name)
        return
    shown = list(replaying.reasons.items())
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in shown[:SHOWN])
    context.log.info(
        "%s: %s of %s dead letters are tried again, in %d partitions%s",
        name,
        f"{replaying.tried:,}",
        f"{replaying.letters:,}",
        len(replaying.planning.batch_ids),
        f": {reasons}" if reasons else "",
    )
    if replaying.unreadable:
        context.log.warning("%d letters cannot be tried: their content was not kept", replaying.unreadable)


def replay_dead_letters_job(catalog: Catalog) -> dg.JobDefinition | None:
    """Return the job for the datasets there are; None without any."""
    if not catalog.entries:
        return None
    model = run_config_model(list(catalog.entries))

    def to_steps(asked: Any) -> dict[str, Any]:
        plan = {**asked.model_dump(), "dataset": asked.dataset.value}
        return {"ops": {"plan": {"config": plan}}, "loggers": CONSOLE}

    @dg.job(
        name=REPLAY_DEAD_LETTERS,
        description="Tries dead letters of a dataset again, corrected if need be, against the newest tables; what they "
        "come to is published with the rows that are there. Run again, it goes on where it stopped.",
        config=flat_config(model, to_steps),
        resource_defs={JSON_IO_KEY: json_io_manager},
        executor_def=dg.in_process_executor,
        tags=RUN_TAGS,
    )
    def replay_dead_letters() -> None:
        planned, lanes = plan_replay_op.alias("plan")()
        publish_op(planned, lanes=lanes.map(lane_op).collect())

    return replay_dead_letters
