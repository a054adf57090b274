"""What the demo has Dagster do: run to its end, with progress read from the ledger."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from batch_pipelines.cli import dagster_job, places
from batch_pipelines.cli.cells import counted
from batch_pipelines.cli.console import command, say
from batch_pipelines.cli.progress_bar import showing
from batch_pipelines.cli.watching import STARTING, Stage, Watch
from batch_pipelines.core.clock import SystemClock
from batch_pipelines.core.errors import BatchFailed

if TYPE_CHECKING:
    from batch_pipelines.core.settings import Settings
    from batch_pipelines.processing.pipeline import Processing

LOG_LINES = 8
STOPPING = Stage("stopping; Ctrl-C again kills it")


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be run.

    Attributes:
        title: What it is, e.g. `process_data: 12 partitions of flights`.
        about: The dataset, report or campaign that it is about.
        log: Name of the file for Dagster's log.
        start: Runs it to its end, and returns its exit code.
        look: Tells the stage that it is at.
        done: What is said afterwards, e.g. `12 partitions processed`.
    """

    title: str
    about: str
    log: str
    start: Callable[["Settings", Path, dagster_job.Look], int]
    look: Callable[[], Stage]
    done: str


def job_of_dataset(
    processing: "Processing",
    name: str,
    partitions: int,
    config: Mapping[str, Any],
    log: str,
    *,
    done: str = "processed",
    references: Collection[str] = (),
) -> Job:
    """Return a job that works on a dataset.

    Args:
        processing: The deployment.
        name: Of the job.
        partitions: How many it will work on.
        config: Its run config, which names the dataset.
        log: Name of the file for Dagster's log.
        done: What is said of the partitions afterwards.
        references: Datasets that may have to be processed before.
    """
    dataset, many = config["dataset"], counted(partitions, "partition")
    watch = Watch(processing.ledger, dataset, references, partitions)
    start = job_start(name, config)
    return Job(f"{name}: {many} of {dataset}", dataset, log, start, watch.look, f"{many} {done}")


def job_start(name: str, config: Mapping[str, Any]) -> Callable[["Settings", Path, dagster_job.Look], int]:
    """Return what runs a job by its name."""
    return lambda settings, log, look: dagster_job.execute(settings, name, config, log, look)


def run(processing: "Processing", job: Job) -> None:
    """Run a job in Dagster until it ends.

    Raises:
        BatchFailed: It did not succeed.
    """
    clock = SystemClock()
    log = processing.settings.data / "logs" / job.log
    began = clock.monotonic()
    say(f"{job.title}; Dagster's log: {places.shown_path(log)}", "dim")
    log.parent.mkdir(parents=True, exist_ok=True)
    _begun(log).touch()
    try:
        with showing(clock) as show:
            show(STARTING)
            dagster_job.prepare(processing.settings)
            code = job.start(processing.settings, log, lambda stopping: show(STOPPING if stopping else job.look()))
    except KeyboardInterrupt:
        say(f"what is done is kept; {command('demo')} goes on from there")
        raise
    if code:
        raise BatchFailed(_failure(job, code, log))
    _begun(log).unlink(missing_ok=True)
    say(f"{job.done} in {clock.monotonic() - began:.1f} s", "green")


def broke_off(processing: "Processing", log: str) -> bool:
    """Whether the job with this log was begun and did not come to a good end: there may be things Dagster missed."""
    return _begun(processing.settings.data / "logs" / log).exists()


def _begun(log: Path) -> Path:
    return log.with_suffix(".begun")


def _failure(job: Job, code: int, log: Path) -> list[str]:
    """Show the end of the log, and return what failed."""
    for line in dagster_job.tail(log, LOG_LINES):
        say(f"  {line}", "dim")
    ended = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
    where = f"the last lines of its log are above, all of it is in {places.shown_path(log)}"
    return [
        *dagster_job.failures(log, job.about),
        f"{job.title.partition(':')[0]} {ended}; {where}. Correct it, then {command('demo')} goes on where it stopped",
    ]
