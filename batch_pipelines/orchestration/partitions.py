"""Partitions in Dagster's terms: the same keys as ours, whatever they stand for.

A window that has begun is a partition already: its file may arrive before it ends.
"""

from collections.abc import Collection, Mapping
from datetime import datetime

import dagster as dg
from dagster._core.storage.tags import (  # noqa: TID251  their names are nowhere public
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
    BACKFILL_ID_TAG,
    PARTITION_NAME_TAG,
)

from batch_pipelines.core.declaring import windows
from batch_pipelines.core.declaring.partitions import ALL
from batch_pipelines.processing.declaration.model import DatasetDeclaration, Partitions

_CRON: Mapping[windows.Every, str] = {
    "hour": "0 * * * *",
    "day": "0 0 * * *",
    "week": "0 0 * * 1",
    "month": "0 0 1 * *",
}


def partitions_def(
    declaration: DatasetDeclaration,
) -> dg.TimeWindowPartitionsDefinition | dg.DynamicPartitionsDefinition | None:
    """Return the partitions of a dataset; None where it has only one, called `all`."""
    if isinstance(declaration.partitions, Partitions):
        return time_windows(declaration.partitions)
    return None if declaration.partitions is None else dg.DynamicPartitionsDefinition(name=files_set(declaration.name))


def files_set(dataset: str) -> str:
    """Return the name under which an instance keeps the keys of a dataset that has a partition per file."""
    return f"{dataset}_files"


def dagster_key(partition: str) -> str | None:
    """Return the partition key for Dagster's events; it has none for a dataset of one partition."""
    return None if partition == ALL else partition


def requested(context: dg.OpExecutionContext | dg.AssetExecutionContext) -> list[str] | None:
    """Return the partitions that a run was launched for: one, a range, or None for a run without any."""
    if context.has_partition_key or context.has_partition_key_range:
        return list(context.partition_keys)
    return None


def partitions_of_run(tags: Mapping[str, str], definition: dg.PartitionsDefinition[str] | None) -> list[str]:
    """Return the partitions that a run's tags name: one, a range, or none. Checks have none of their own to ask."""
    if PARTITION_NAME_TAG in tags:
        return [tags[PARTITION_NAME_TAG]]
    if definition is None or ASSET_PARTITION_RANGE_START_TAG not in tags:
        return []
    asked = dg.PartitionKeyRange(tags[ASSET_PARTITION_RANGE_START_TAG], tags[ASSET_PARTITION_RANGE_END_TAG])
    return list(definition.get_partition_keys_in_range(asked))


def is_backfill(tags: Mapping[str, str]) -> bool:
    """Whether a run makes up for the past: part of a backfill, or for a range of partitions."""
    return BACKFILL_ID_TAG in tags or ASSET_PARTITION_RANGE_START_TAG in tags


def announce_files(instance: dg.DagsterInstance, declaration: DatasetDeclaration, keys: Collection[str]) -> None:
    """Make partitions known to the instance, where a dataset has one per file; elsewhere time makes them."""
    if declaration.partitions == "file" and keys:
        known = set(instance.get_dynamic_partitions(files_set(declaration.name)))
        if new := [key for key in keys if key not in known]:
            instance.add_dynamic_partitions(files_set(declaration.name), new)


def time_windows(partitions: Partitions, *, begun: bool = True) -> dg.TimeWindowPartitionsDefinition:
    """Return partitions by time, of a dataset, a report or a campaign.

    Args:
        partitions: As declared.
        begun: Whether a window that has only begun is a partition already.
    """
    every = partitions.every
    end: datetime | None = None
    if partitions.end is not None:
        end = windows.after(windows.read_key(partitions.end, every), every)
    return dg.TimeWindowPartitionsDefinition(
        start=windows.read_key(partitions.start, every),
        end=end,
        fmt=windows.key_format(every),
        cron_schedule=_CRON[every],
        timezone=partitions.timezone,
        end_offset=1 if begun else 0,
    )
