"""Act one: a year of flights is processed; 7,602 of them go to airports that are not known."""

from typing import TYPE_CHECKING

from batch_pipelines.cli.closing import show_counts
from batch_pipelines.cli.console import data
from batch_pipelines.cli.demo.act import Act
from batch_pipelines.cli.demo.jobs import broke_off, job_of_dataset, run

if TYPE_CHECKING:
    from batch_pipelines.processing.pipeline import Processing

DATASET, LOG = "flights", "demo.log"


def _done(processing: "Processing") -> str | None:
    current = processing.current(DATASET)
    if not all(current.values()) or broke_off(processing, LOG):
        return None
    return f"nothing to do: {len(current)} of {len(current)} partitions are current"


def _play(processing: "Processing") -> None:
    current = processing.current(DATASET)
    references = {name for name, _ in processing.catalog.entry(DATASET).declaration.references}
    config = {"dataset": DATASET}
    many = sum(batch is None for batch in current.values()) or len(current)
    run(processing, job_of_dataset(processing, "process_data", many, config, LOG, references=references))
    show_flights(processing)


def show_flights(processing: "Processing") -> None:
    """Print what was read, written and dead-lettered of all flights."""
    batches = processing.ledger.batches.currents(DATASET).values()
    data().print()
    show_counts(processing, processing.review([batch.id for batch in batches]))


ACT = Act(_done, _play)
