"""The graph of a report, and the asset that it makes: its files, a partition a window.

    gathering_data ──▶ processing ──▶ generating ──▶ <name>

What must not live here: what the steps do (steps.py).
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import dagster as dg

from batch_pipelines.components.graphs import asked_partitions, graph_of
from batch_pipelines.components.report import steps
from batch_pipelines.components.report.metadata import report_metadata
from batch_pipelines.core.declaring.partitions import Partitions
from batch_pipelines.core.model import Json
from batch_pipelines.orchestration.io_manager import JSON_IO_KEY
from batch_pipelines.orchestration.names import step_name
from batch_pipelines.orchestration.partitions import time_windows
from batch_pipelines.orchestration.policies import GENERATE_REPORT, retries
from batch_pipelines.orchestration.report_records import record
from batch_pipelines.orchestration.session import open_desk
from batch_pipelines.reporting.declaration.catalog import Entry

GROUP = "reports"
FILES = "files"
SNAPSHOTS_KEPT = timedelta(hours=1)  # another run may be at the same
PREVIEWS = 12  # of a backfill of many partitions, as many show a picture
GATHERING, PROCESSING, GENERATING = "gathering_data", "processing", "generating"


def report_assets(entry: Entry, tables: Mapping[str, Partitions | None]) -> dg.AssetsDefinition:
    """Return the asset of a declared report.

    Args:
        entry: The report.
        tables: The datasets that it reads, with their partitions where those are by time.
    """
    declaration = entry.declaration
    name = declaration.name
    return dg.AssetsDefinition.from_graph(
        _graph(entry, list(tables)),
        keys_by_output_name={FILES: dg.AssetKey(name)},
        keys_by_input_name={table: dg.AssetKey(table) for table in tables},
        partitions_def=report_partitions(entry),
        partition_mappings={table: _mapping(entry, windows) for table, windows in tables.items()},
        backfill_policy=dg.BackfillPolicy.single_run(),
        can_subset=False,
        group_name=declaration.group or GROUP,
        descriptions_by_output_name={FILES: _description(entry)},
        owners_by_output_name={FILES: declaration.owners},
        tags_by_output_name={FILES: {**declaration.tags, **_kinds(entry)}},
        code_versions_by_output_name={FILES: entry.version},
    )


def report_partitions(entry: Entry) -> dg.TimeWindowPartitionsDefinition | None:
    """Return the partitions of a report: windows that have ended."""
    windows = entry.declaration.partitions
    return time_windows(windows, begun=False) if windows else None


def _graph(entry: Entry, tables: list[str]) -> dg.GraphDefinition:
    gather, process, generate = _gather_op(entry, tables), _process_op(entry), _generate_op(entry)

    def compose(**upstream: Any) -> dict[str, Any]:
        gathered = gather.alias(GATHERING)(**upstream)
        return {FILES: generate.alias(GENERATING)(process.alias(PROCESSING)(gathered))}

    return graph_of(entry.declaration, compose, inputs=tables, outputs=(FILES,))


def _gather_op(entry: Entry, tables: list[str]) -> dg.OpDefinition:
    name = entry.declaration.name
    partitioned = entry.declaration.partitions is not None

    @dg.op(
        name=step_name(name, GATHERING),
        description=f"Runs the queries of {name} once over the tables as they are now, and keeps their rows. Fails "
        "where a table has never been processed, and names the command that cures it.",
        ins={table: dg.In(dg.Nothing) for table in tables},
        out=dg.Out(dict, io_manager_key=JSON_IO_KEY),
        retry_policy=retries(entry.declaration.attempts),
        pool=GENERATE_REPORT,
    )
    def gathering_data(context: dg.OpExecutionContext) -> Json:
        here = f"`bp report run {name} --partition …`"
        partitions = asked_partitions(context, entry.declaration, partitioned=partitioned, instead=here)
        with open_desk() as desk:
            return steps.gather(context, desk, name, partitions or [None])

    return gathering_data


def _process_op(entry: Entry) -> dg.OpDefinition:
    name = entry.declaration.name

    @dg.op(
        name=step_name(name, PROCESSING),
        description=f"Turns the rows of {name} into a document: title, figures against the window before, charts, "
        "tables. Queries nothing.",
        out=dg.Out(dict, io_manager_key=JSON_IO_KEY),
        retry_policy=retries(entry.declaration.attempts),
        pool=GENERATE_REPORT,
    )
    def processing(gathered: dict[str, Any]) -> Json:
        with open_desk() as desk:
            return steps.process(desk, gathered)

    return processing


def _generate_op(entry: Entry) -> dg.OpDefinition:
    name = entry.declaration.name

    @dg.op(
        name=step_name(name, GENERATING),
        description=f"Makes the files of {name}: {', '.join(entry.declaration.formats)}. Each appears whole or not at "
        "all; the same again is the same bytes. Fails if any partition has no report, naming it; those that are good "
        "are there all the same.",
        out={FILES: dg.Out(dg.Nothing)},
        retry_policy=retries(entry.declaration.attempts),
        pool=GENERATE_REPORT,
    )
    def generating(context: dg.AssetExecutionContext, processed: dict[str, Any]) -> Iterator[dg.Output[None]]:
        with open_desk() as desk:
            generated = steps.generate(desk, processed)
            reports = steps.by_partition(steps.reports_of(generated))
            steps.tell(context, [report for each in reports.values() for report in each])
            for number, (partition, made) in enumerate(reports.items()):
                record(desk.settings.data, name, partition, made)
                picture = desk.reporting.preview_png(made[0].manifest) if number < PREVIEWS else None
                shown = report_metadata(made, desk.settings.data, picture)
                if generated["problems"]:  # the step will fail: then no output says that these are there
                    context.log_event(dg.AssetMaterialization(name, partition=partition, metadata=shown))
                else:
                    context.add_asset_metadata(shown, asset_key=name, partition_key=partition)
            desk.reporting.tidy(SNAPSHOTS_KEPT)
            steps.raise_problems(generated, len(reports) + len(generated["problems"]))
        yield dg.Output(None, FILES)

    return generating


def _mapping(entry: Entry, upstream: Partitions | None) -> dg.PartitionMapping:
    """Return which partitions of a table a window reads; Dagster cannot say where time zones differ: then all."""
    own = entry.declaration.partitions
    if own is not None and upstream is not None and own.timezone == upstream.timezone:
        return dg.TimeWindowPartitionMapping(allow_nonexistent_upstream_partitions=True)
    return dg.AllPartitionMapping()


def _kinds(entry: Entry) -> dict[str, str]:
    return {f"dagster/kind/{kind}": "" for kind in ("duckdb", *entry.declaration.formats)[:3]}


def _description(entry: Entry) -> str:
    declaration = entry.declaration
    lines = [declaration.description or declaration.title]
    if declaration.schedule:
        zone = declaration.schedule.timezone or declaration.zone
        lines.append(f"Made at `{declaration.schedule.cron}` ({zone}), as soon as its tables are there.")
    if declaration.burst:
        lines.append(f"One report a `{declaration.burst.key}`.")
    lines.append(f"Files: {', '.join(declaration.formats)}, below `data/reports/{declaration.name}/`.")
    return "\n\n".join(lines)
