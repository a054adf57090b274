"""The run config of `process_data`: flat, every field with a default and a description; and what it asks for.

What must not live here: how Dagster maps it to its steps (process_data.py).
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg
from pydantic import ConfigDict, Field

from batch_pipelines.components.dataset import steps
from batch_pipelines.components.jobs.flat_config import with_choice
from batch_pipelines.core.declaring.quantities import seconds, size_bytes
from batch_pipelines.items.planning import ATTEMPTS, CHUNK_SIZE, HARD_S, SOFT_S, ItemOrder
from batch_pipelines.items.processors import DEFAULT as DEFAULT_PROCESSOR
from batch_pipelines.orchestration.policies import MAX_LANES
from batch_pipelines.processing.pipeline import Overrides

FAVOURITE = "flights"


class ProcessDataConfig(dg.Config):
    """What a run of `process_data` is asked to do, besides the dataset. Left out or null: as the dataset declares."""

    model_config = ConfigDict(extra="forbid")

    partitions: list[str] = Field(
        default=[],
        description='Keys of the partitions to process, e.g. ["2013-01", "2013-02"]. Empty: every partition that has '
        "files; for those whose content is published already there is nothing to do.",
    )
    force: bool = Field(
        default=False,
        description="Process again what is published already. Retries of this run go on with what it began.",
    )
    chunk_size: str = Field(
        default="",
        description='Size of a chunk, the unit of checkpoint and retry, e.g. "16MB" or "256KB". Empty: as declared. '
        "Holds for batches that this run plans; one that was begun goes on with the chunks it has.",
    )
    lanes: int | None = Field(
        default=None,
        description="Coordinators that work side by side, a process each. Null: as declared, usually 1: the workers "
        "of one lane use every core already.",
    )
    attempts: int | None = Field(default=None, description="Tries per chunk, the first included. Null: as declared.")
    soft_time_limit: str = Field(
        default="", description='Time after which a chunk is asked to stop, e.g. "270s" or "4m30s". Empty: as declared.'
    )
    hard_time_limit: str = Field(
        default="",
        description='Time after which a chunk\'s worker is killed, which costs an attempt, e.g. "5m". '
        "Empty: as declared.",
    )

    items: Any = Field(
        default=None,
        description="Instead of a dataset: a list of items (any JSON, at most 64 KiB in all), or a file of them from "
        "the project's folder (.jsonl, .json, .csv, .parquet).",
    )
    processor: str = Field(
        default=DEFAULT_PROCESSOR,
        description="With items: the Python function that each is handed to, as package.module:function. It returns "
        "a JSON value; it may also take `key`, which is the same at every try of an item.",
    )
    items_per_chunk: int = Field(default=CHUNK_SIZE, description="With items: how many make a chunk.", ge=1, le=100_000)


class PlanConfig(ProcessDataConfig):
    """The same, as the plan step gets it."""

    dataset: str = Field(description="The dataset to process.")


def run_config_model(names: list[str]) -> type[dg.Config]:
    """Return the model of the run config, with the names of datasets as the allowed values of `dataset`."""
    return with_choice(ProcessDataConfig, "ProcessDataRunConfig", "dataset", names, FAVOURITE, "The dataset to process")


def contradiction(given: Mapping[str, Any]) -> str | None:
    """Return what cannot stand beside items, in one line; None if there are none, or nothing but what belongs to them.

    Args:
        given: The run config as it was written, without defaults.
    """
    if given.get("items") is None:
        return None
    if beside := [key for key in ("dataset", "partitions") if given.get(key)]:
        return f"{' and '.join(beside)}: items come without; leave {beside[0]} out, or items"
    return None


def order_of(config: PlanConfig) -> steps.Order:
    """Read the units in a run config.

    Raises:
        dagster.Failure: A value cannot be; one line says which, and what to write.
    """
    return steps.Order(
        config.dataset,
        config.partitions or None,
        force=config.force,
        lanes=config.lanes,
        overrides=_overrides(config),
    )


def item_order_of(config: PlanConfig, root_run: str) -> ItemOrder:
    """Read a run config that has items.

    Raises:
        dagster.Failure: A value cannot be; one line says which, and what to write.
    """
    asked = _overrides(config)
    return ItemOrder(
        config.items,
        config.processor,
        chunk_size=config.items_per_chunk,
        attempts=asked.attempts or ATTEMPTS,
        soft_s=asked.soft_s or SOFT_S,
        hard_s=asked.hard_s or HARD_S,
        force=config.force,
        root_run=root_run,
    )


def _overrides(config: PlanConfig) -> Overrides:
    problems: list[str] = []
    for name, value, high in (("lanes", config.lanes, MAX_LANES), ("attempts", config.attempts, 100)):
        if value is not None and not 1 <= value <= high:
            problems.append(f"{name}: {value} is out of range; write a number from 1 to {high}, or null")
    size, soft_s, hard_s = (
        _quantity(problems, name, text, read)
        for name, text, read in (
            ("chunk_size", config.chunk_size, size_bytes),
            ("soft_time_limit", config.soft_time_limit, seconds),
            ("hard_time_limit", config.hard_time_limit, seconds),
        )
    )
    if soft_s and hard_s and soft_s > hard_s:
        problems.append(f"soft_time_limit: {soft_s:g} s is longer than hard_time_limit, {hard_s:g} s")
    if problems:
        raise dg.Failure(description=f"run config: {'; '.join(problems)}", allow_retries=False)
    return Overrides(int(size) if size else None, config.attempts, soft_s, hard_s)


def _quantity(problems: list[str], name: str, text: str, read: Any) -> float | None:
    if not text.strip():
        return None
    try:
        return float(read(text))
    except ValueError as error:
        problems.append(f"{name}: {error}")
        return None
