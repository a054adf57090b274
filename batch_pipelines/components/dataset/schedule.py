"""The declared schedule of a dataset: it processes what is new.

Files tell whether they are new. A query does not: it would have to be asked again for every window there ever was. So
a tick asks for the window that ended last, and for those that were never published.
"""

from typing import Any

import dagster as dg

from batch_pipelines.orchestration.names import job_name, schedule_name
from batch_pipelines.orchestration.policies import PROCESS_DATA, RUN_TAGS
from batch_pipelines.orchestration.session import open_processing
from batch_pipelines.processing.declaration.model import DatasetDeclaration, Partitions


def dataset_schedule(declaration: DatasetDeclaration) -> dg.ScheduleDefinition | None:
    """Return the schedule, None if none is declared."""
    if declaration.schedule is None:
        return None
    alone = declaration.partitions is None
    by_time = isinstance(declaration.partitions, Partitions)
    more: dict[str, Any] = {"run_config": {} if alone else {"dataset": declaration.name}, "tags": RUN_TAGS}
    if declaration.from_sql and by_time:
        more = {"execution_fn": lambda context: _due(context, declaration.name)}
    return dg.ScheduleDefinition(
        name=schedule_name(declaration.name),
        job_name=job_name(declaration.name) if alone else PROCESS_DATA,
        cron_schedule=declaration.schedule,
        execution_timezone=declaration.partitions.timezone if isinstance(declaration.partitions, Partitions) else None,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Processes what is new of {declaration.name}.",
        **more,
    )


def _due(_context: dg.ScheduleEvaluationContext, dataset: str) -> dg.RunRequest | dg.SkipReason:
    with open_processing() as processing:
        partitions = processing.due(dataset)
    if not partitions:
        return dg.SkipReason(f"no partition of {dataset} has ended yet")
    return dg.RunRequest(run_config={"dataset": dataset, "partitions": partitions}, tags=RUN_TAGS)
