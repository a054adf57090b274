"""Which datasets a report waits for: those that its SQL reads, unless its schedule names others.

What must not live here: whether they are there (readiness.py).
"""

from batch_pipelines.core.declared import ATTRIBUTES
from batch_pipelines.core.errors import ConfigError
from batch_pipelines.core.partitions import Partitions
from batch_pipelines.core.yaml_files import refusal
from batch_pipelines.processing.declaration.catalog import Catalog
from batch_pipelines.reporting.declaration.catalog import Entry
from batch_pipelines.reporting.needs import tables_of


def tables_waited_for(entry: Entry, datasets: Catalog) -> dict[str, Partitions | None]:
    """Return the datasets that a report waits for, with their partitions where those are by time.

    Raises:
        ConfigError: It reads, or waits for, what is no dataset.
    """
    schedule = entry.declaration.schedule
    asked = schedule.wait_for if schedule and schedule.wait_for else None
    key = ("schedule", "wait_for") if asked else ("queries",)
    found: dict[str, Partitions | None] = {}
    for name in asked or sorted(tables_of(entry.declaration)):
        try:
            declared = datasets.entry(name).declaration.partitions
        except ConfigError as error:
            raise refusal(entry.document, [((*ATTRIBUTES, *key), f"{'.'.join(key)}: {error.message}")]) from error
        found[name] = declared if isinstance(declared, Partitions) else None
    return found
