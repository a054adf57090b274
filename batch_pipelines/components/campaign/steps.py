"""The three steps that every run of a campaign has: audience, sends, report. Shared by asset jobs and `send_emails`.

Each opens its own session, calls `Campaigns`, and says what happened. A sender may be lost together with its step: the
last step sends what is left, recovers what was lost, and trusts the ledger alone.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg

from batch_pipelines.components.graphs import StepContext
from batch_pipelines.core.mailings import Occurrence, OccurrenceState
from batch_pipelines.core.model import Json
from batch_pipelines.orchestration.partitions import dagster_key
from batch_pipelines.orchestration.progress import Narrator
from batch_pipelines.orchestration.session import failure, opened

if TYPE_CHECKING:
    from batch_pipelines.campaigns.pipeline import Campaigns
    from batch_pipelines.campaigns.reviewing import Review

EXPIRES_TAG = "batch/expires_at"
ROOT_RUN_TAG = "dagster/root_run_id"


@dataclass(frozen=True, slots=True)
class Order:
    """What a run is asked to send: occurrences of a campaign, or (`recipients`) mail to given people."""

    campaign: str
    partitions: Sequence[str] | None
    recipients: Sequence[str | Json] = ()
    data: Json | None = None
    key: str = ""


@contextmanager
def open_campaigns() -> Iterator["Campaigns"]:
    """Open campaigns and ledger as this process's environment names them.

    Raises:
        dagster.Failure: A `BatchError` left the block: a verdict that trying again does not change.
    """
    from batch_pipelines.campaigns.pipeline import Campaigns  # noqa: PLC0415  loading definitions must not pay for it

    with opened(lambda settings: Campaigns(settings, os.environ)) as campaigns:
        yield campaigns


def prepare(context: StepContext, order: Order) -> tuple[Json, list[Json]]:
    """Freeze the audiences; return the occurrences, and what each lane is to send."""
    with open_campaigns() as campaigns:
        occurrences = list(_prepared(context, campaigns, order))
        for each in occurrences:
            left_out = {name: n for name, n in each.plan.get("left_out", {}).items() if n and name != "examples"}
            context.log.info(
                "%s: %s recipients, %s; left out: %s", each.name, each.total, each.state, left_out or "none"
            )
        entry = campaigns.catalog.entries.get(order.campaign)
        lanes = entry.declaration.lanes if entry else 1
    prepared = {
        "campaign": order.campaign,
        "occurrences": [each.id for each in occurrences],
        "direct": bool(order.recipients),
    }
    return prepared, [{**prepared, "lane": lane} for lane in range(lanes)]


def _prepared(context: StepContext, campaigns: "Campaigns", order: Order) -> Iterator[Occurrence]:
    if order.recipients:
        key = order.key or context.run.tags.get(ROOT_RUN_TAG, context.run_id)  # a retry is the same occurrence
        yield campaigns.prepare_direct(order.campaign, order.recipients, order.data or {}, key=key)
        return
    expires = context.run.tags.get(EXPIRES_TAG)
    partitions: list[str | None] = [*order.partitions] if order.partitions else [None]
    for partition in partitions:
        yield campaigns.prepare(order.campaign, partition, expires_at=float(expires) if expires else None)


def send(context: StepContext, assigned: Json) -> None:
    """Be one lane: send until nobody waits who is due."""
    with open_campaigns() as campaigns:
        narrate = Narrator(context)
        for occurrence_id in assigned["occurrences"]:
            campaigns.send(occurrence_id, report=lambda at: narrate(str(at)))


def review(context: StepContext, prepared: Json) -> "list[Review]":
    """Send what lanes have left, wait for what others send, and say what became of everybody.

    Raises:
        dagster.Failure: An occurrence is paused, or was not brought to an end; the others are fine.
    """
    with open_campaigns() as campaigns:
        reviews = [campaigns.send(each, wait_for_others=True) for each in prepared["occurrences"]]
    for each in reviews:
        context.log.info("%s: %s, %s", each.occurrence.name, each.occurrence.state, each.figures)
    return reviews


def raise_unfinished(reviews: "Sequence[Review]") -> None:
    """Fail if somebody has to act: an occurrence is paused, or its figures do not add up."""
    failures = [
        f"{each.occurrence.name}: paused: {each.occurrence.reason}; cure that, then: bp campaign resume "
        f"{each.occurrence.campaign} {each.occurrence.partition}"
        for each in reviews
        if each.occurrence.state is OccurrenceState.PAUSED
    ]
    failures += [
        f"{each.occurrence.name}: its figures do not add up to {each.occurrence.total} (please report this)"
        for each in reviews
        if not each.adds_up
    ]
    if failures:
        raise failure(f"{len(failures)} of {len(reviews)} occurrences need somebody", failures)


def metadata_of(review: "Review") -> dict[str, Any]:
    """Return what the UI shows of an occurrence."""
    occurrence, left_out = review.occurrence, review.left_out
    replies = "\n".join(f"- {count:,} × {text}" for text, count in review.replies)
    examples = "\n".join(f"- {each}" for each in left_out.pop("examples", []))
    return {
        **review.figures,
        "state": occurrence.state.value,
        "bounce_rate": review.bounce_rate,
        **{name: count for name, count in left_out.items() if count},
        **({"reason": occurrence.reason} if occurrence.reason else {}),
        **({"replies": dg.MetadataValue.md(replies)} if replies else {}),
        **({"left_out_for_example": dg.MetadataValue.md(examples)} if examples else {}),
    }


def partition_of(review: "Review") -> str | None:
    """Return an occurrence's partition, as Dagster's events have it."""
    return dagster_key(review.occurrence.partition)
