"""The three steps of `process_data` when it is given items instead of a dataset: plan, lane, publish.

The same graph and the same promise as for a dataset; what it comes to is `{processed, success, results}`, with the
results by reference. What must not live here: how items are processed (items/).
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from batch_pipelines.components.graphs import StepContext
from batch_pipelines.core.model import Json
from batch_pipelines.items.pipeline import ItemReport, Items
from batch_pipelines.items.planning import ItemOrder, is_done
from batch_pipelines.orchestration.progress import Narrator
from batch_pipelines.orchestration.session import opened


def are_items(given: Mapping[str, Any]) -> bool:
    """Whether what a step was given is about items, not about a dataset."""
    return "item_batch" in given


def plan(context: StepContext, order: ItemOrder, lanes: int) -> tuple[Json, list[Json]]:
    """Plan the batch of an order; return what `publish` needs, and what each lane needs.

    Raises:
        dagster.Failure: The items or the processor cannot be.
    """
    with opened(Items) as items:
        batch = items.plan(order)
        counts = items.ledger.chunks.counts([batch.id])
    done = is_done(batch)
    several = "" if counts.chunks == 1 else "s"
    note = "processed already, nothing to do" if done else f"{counts.chunks:,} chunk{several}"
    context.log.info("%s items for %s: %s", f"{counts.items:,}", order.processor, note)
    given = {"item_batch": batch.id}
    return given, [{**given, "lane": number} for number in range(1, (1 if done else lanes) + 1)]


def lane(context: StepContext, assigned: Mapping[str, Any]) -> None:
    """Claim, work and commit chunks until none is left."""
    with opened(Items) as items:
        items.work(assigned["item_batch"], report=Narrator(context))


def publish(context: StepContext, planned: Mapping[str, Any]) -> None:
    """Finish what lanes have left, and tell what came of it.

    Raises:
        dagster.Failure: The results are not there.
    """
    with opened(Items) as items:
        items.work(planned["item_batch"], report=Narrator(context), wait_for_others=True)
        report = items.review(planned["item_batch"])
        shown = _shown(report)
    context.log.info("%s", ", ".join(f"{name}: {getattr(value, 'path', value)}" for name, value in shown.items()))
    if report.dead:
        what = "1 item is a dead letter" if report.dead == 1 else f"{report.dead:,} items are dead letters"
        context.log.warning("%s, see %s", what, report.dead_letters)
    context.add_output_metadata(shown)


def _shown(report: ItemReport) -> dict[str, Any]:
    letters = report.dead_letters
    shown: dict[str, Any] = {
        "processed": report.processed,
        "success": report.success,
        "results": dg.MetadataValue.path(str(report.results)),
    }
    if letters:
        shown["dead_letters"] = dg.MetadataValue.path(str(letters))
    return shown
