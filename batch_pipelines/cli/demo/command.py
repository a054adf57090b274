"""`bp demo`: plays what has not been played yet, and closes with what can be done with the result."""

from typing import TYPE_CHECKING

from batch_pipelines.cli import places
from batch_pipelines.cli.closing import show_place
from batch_pipelines.cli.console import command, data, say, through_run_py
from batch_pipelines.cli.demo import airports, campaign, daily_report, flights
from batch_pipelines.cli.demo.act import Act
from batch_pipelines.cli.output import write_table
from batch_pipelines.cli.query import rows_of

if TYPE_CHECKING:
    from batch_pipelines.processing.pipeline import Processing

ACTS = (flights.ACT, airports.ACT, daily_report.ACT, campaign.ACT)
LOOK = (
    "select date, carrier, flight, origin, dest, dep_delay, arr_delay, delay_band "
    "from flights order by arr_delay desc limit 5"
)
NEXT = (
    'query "select origin, avg(dep_delay) from flights group by 1"',
    "datasets flights",
    f"open {daily_report.REPORT}",
    f"campaign status {campaign.CAMPAIGN}",
)


def demo() -> None:
    """Process a year of flights from New York in Dagster, bring back those that were turned away, report a day.

    12 files with 336,776 records. What has been done already is not done again.
    """
    with places.open_processing() as processing:
        places.entry_of(processing.catalog, flights.DATASET)
        said = [_played(processing, act) for act in ACTS]
        if all(said):
            flights.show_flights(processing)
        _close(processing)


def _played(processing: "Processing", act: Act) -> str | None:
    """Play an act, unless there is nothing to do: then say so, and return it."""
    if nothing := act.done(processing):
        say(nothing, "green")
    else:
        act.play(processing)
    return nothing


def _close(processing: "Processing") -> None:
    """Print where everything is, and what can be done with it."""
    out = data()
    out.print()
    show_place(processing, flights.DATASET)
    out.print("The longest delays in it:\n")
    rows = rows_of(processing.settings.data, LOOK)
    write_table(rows.column_names, rows.to_pylist())
    out.print("\nNext:")
    for each in NEXT:
        out.print(f"  {command(each)}", style="bold", soft_wrap=True)
    out.print(f"  {command('ui') if through_run_py() else 'dagster dev'}", style="bold")
