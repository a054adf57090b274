"""A job of the demo: run in Dagster to its end, with progress read from the ledger."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from batch_pipelines.cli import dagster_job, places
from batch_pipelines.cli.cells import counted
from batch_pipelines.cli.console import command, say
from batch_pipelines.cli.progress_bar import showing
from batch_pipelines.cli.watching import Stage, Watch
from batch_pipelines.core.clock import SystemClock
from batch_pipelines.core.errors import BatchFailed

if TYPE_CHECKING:
    from batch_pipelines.processing.pipeline import Processing

LOG_LINES = 8
STOPPING = Stage("stopping; Ctrl-C again kills it")


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be run.

    Attributes:
        name: Of the job.
        dataset: That it is about.
        partitions: How many it will work on.
        config: Its run config.
        log: Name of the file for Dagster's log.
        done: What is said of each partition afterwards, e.g. `processed`.
        references: Datasets that may have to be processed before.
    """

    name: str
    dataset: str
    partitions: int
    config: Mapping[str, Any]
    log: str
    done: str = "processed"
    references: Collection[str] = field(default_factory=set)


def run(processing: "Processing", job: Job) -> None:
    """Run a job in Dagster until it ends.

    Raises:
        BatchFailed: It did not succeed.
    """
    clock = SystemClock()
    log = processing.settings.data / "logs" / job.log
    watch = Watch(processing.ledger, job.dataset, job.references, job.partitions)
    began = clock.monotonic()
    what = f"{counted(job.partitions, 'partition')} of {job.dataset}"
    say(f"{job.name}: {what}; Dagster's log: {places.shown_path(log)}", "dim")
    try:
        with showing(clock) as show:
            show(Stage("starting Dagster"))
            dagster_job.prepare(processing.settings)
            code = dagster_job.execute(
                processing.settings,
                job.name,
                job.config,
                log,
                lambda stopping: show(STOPPING if stopping else watch.look()),
            )
    except KeyboardInterrupt:
        say(f"what is done is kept; {command('demo')} goes on from there")
        raise
    if code:
        raise BatchFailed(_failure(job, code, log))
    say(f"{counted(job.partitions, 'partition')} {job.done} in {clock.monotonic() - began:.1f} s", "green")


def _failure(job: Job, code: int, log: Path) -> list[str]:
    """Show the end of the log, and return what failed."""
    for line in dagster_job.tail(log, LOG_LINES):
        say(f"  {line}", "dim")
    ended = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
    where = f"the last lines of its log are above, all of it is in {places.shown_path(log)}"
    return [
        *dagster_job.failures(log, job.dataset),
        f"the job {job.name} {ended}; {where}. Correct it, then {command('demo')} goes on where it stopped",
    ]
