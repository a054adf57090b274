"""Dagster's own fan-out: one step lists the chunks, one mapped step does each, one step collects."""

from collections.abc import Iterator

from dagster import Config, DynamicOut, DynamicOutput, JobDefinition, job, multiprocess_executor, op
from dagster import in_process_executor as one_process


class Chunks(Config):
    """How many chunks there are."""

    count: int


@op(out=DynamicOut(int))
def listed(config: Chunks) -> Iterator[DynamicOutput[int]]:
    """List the chunks."""
    for number in range(config.count):
        yield DynamicOutput(number, mapping_key=str(number))


@op
def nothing(number: int) -> int:
    """Do nothing, and account for one item."""
    del number
    return 1


@op
def collected(answers: list[int]) -> int:
    """Add up."""
    return sum(answers)


def _graph() -> None:
    collected(listed().map(nothing).collect())


def multiprocess() -> JobDefinition:
    """With Dagster's default executor: a process for each step, as many at a time as there are cores."""
    return job(name="multiprocess", executor_def=multiprocess_executor)(_graph)


def in_process() -> JobDefinition:
    """With all steps in one process, one after the other."""
    return job(name="in_process", executor_def=one_process)(_graph)
