"""Act two: the airports that are missing are put into the inbox, and the dead letters of flights come back."""

import shutil
from typing import TYPE_CHECKING

from batch_pipelines.cli import places
from batch_pipelines.cli.console import say
from batch_pipelines.cli.demo.act import Act
from batch_pipelines.cli.demo.flights import DATASET, show_flights
from batch_pipelines.cli.demo.jobs import job_of_dataset, run

if TYPE_CHECKING:
    from batch_pipelines.processing.pipeline import Processing

AIRPORTS = "airports"
FILE = "airports-extra.csv"
REASON = "reference: dest"  # the YAML has `in: airports.faa` at `dest`


def _done(processing: "Processing") -> str | None:
    return None if _waiting(processing) else "nothing to do: every flight goes to an airport that is known"


def _waiting(processing: "Processing") -> int:
    """Partitions of flights that have dead letters for want of an airport."""
    batches = processing.ledger.batches.currents(DATASET).values()
    return sum(REASON in report.reasons for report in processing.review([batch.id for batch in batches]))


def _play(processing: "Processing") -> None:
    _deliver(processing)
    if not all(processing.current(AIRPORTS).values()):
        run(processing, job_of_dataset(processing, "process_data", 1, {"dataset": AIRPORTS}, "demo-airports.log"))
    config, log = {"dataset": DATASET, "reason": REASON}, "demo-replay.log"
    waiting = _waiting(processing)
    run(processing, job_of_dataset(processing, "replay_dead_letters", waiting, config, log, done="replayed"))
    show_flights(processing)


def _deliver(processing: "Processing") -> None:
    """Put the file where a user would: it appears whole, by renaming."""
    settings = processing.settings
    place = settings.data / "inbox" / AIRPORTS / FILE
    if place.exists():
        return
    say(f"\nThe missing airports arrive: {FILE} is copied to {places.shown_path(place.parent)}", "bold")
    place.parent.mkdir(parents=True, exist_ok=True)
    temporary = place.with_name(f".{FILE}.tmp")
    shutil.copyfile(settings.home / "data" / "samples" / FILE, temporary)
    temporary.replace(place)


ACT = Act(_done, _play)
