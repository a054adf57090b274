"""The names that a dataset takes in Dagster, where assets, jobs and graphs of all datasets share one space.

What must not live here: whether a dataset's own name is well-formed (processing/declaration/model.py).
"""

from collections.abc import Iterator

from batch_pipelines.core.declared import ATTRIBUTES
from batch_pipelines.core.errors import ConfigError
from batch_pipelines.core.yaml_files import joined, refusal
from batch_pipelines.processing.declaration.catalog import Catalog

OPERATIONS = ("process_data", "clean_up_files", "keep_pool_limits")


def letters_name(dataset: str) -> str:
    """Return the asset that stands for the dead letters of a dataset."""
    return f"{dataset}_dead_letters"


def job_name(dataset: str) -> str:
    """Return the job that processes partitions of a dataset."""
    return f"{dataset}_job"


def plan_name(dataset: str) -> str:
    """Return the op that plans batches of a dataset."""
    return f"{dataset}_plan"


def publish_name(dataset: str) -> str:
    """Return the op that ends a run of a dataset."""
    return f"{dataset}_publish"


def checks_name(dataset: str) -> str:
    """Return the op that checks a dataset's tables."""
    return f"{dataset}_checks"


def sensor_name(dataset: str) -> str:
    """Return the sensor that looks for files of a dataset."""
    return f"{dataset}_inbox"


def schedule_name(dataset: str) -> str:
    """Return the schedule that processes what is new of a dataset."""
    return f"{dataset}_schedule"


def check_names(catalog: Catalog) -> None:
    """Refuse datasets whose names in Dagster are taken.

    Raises:
        ConfigError: `flights` and `flights_job`, say, or a dataset called `process_data`.
    """
    if errors := list(_clashes(catalog)):
        raise joined(errors)


def _clashes(catalog: Catalog) -> Iterator[ConfigError]:
    owners = {name: f"the job {name}" for name in OPERATIONS} | {"lane": "every dataset"}
    for name in catalog.datasets:
        owners |= dict.fromkeys(_derived(name), f"dataset {name!r}")
    for name, entry in catalog.datasets.items():
        if name in owners:
            message = f"the name {name!r} is taken by {owners[name]}; give this dataset another name"
            yield refusal(entry.document, [((*ATTRIBUTES, "name"), message)])


def _derived(dataset: str) -> tuple[str, ...]:
    makers = (letters_name, job_name, plan_name, publish_name, checks_name)
    return tuple(make(dataset) for make in makers)
