"""Act two: the airports that are missing are put into the inbox, and the dead letters of flights come back."""

import shutil
from typing import TYPE_CHECKING

from batch_pipelines.cli import places
from batch_pipelines.cli.console import say
from batch_pipelines.cli.demo.act import Act
from batch_pipelines.cli.demo.flights import DATASET, show_flights
from batch_pipelines.cli.demo.jobs import broke_off, job_of_dataset, run

if TYPE_CHECKING:
    from batch_pipelines.processing.pipeline import Processing

AIRPORTS = "airports"
AIRPORTS_LOG, REPLAY_LOG = "demo-airports.log", "demo-replay.log"
FILE = "airports-extra.csv"
REASON = "reference: dest"  # the YAML has `in: airports.faa` at `dest`


def _done(processing: "Processing") -> str | None:
    if _waiting(processing) or broke_off(processing, AIRPORTS_LOG) or broke_off(processing, REPLAY_LOG):
        return None
    return "nothing to do: every flight goes to an airport that is known"


def _waiting(processing: "Processing") -> int:
    """Partitions of flights that have dead letters for want of an airport."""
    batches = processing.ledger.batches.currents(DATASET).values()
    return sum(REASON in report.reasons for report in processing.review([batch.id for batch in batches]))


def _play(processing: "Processing") -> None:
    _deliver(processing)
    if not all(processing.current(AIRPORTS).values()) or broke_off(processing, AIRPORTS_LOG):
        run(processing, job_of_dataset(processing, "process_data", 1, {"dataset": AIRPORTS}, AIRPORTS_LOG))
    if waiting := _waiting(processing):
        config = {"dataset": DATASET, "reason": REASON}
        name, done = "replay_dead_letters", "replayed"
        run(processing, job_of_dataset(processing, name, waiting, config, REPLAY_LOG, done=done))
    elif broke_off(processing, REPLAY_LOG):  # all is published: what Dagster did not hear of is recorded now
        many = len(processing.current(DATASET))
        run(processing, job_of_dataset(processing, "process_data", many, {"dataset": DATASET}, REPLAY_LOG))
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
