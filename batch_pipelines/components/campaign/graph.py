"""The graph of a campaign, and the asset that it makes: its report, a partition an occurrence.

    audience ──▶ sends (one lane, or several side by side) ──▶ report ──▶ <name>

What must not live here: what the steps do (steps.py).
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from batch_pipelines.campaigns.declaration.catalog import Entry
from batch_pipelines.components.campaign import steps
from batch_pipelines.components.graphs import asked_partitions, fan_out, graph_of, lanes_out
from batch_pipelines.core.model import Json
from batch_pipelines.orchestration.names import step_name
from batch_pipelines.orchestration.partitions import time_windows
from batch_pipelines.orchestration.policies import INFRASTRUCTURE_RETRIES, SEND_EMAILS

GROUP = "campaigns"
REPORT = "report"
PREPARED = "prepared"
AUDIENCE_OUT = lanes_out(PREPARED, "Occurrences.")


@dg.op(
    name="sends",
    description="Sends to everybody who waits and is due, until nobody is. A re-run sends to nobody twice: what was "
    "under way when a run was lost is settled by its journal, and held as ambiguous where that does not say.",
    out=dg.Out(dg.Nothing),
    retry_policy=INFRASTRUCTURE_RETRIES,
    pool=SEND_EMAILS,
)
def sends_op(context: dg.OpExecutionContext, assigned: dict[str, Any]) -> None:
    """Be one lane."""
    steps.send(context, assigned)


def campaign_assets(entry: Entry, tables: list[str]) -> dg.AssetsDefinition:
    """Return the asset of a declared campaign.

    Args:
        entry: The campaign.
        tables: The datasets that it reads.
    """
    declaration = entry.declaration
    name = declaration.name
    return dg.AssetsDefinition.from_graph(
        _graph(entry, tables),
        keys_by_output_name={REPORT: dg.AssetKey(name)},
        keys_by_input_name={table: dg.AssetKey(table) for table in tables},
        partitions_def=time_windows(declaration.partitions) if declaration.partitions else None,
        partition_mappings={table: dg.AllPartitionMapping() for table in tables},
        backfill_policy=dg.BackfillPolicy.single_run(),
        can_subset=False,
        group_name=declaration.group or GROUP,
        descriptions_by_output_name={REPORT: _description(entry)},
        owners_by_output_name={REPORT: declaration.owners},
        tags_by_output_name={REPORT: {**declaration.tags, "dagster/kind/email": ""}},
    )


def _graph(entry: Entry, tables: list[str]) -> dg.GraphDefinition:
    audience, report = _audience_op(entry, tables), _report_op(entry)

    def compose(**upstream: Any) -> dict[str, Any]:
        prepared, lanes = audience.alias("audience")(**upstream)
        sent = lanes.map(sends_op.alias("sends")).collect()
        return {REPORT: report.alias("report")(prepared, lanes=sent)}

    return graph_of(entry.declaration, compose, inputs=tables, outputs=(REPORT,))


def _audience_op(entry: Entry, tables: list[str]) -> dg.OpDefinition:
    name, partitioned = entry.declaration.name, entry.declaration.partitions is not None

    @dg.op(
        name=step_name(name, "audience"),
        description=f"Freezes who is written to, and with what, for an occurrence of {name}: audience, data, "
        "templates. Once: a re-run goes on with what was frozen. Sends nothing.",
        ins={table: dg.In(dg.Nothing) for table in tables},
        out=AUDIENCE_OUT,
        retry_policy=INFRASTRUCTURE_RETRIES,
        pool=SEND_EMAILS,
    )
    def audience(context: dg.OpExecutionContext) -> Iterator[dg.Output[Json] | dg.DynamicOutput[Json]]:
        here = f"`bp campaign send {name} …`"
        partitions = asked_partitions(context, entry.declaration, partitioned=partitioned, instead=here)
        yield from fan_out(PREPARED, *steps.prepare(context, steps.Order(name, partitions)))

    return audience


def _report_op(entry: Entry) -> dg.OpDefinition:
    name = entry.declaration.name

    @dg.op(
        name=step_name(name, REPORT),
        description=f"Sends what lanes have left of {name}, waits for what other runs send, and reports what became of "
        "everybody. Fails if an occurrence is paused, and says why.",
        ins={"lanes": dg.In(dg.Nothing)},
        out={REPORT: dg.Out(dg.Nothing)},
        retry_policy=INFRASTRUCTURE_RETRIES,
        pool=SEND_EMAILS,
    )
    def report(context: dg.AssetExecutionContext, prepared: dict[str, Any]) -> Iterator[dg.Output[None]]:
        reviews = steps.review(context, prepared)
        steps.raise_unfinished(reviews)
        for each in reviews:
            key = steps.partition_of(each)
            context.add_asset_metadata(steps.metadata_of(each), asset_key=name, partition_key=key)
        yield dg.Output(None, REPORT)

    return report


def _description(entry: Entry) -> str:
    declaration = entry.declaration
    about = declaration.description or f"Mail to {declaration.scope}."
    return f"{about}\n\nSubject: `{declaration.subject}`. What became of every recipient of an occurrence."
