"""The graph of a dataset, and the two assets that it makes: the table and its dead letters.

    plan ──▶ lane (one, or several side by side) ──▶ publish ─┬▶ <name>
                                                              └▶ <name>_dead_letters

What must not live here: what the steps do (steps.py).
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from batch_pipelines.components import item_steps
from batch_pipelines.components.dataset import steps
from batch_pipelines.components.dataset.events import Describer
from batch_pipelines.components.dataset.exports import export, log_exports
from batch_pipelines.components.graphs import asked_partitions, fan_out, graph_of, lanes_out
from batch_pipelines.core.model import Json
from batch_pipelines.orchestration.names import letters_name, plan_name, publish_name
from batch_pipelines.orchestration.partitions import dagster_key, partitions_def
from batch_pipelines.orchestration.policies import INFRASTRUCTURE_RETRIES, PROCESS_DATA
from batch_pipelines.orchestration.session import open_processing
from batch_pipelines.processing.declaration.catalog import Entry
from batch_pipelines.processing.declaration.model import DatasetDeclaration

GROUP = "datasets"
TABLE, DEAD_LETTERS = "table", "dead_letters"
PLANNED = "planned"
PLAN_OUT = lanes_out(PLANNED, "Batches, and what could not be planned.")


@dg.op(
    name="lane",
    description="Claims chunks of the planned batches, has workers do them and commits what they wrote, until none is "
    "left; publishes each batch that is complete. A re-run goes on with the chunks that are not committed.",
    out=dg.Out(dg.Nothing),
    retry_policy=INFRASTRUCTURE_RETRIES,
    pool=PROCESS_DATA,
)
def lane_op(context: dg.OpExecutionContext, assigned: dict[str, Any]) -> None:
    """Be one lane."""
    (item_steps if item_steps.are_items(assigned) else steps).lane(context, assigned)


def dataset_assets(entry: Entry) -> dg.AssetsDefinition:
    """Return the assets of a declared dataset.

    Args:
        entry: The dataset.
    """
    declaration = entry.declaration
    name = declaration.name
    version = declaration.version(entry.folder)[:12]
    outputs = {TABLE: _table_tags(declaration), DEAD_LETTERS: {"dagster/kind/parquet": ""}}
    return dg.AssetsDefinition.from_graph(
        _graph(declaration),
        keys_by_output_name={TABLE: dg.AssetKey(name), DEAD_LETTERS: dg.AssetKey(letters_name(name))},
        keys_by_input_name={other: dg.AssetKey(other) for other in _references(declaration)},
        partitions_def=partitions_def(declaration),
        partition_mappings={other: dg.AllPartitionMapping() for other in _references(declaration)},
        backfill_policy=dg.BackfillPolicy.single_run(),
        can_subset=False,
        group_name=declaration.group or GROUP,
        descriptions_by_output_name=_descriptions(declaration),
        owners_by_output_name=dict.fromkeys(outputs, declaration.owners),
        tags_by_output_name={output: {**declaration.tags, **kinds} for output, kinds in outputs.items()},
        code_versions_by_output_name=dict.fromkeys(outputs, version),
    )


def _graph(declaration: DatasetDeclaration) -> dg.GraphDefinition:
    plan, publish = _plan_op(declaration), _publish_op(declaration)

    def compose(**references: Any) -> dict[str, Any]:
        planned, lanes = plan.alias("plan")(**references)
        worked = lanes.map(lane_op.alias("lane")).collect()
        table, letters = publish.alias("publish")(planned, lanes=worked)
        return {TABLE: table, DEAD_LETTERS: letters}

    return graph_of(declaration, compose, inputs=_references(declaration), outputs=(TABLE, DEAD_LETTERS))


def _plan_op(declaration: DatasetDeclaration) -> dg.OpDefinition:
    name = declaration.name
    partitioned = declaration.partitions is not None

    @dg.op(
        name=plan_name(name),
        description=f"Finds the files of each partition of {name}, knows them by content, and cuts what is new into "
        "chunks. What is published already needs nothing; what was begun is taken up where it stopped.",
        ins={other: dg.In(dg.Nothing) for other in _references(declaration)},
        out=PLAN_OUT,
        retry_policy=INFRASTRUCTURE_RETRIES,
        pool=PROCESS_DATA,
    )
    def plan(context: dg.OpExecutionContext) -> Iterator[dg.Output[Json] | dg.DynamicOutput[Json]]:
        several = f"`bp backfill {name}` or the job process_data"
        partitions = asked_partitions(context, declaration, partitioned=partitioned, instead=several)
        yield from fan_out(PLANNED, *steps.plan(context, steps.Order(name, partitions)))

    return plan


def _publish_op(declaration: DatasetDeclaration) -> dg.OpDefinition:
    name = declaration.name

    @dg.op(
        name=publish_name(name),
        description=f"Finishes what lanes have left of {name}, publishes it, and fails if any partition is missing, "
        "naming it; those that are good are there all the same. A re-run goes on with what is missing.",
        ins={"lanes": dg.In(dg.Nothing)},
        out={TABLE: dg.Out(dg.Nothing), DEAD_LETTERS: dg.Out(dg.Nothing)},
        retry_policy=INFRASTRUCTURE_RETRIES,
        pool=PROCESS_DATA,
    )
    def publish(context: dg.AssetExecutionContext, planned: dict[str, Any]) -> Iterator[dg.Output[None]]:
        with open_processing() as processing:
            outcome = steps.publish(context, processing, planned)
            if outcome.failures:
                steps.log_materialisations(context, processing, outcome.good)
                if declaration.export:  # the step that would do it does not come
                    good = [report.partition for report in outcome.good]
                    log_exports(context, name, export(context, processing, name, good))
                outcome.raise_failures()
            describer = Describer(processing, name)
            for report in outcome.good:
                for key, metadata in describer.describe(report).items():
                    context.add_asset_metadata(metadata, asset_key=key, partition_key=dagster_key(report.partition))
        yield dg.Output(None, TABLE)
        yield dg.Output(None, DEAD_LETTERS)

    return publish


def _references(declaration: DatasetDeclaration) -> list[str]:
    return sorted({dataset for dataset, _ in declaration.references})


def _table_tags(declaration: DatasetDeclaration) -> dict[str, str]:
    engines = ["deltalake", "pyarrow"]
    if declaration.transform:
        engines.append("pandas")
    elif declaration.derive or declaration.where:
        engines.append("duckdb")
    return {f"dagster/kind/{engine}": "" for engine in engines}


def _descriptions(declaration: DatasetDeclaration) -> dict[str, str]:
    about = declaration.description or f"Rows of {declaration.source}."
    return {
        TABLE: f"{about}\n\nSource: `{declaration.source}`",
        DEAD_LETTERS: f"Records of `{declaration.source}` that are not in {declaration.name}, each with file, line, "
        "raw bytes and reasons.",
    }
