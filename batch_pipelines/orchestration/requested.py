"""Which partitions a run is for, from its tags: checks have no partitions of their own to ask."""

from collections.abc import Mapping

import dagster as dg
from dagster._core.storage.tags import (  # noqa: TID251  their names are nowhere public
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
    BACKFILL_ID_TAG,
    PARTITION_NAME_TAG,
)


def partitions_of_run(tags: Mapping[str, str], definition: dg.PartitionsDefinition[str] | None) -> list[str]:
    """Return the partitions that a run's tags name: one, a range, or none."""
    if PARTITION_NAME_TAG in tags:
        return [tags[PARTITION_NAME_TAG]]
    if definition is None or ASSET_PARTITION_RANGE_START_TAG not in tags:
        return []
    asked = dg.PartitionKeyRange(tags[ASSET_PARTITION_RANGE_START_TAG], tags[ASSET_PARTITION_RANGE_END_TAG])
    return list(definition.get_partition_keys_in_range(asked))


def is_backfill(tags: Mapping[str, str]) -> bool:
    """Whether a run makes up for the past: part of a backfill, or for a range of partitions."""
    return BACKFILL_ID_TAG in tags or ASSET_PARTITION_RANGE_START_TAG in tags
