"""Act one: a year of flights is processed; 7,602 of them go to airports that are not known."""

from typing import TYPE_CHECKING

from batch_pipelines.cli.closing import show_counts
from batch_pipelines.cli.console import data
from batch_pipelines.cli.demo.act import Act
from batch_pipelines.cli.demo.jobs import job_of_dataset, run

if TYPE_CHECKING:
    from batch_pipelines.processing.pipeline import Processing

DATASET = "flights"


def _done(processing: "Processing") -> str | None:
    current = processing.current(DATASET)
    if not all(current.values()):
        return None
    return f"nothing to do: {len(current)} of {len(current)} partitions are current"


def _play(processing: "Processing") -> None:
    missing = [partition for partition, batch in processing.current(DATASET).items() if batch is None]
    references = {name for name, _ in processing.catalog.entry(DATASET).declaration.references}
    config = {"dataset": DATASET}
    many = len(missing)
    run(processing, job_of_dataset(processing, "process_data", many, config, "demo.log", references=references))
    show_flights(processing)


def show_flights(processing: "Processing") -> None:
    """Print what was read, written and dead-lettered of all flights."""
    batches = processing.ledger.batches.currents(DATASET).values()
    data().print()
    show_counts(processing, processing.review([batch.id for batch in batches]))


ACT = Act(_done, _play)
