"""The run config of the job `replay_dead_letters`: what may be asked, and what is asked.

What must not live here: doing it (replay_dead_letters.py).
"""

import dagster as dg
from pydantic import ConfigDict, Field

from batch_pipelines.components.jobs.flat_config import with_choice
from batch_pipelines.components.jobs.process_data_config import FAVOURITE
from batch_pipelines.processing.dead_letters.selection import Wanted
from batch_pipelines.processing.replaying.replay import Replay


class ReplayConfig(dg.Config):
    """What a run of `replay_dead_letters` is asked to do, besides the dataset."""

    model_config = ConfigDict(extra="forbid")

    partitions: list[str] = Field(
        default=[], description='Keys of partitions, e.g. ["2013-01", "2013-02"]. Empty: all that are published.'
    )
    reason: str = Field(
        default="",
        description='Only letters one of whose reasons contains this: rule and column, value or message; "in: dest".',
    )
    where: str = Field(
        default="",
        description="Only letters that meet this SQL condition over `source`, `line`, `record`, `raw`, `reasons`, "
        "`partition` and the columns of the record as text, e.g. \"dest = 'SJU' and line < 1000\".",
    )
    set: dict[str, str] = Field(
        default={},
        description='Corrections: SQL over the record\'s text, by column, e.g. {dest: "upper(trim(dest))"}. They are '
        "remembered: whenever that content is processed they are applied again, until `bp corrections` discards them.",
    )
    accepted: bool = Field(default=False, description="Also letters that are accepted: known, to be left alone.")
    note: str = Field(default="", description="Why; kept with the corrections.")


class PlanReplayConfig(ReplayConfig):
    """The same, as the plan step gets it."""

    dataset: str = Field(description="Whose dead letters.")


def run_config_model(names: list[str]) -> type[dg.Config]:
    """Return the model of the run config, with the names of datasets as the allowed values of `dataset`."""
    return with_choice(ReplayConfig, "ReplayDeadLettersRunConfig", "dataset", names, FAVOURITE, "Whose dead letters")


def replay_of(config: PlanReplayConfig, *, root_run: str, who: str) -> Replay:
    """Return what a run config asks for.

    Args:
        config: It.
        root_run: The run that began it all.
        who: Who asks.
    """
    return Replay(
        config.dataset,
        config.partitions or None,
        Wanted(config.reason or None, config.where or None, config.accepted),
        changes=dict(config.set),
        note=config.note or None,
        who=who,
        root_run=root_run,
    )
