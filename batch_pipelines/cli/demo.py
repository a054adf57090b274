"""`bp demo`: the main job on real input, watched, and what can be done with its result."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from batch_pipelines.cli import dagster_job, places
from batch_pipelines.cli.cells import counted
from batch_pipelines.cli.closing import show_counts, show_place
from batch_pipelines.cli.console import command, data, say, through_run_py
from batch_pipelines.cli.output import write_table
from batch_pipelines.cli.progress_bar import showing
from batch_pipelines.cli.query import rows_of
from batch_pipelines.cli.watching import Stage, Watch
from batch_pipelines.core.clock import SystemClock
from batch_pipelines.core.errors import BatchFailed

if TYPE_CHECKING:
    from batch_pipelines.core.model import Batch
    from batch_pipelines.processing.pipeline import Processing

JOB = "process_data"
DATASET = "flights"
LOG_LINES = 8
STOPPING = Stage("stopping; Ctrl-C again kills it")
LOOK = (
    "select date, carrier, flight, origin, dest, dep_delay, arr_delay, delay_band "
    "from flights order by arr_delay desc limit 5"
)
NEXT = (
    'query "select origin, avg(dep_delay) from flights group by 1"',
    "dead-letters flights",
)


def demo() -> None:
    """Process a year of flights from New York: the job process_data in Dagster, with a progress bar.

    12 files with 336,776 records; what is current already is not touched.
    """
    with places.open_processing() as processing:
        places.entry_of(processing.catalog, DATASET)
        current = processing.current(DATASET)
        missing = [partition for partition, batch in current.items() if batch is None]
        if missing:
            _run(processing, missing)
            current = processing.current(DATASET)
        else:
            say(f"nothing to do: {len(current)} of {len(current)} partitions are current", "green")
        _close(processing, current)


def _run(processing: "Processing", missing: list[str]) -> None:
    """Run the job in Dagster until it ends.

    Raises:
        BatchFailed: It did not succeed.
    """
    clock = SystemClock()
    log = processing.settings.data / "logs" / "demo.log"
    references = {name for name, _ in processing.catalog.entry(DATASET).declaration.references}
    watch = Watch(processing.ledger, DATASET, references, len(missing))
    began = clock.monotonic()
    say(f"{JOB}: {counted(len(missing), 'partition')} of {DATASET}; Dagster's log: {places.shown_path(log)}", "dim")
    try:
        with showing(clock) as show:
            show(Stage("starting Dagster"))
            dagster_job.prepare(processing.settings)
            code = dagster_job.execute(
                processing.settings,
                JOB,
                {"dataset": DATASET},
                log,
                lambda stopping: show(STOPPING if stopping else watch.look()),
            )
    except KeyboardInterrupt:
        say(f"what is done is kept; {command('demo')} goes on from there")
        raise
    if code:
        raise BatchFailed(_failure(code, log))
    say(f"{counted(len(missing), 'partition')} processed in {clock.monotonic() - began:.1f} s", "green")


def _failure(code: int, log: Path) -> list[str]:
    """Show the end of the log, and return what failed."""
    for line in dagster_job.tail(log, LOG_LINES):
        say(f"  {line}", "dim")
    ended = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
    where = f"the last lines of its log are above, all of it is in {places.shown_path(log)}"
    return [
        *dagster_job.failures(log, DATASET),
        f"the job {JOB} {ended}; {where}. Correct it, then {command('demo')} goes on where it stopped",
    ]


def _close(processing: "Processing", current: Mapping[str, "Batch | None"]) -> None:
    """Print what is in the table now, and what can be done with it."""
    out = data()
    reports = processing.review([batch.id for batch in current.values() if batch])
    out.print()
    show_counts(processing, DATASET, reports)
    out.print()
    show_place(processing, DATASET)
    out.print("The longest delays in it:\n")
    rows = rows_of(processing.settings.data, LOOK)
    write_table(rows.column_names, rows.to_pylist())
    out.print("\nNext:")
    for each in NEXT:
        out.print(f"  {command(each)}", style="bold", soft_wrap=True)
    out.print(f"  {command('ui') if through_run_py() else 'dagster dev'}", style="bold")
