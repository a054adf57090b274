"""The asset `<report>_delivery`: brings a report that passed its checks to its recipients, each once.

It reads what was recorded of the run's partitions, so it can be run again alone: what was delivered stays delivered,
what failed is tried again, what is ambiguous stays held. What must not live here: rules and recipients
(reporting/delivering.py), channels (delivery/).
"""

import dagster as dg

from batch_pipelines.components.report.graph import GROUP, report_partitions
from batch_pipelines.components.report.metadata import delivery_metadata
from batch_pipelines.core.delivered import DeliveryState
from batch_pipelines.orchestration.names import delivery_name
from batch_pipelines.orchestration.partitions import is_backfill, requested
from batch_pipelines.orchestration.policies import INFRASTRUCTURE_RETRIES
from batch_pipelines.orchestration.report_records import recorded
from batch_pipelines.orchestration.session import failure, open_desk
from batch_pipelines.reporting.declaration.catalog import Entry
from batch_pipelines.reporting.delivering import Outcome

DELIVER_TAG = "batch/deliver"
NOT_ASKED = f"a backfill delivers only if it is asked to: run config deliver: true, or the tag {DELIVER_TAG}: true"


class DeliveryConfig(dg.Config):
    """Whether a backfill's reports go out, too."""

    deliver: bool = False


def delivery_asset(entry: Entry) -> dg.AssetsDefinition:
    """Return the asset that stands for the deliveries of a report."""
    name = entry.declaration.name
    partitioned = entry.declaration.partitions is not None

    @dg.asset(
        name=delivery_name(name),
        deps=[name],
        partitions_def=report_partitions(entry),
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name=entry.declaration.group or GROUP,
        owners=entry.declaration.owners,
        tags=entry.declaration.tags,
        kinds={"email"} if any(each.email for each in entry.declaration.deliver) else None,
        retry_policy=INFRASTRUCTURE_RETRIES,
        description=f"Brings {name} to its recipients, each once, after its checks have passed. Run again, it tries "
        "what failed; a mail of which nobody knows whether it arrived is held (`bp report deliveries`). A backfill "
        "delivers only if asked: `deliver: true`.",
    )
    def delivery(context: dg.AssetExecutionContext, config: DeliveryConfig) -> None:
        partitions: list[str] | list[None] = (requested(context) or []) if partitioned else [None]
        asked = config.deliver or context.run.tags.get(DELIVER_TAG, "").lower() == "true"
        held_back = is_backfill(context.run.tags) and not asked
        lines: list[str] = []
        if held_back:
            context.log.info(NOT_ASKED)
        with open_desk() as desk:
            for partition in partitions:
                made = [report.made for report in recorded(desk.settings.data, name, partition)]
                if held_back:
                    outcomes = [Outcome(each, [], NOT_ASKED) for each in made]
                else:
                    outcomes = desk.delivering.deliver(desk.entry(name), made, context.run.run_id)
                    _tell(context, outcomes)
                context.add_asset_metadata(
                    delivery_metadata(outcomes), asset_key=delivery_name(name), partition_key=partition
                )
                lines += [line for outcome in outcomes for line in outcome.failures]
        if lines:
            raise failure(f"{len(lines)} deliveries of {name} failed", lines)

    return delivery


def _tell(context: dg.AssetExecutionContext, outcomes: list[Outcome]) -> None:
    for outcome in outcomes:
        where = "/".join(
            filter(None, (outcome.made.manifest.name, outcome.made.manifest.partition, outcome.made.manifest.key))
        )
        if outcome.held_back:
            context.log.info("%s: not delivered: %s", where, outcome.held_back)
        for row in outcome.deliveries:
            if row.state is DeliveryState.AMBIGUOUS:
                context.log.warning("%s: %s to %s is held: %s", where, row.key.channel, row.key.recipient, row.detail)
            elif row.state is DeliveryState.DELIVERED:
                context.log.info("%s: delivered by %s to %s", where, row.key.channel, row.key.recipient)
