"""The names that pipelines take in Dagster, where assets, jobs, ops and graphs of all of them share one space.

What must not live here: whether a pipeline's own name is well-formed (the declarations).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from batch_pipelines.core.declaring.catalog import Catalog
from batch_pipelines.core.declaring.declared import ATTRIBUTES
from batch_pipelines.core.declaring.yaml_files import Document, joined, refusal
from batch_pipelines.core.errors import ConfigError

CAMPAIGN_STEPS = ("audience", "report")
REPORT_STEPS = ("gathering_data", "processing", "generating")
OPERATIONS: Mapping[str, Sequence[str]] = {
    "process_data": ("plan", "lane", "publish"),
    "replay_dead_letters": ("plan_replay",),
    "generate_report": tuple(f"generate_report_{step}" for step in REPORT_STEPS),
    "send_emails": ("send_emails_audience", "sends", "send_emails_report"),
    "clean_up_files": ("compact", "sweep", "clear_reports"),
}
"""The jobs that no pipeline declares, and their ops."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A pipeline, and the names that it takes besides its own.

    Attributes:
        kind: What it is, in a word: `dataset`, `report` …
        name: Its name.
        document: Its YAML, with the lines of its keys.
        derived: The other names.
    """

    kind: str
    name: str
    document: Document
    derived: tuple[str, ...]


def letters_name(dataset: str) -> str:
    """Return the asset that stands for the dead letters of a dataset."""
    return f"{dataset}_dead_letters"


def exports_name(dataset: str) -> str:
    """Return the asset that stands for the exports of a dataset."""
    return f"{dataset}_exports"


def job_name(pipeline: str) -> str:
    """Return the job that makes what the pipeline declares."""
    return f"{pipeline}_job"


def plan_name(dataset: str) -> str:
    """Return the op that plans batches of a dataset."""
    return f"{dataset}_plan"


def publish_name(dataset: str) -> str:
    """Return the op that ends a run of a dataset."""
    return f"{dataset}_publish"


def checks_name(pipeline: str) -> str:
    """Return the op that checks what the pipeline makes."""
    return f"{pipeline}_checks"


def sensor_name(dataset: str) -> str:
    """Return the sensor that looks for files of a dataset."""
    return f"{dataset}_inbox"


def schedule_name(pipeline: str) -> str:
    """Return the schedule of a pipeline, or the sensor that keeps it."""
    return f"{pipeline}_schedule"


def delivery_name(report: str) -> str:
    """Return the asset that stands for the deliveries of a report."""
    return f"{report}_delivery"


def step_name(pipeline: str, step: str) -> str:
    """Return the op that is one of `REPORT_STEPS` of a report, or of `CAMPAIGN_STEPS` of a campaign."""
    return f"{pipeline}_{step}"


_TAKEN: Mapping[str, Sequence[Callable[[str], str]]] = {
    "dataset": (letters_name, exports_name, job_name, plan_name, publish_name, checks_name),
    "report": (delivery_name, job_name, checks_name, *(partial(step_name, step=step) for step in REPORT_STEPS)),
    "campaign": (job_name, checks_name, *(partial(step_name, step=step) for step in CAMPAIGN_STEPS)),
}
"""The names that a pipeline of a kind takes besides its own."""


def claims(catalog: Catalog[Any]) -> Iterator[Claim]:
    """Yield what the pipelines of one kind take."""
    for name, entry in catalog.entries.items():
        yield Claim(catalog.kind, name, entry.document, tuple(make(name) for make in _TAKEN[catalog.kind]))


def check_names(claims: Sequence[Claim]) -> None:
    """Refuse pipelines, of whatever kind, whose names in Dagster are taken.

    Raises:
        ConfigError: `flights` and `flights_job`, say, a dataset called `process_data`, a report called as a dataset.
    """
    if errors := list(_clashes(claims)):
        raise joined(errors)


def _clashes(claims: Sequence[Claim]) -> Iterator[ConfigError]:
    taken = {step: f"a step of the job {job}" for job, steps in OPERATIONS.items() for step in steps}
    taken |= {job: f"the job {job}" for job in OPERATIONS}
    for claim in claims:
        taken |= dict.fromkeys(claim.derived, f"{claim.kind} {claim.name!r}")
    for claim in claims:
        if claim.name in taken:
            message = f"the name {claim.name!r} is taken by {taken[claim.name]}; give this {claim.kind} another name"
            yield refusal(claim.document, [((*ATTRIBUTES, "name"), message)])
        taken.setdefault(claim.name, f"{claim.kind} {claim.name!r}")
