"""A backfill in the foreground: one run of a dataset's asset job over a contiguous range of partitions.

The run is a real one of the instance, with the tags that `dg launch --partition-range` and the UI's single-run
backfills give theirs; no daemon is needed. What must not live here: which partitions are asked for (processing/).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import dagster as dg
from dagster._core.definitions.reconstruct import ReconstructableRepository  # noqa: TID251  as `dagster job execute` does
from dagster._core.storage.tags import (  # noqa: TID251  their names are nowhere public
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
    PARTITION_NAME_TAG,
)
from dagster._utils.interrupts import capture_interrupts  # noqa: TID251  Ctrl-C ends the run as it does there

from batch_pipelines.core.settings import Settings
from batch_pipelines.orchestration.instance import open_instance
from batch_pipelines.orchestration.names import job_name
from batch_pipelines.orchestration.partitions import announce_files, partitions_def
from batch_pipelines.processing.declaration.model import DatasetDeclaration

DEFINITIONS = "batch_pipelines.definitions"


@dataclass(frozen=True, slots=True)
class RangeRun:
    """A run that has ended.

    Attributes:
        run_id: Dagster's.
        ok: Whether every partition came to a good end.
        failures: What the failed steps said, the whole text of each.
    """

    run_id: str
    ok: bool
    failures: list[str]


def run_range(
    settings: Settings, declaration: DatasetDeclaration, partitions: Sequence[str], *, log_level: str = "INFO"
) -> RangeRun:
    """Process a contiguous range of partitions in one run of the dataset's job, in this process.

    Args:
        settings: Where the instance is.
        declaration: The dataset.
        partitions: Keys without a gap, in order; empty for a dataset without partitions.
        log_level: What of the run's log goes to stderr.
    """
    with open_instance(settings) as instance:
        announce_files(instance, declaration, partitions)
        repository = ReconstructableRepository.for_module(DEFINITIONS, "defs", str(settings.home))
        job = repository.get_reconstructable_job(job_name(declaration.name))
        with (
            capture_interrupts(),
            dg.execute_job(
                job,
                instance,
                run_config={"loggers": {"console": {"config": {"log_level": log_level}}}},
                tags=range_tags(partitions),
                raise_on_error=False,
            ) as result,
        ):
            failed = result.filter_events(lambda event: event.is_step_failure)
            said = [str(event.step_failure_data.error_display_string) for event in failed]
            return RangeRun(result.run_id, result.success, said)


def ordered_keys(settings: Settings, declaration: DatasetDeclaration, partitions: Sequence[str]) -> list[str]:
    """Return every key of a dataset in the order in which Dagster has them, `partitions` among them.

    Keys of files stand in the order in which they became known, which need not be that of their names.
    """
    definition = partitions_def(declaration)
    if definition is None:
        return []
    with open_instance(settings) as instance:
        announce_files(instance, declaration, partitions)
        return list(definition.get_partition_keys(dynamic_partitions_store=instance))


def range_tags(partitions: Sequence[str]) -> Mapping[str, str]:
    """Return the run tags that name partitions: none, one, or a range by its ends."""
    if not partitions:
        return {}
    if len(partitions) == 1:
        return {PARTITION_NAME_TAG: partitions[0]}
    return {ASSET_PARTITION_RANGE_START_TAG: partitions[0], ASSET_PARTITION_RANGE_END_TAG: partitions[-1]}
