"""The sensor that watches a dataset's inbox: a file that is whole becomes a run.

It says of every file that it does nothing with why not. What must not live here: when a file is whole (file_watch.py).
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

import dagster as dg

from batch_pipelines.components.dataset.file_watch import Delivery, Sighting, look
from batch_pipelines.core.declaring.partitions import window
from batch_pipelines.core.errors import InputError
from batch_pipelines.core.settings import Settings
from batch_pipelines.orchestration.names import job_name, sensor_name
from batch_pipelines.orchestration.partitions import dagster_key, files_set
from batch_pipelines.orchestration.session import current_settings
from batch_pipelines.processing.declaration.model import DatasetDeclaration, Partitions
from batch_pipelines.processing.planning.sourcing import Sources
from batch_pipelines.processing.sources.files import (
    inbox_files,
    inbox_folder,
    partition_of,
    shown_name,
)
from batch_pipelines.processing.sources.inbox import is_open_for_writing, misfits

INTERVAL_S = 10
RUNS_A_TICK = 25
NAMES_SHOWN = 10


def inbox_sensor(declaration: DatasetDeclaration) -> dg.SensorDefinition | None:
    """Return the sensor of a dataset that has an inbox or a partition per file; other datasets need none."""
    if not declaration.inbox and declaration.partitions != "file":
        return None

    @dg.sensor(
        name=sensor_name(declaration.name),
        job_name=job_name(declaration.name),
        minimum_interval_seconds=INTERVAL_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=_description(declaration),
    )
    def inbox(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        return evaluate(context, declaration, current_settings(), datetime.now(UTC))

    return inbox


def evaluate(
    context: dg.SensorEvaluationContext, declaration: DatasetDeclaration, settings: Settings, now: datetime
) -> dg.SensorResult:
    """Look at the inbox once.

    Args:
        context: Its cursor holds what was seen at the last tick.
        declaration: The dataset.
        settings: Where home and data are.
        now: The time; a window that lies ahead is not processed yet.
    """
    unfit = {misfit.name: misfit.reason for misfit in misfits(declaration, settings.home, settings.data)}
    seen, ahead = _sightings(declaration, settings, now, unfit)
    looked = look(context.cursor, seen, is_open_for_writing, limit=RUNS_A_TICK)
    remarks = [f"{name}: {reason}" for name, reason in {**unfit, **ahead, **looked.waiting}.items()]
    requests = [_request(declaration, delivery) for delivery in looked.deliveries]
    if requests:
        for remark in remarks:
            context.log.warning(remark)
    new = _new_keys(context, declaration, settings)
    return dg.SensorResult(
        run_requests=requests,
        skip_reason=None if requests else _skip_reason(remarks, declaration, settings),
        cursor=looked.cursor,
        dynamic_partitions_requests=[_partitions_of(declaration).build_add_request(new)] if new else [],
    )


def _sightings(
    declaration: DatasetDeclaration, settings: Settings, now: datetime, unfit: Mapping[str, str]
) -> tuple[list[Sighting], dict[str, str]]:
    """Return what lies in the inbox and fits, and by name what fits a window that has not begun."""
    seen: list[Sighting] = []
    ahead: dict[str, str] = {}
    for path in inbox_files(declaration, settings.data):
        name = shown_name(path, settings.home, settings.data)
        partition = partition_of(declaration, path.name)
        if name in unfit or partition is None:
            continue
        if isinstance(declaration.partitions, Partitions) and window(declaration.partitions, partition)[0] > now:
            ahead[name] = f"partition {partition} lies ahead; the file is processed when it begins"
            continue
        try:
            status = path.stat()
        except OSError:  # taken away meanwhile
            continue
        seen.append(Sighting(path, name, partition, status.st_size, status.st_mtime_ns))
    return seen, ahead


def _request(declaration: DatasetDeclaration, delivery: Delivery) -> dg.RunRequest:
    return dg.RunRequest(
        run_key=f"{declaration.name}/{delivery.partition}/{delivery.fingerprint}",
        partition_key=dagster_key(delivery.partition),
        tags={"batch/inbox": ", ".join(delivery.names[:NAMES_SHOWN])},
    )


def _new_keys(
    context: dg.SensorEvaluationContext, declaration: DatasetDeclaration, settings: Settings
) -> Sequence[str]:
    """Return partitions of a dataset with one per file, of its source or inbox, that the instance does not know."""
    if declaration.partitions != "file":
        return []
    known = set(context.instance.get_dynamic_partitions(files_set(declaration.name)))
    return [key for key in _existing(declaration, settings) if key not in known]


def _existing(declaration: DatasetDeclaration, settings: Settings) -> Iterator[str]:
    try:
        sources = Sources(settings.home, settings.data, settings.connections, lambda: datetime.now(UTC))
        yield from sources.partitions(declaration)
    except InputError:  # a run says so, with the reason; the next tick looks again
        return


def _partitions_of(declaration: DatasetDeclaration) -> dg.DynamicPartitionsDefinition:
    return dg.DynamicPartitionsDefinition(name=files_set(declaration.name))


def _skip_reason(remarks: Sequence[str], declaration: DatasetDeclaration, settings: Settings) -> dg.SkipReason:
    if not remarks:
        folder = shown_name(inbox_folder(declaration, settings.data), settings.home, settings.data)
        return dg.SkipReason(f"nothing new in {folder}" if declaration.inbox else "no new source file")
    more = [f"… and {len(remarks) - NAMES_SHOWN:,} more"] if len(remarks) > NAMES_SHOWN else []
    return dg.SkipReason("\n".join([*remarks[:NAMES_SHOWN], *more]))


def _description(declaration: DatasetDeclaration) -> str:
    if not declaration.inbox:
        return f"Makes a partition of every file that {declaration.source} finds. Starts no run."
    return (
        f"Takes files from data/inbox/{declaration.name}/, named as {declaration.inbox_name}: a new or "
        "changed one is processed as soon as it is whole. A file that failed is taken again when it changes."
    )
