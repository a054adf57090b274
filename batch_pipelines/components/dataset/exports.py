"""The asset `<name>_exports`: what is published of a dataset, in the targets that its YAML names; and its check.

A failed export fails the run, never the publication, which is there already; a re-run goes on with what is missing.
What must not live here: how a target is written (processing/export/).
"""

from collections.abc import Iterator, Sequence

import dagster as dg

from batch_pipelines.components.metadata import Metadata, markdown_table
from batch_pipelines.core.errors import TransientError
from batch_pipelines.orchestration.names import exports_name
from batch_pipelines.orchestration.partitions import dagster_key, partitions_def, requested
from batch_pipelines.orchestration.policies import INFRASTRUCTURE_RETRIES, PROCESS_DATA
from batch_pipelines.orchestration.session import failure, open_processing
from batch_pipelines.processing.declaration.model import DatasetDeclaration
from batch_pipelines.processing.export.exporter import Exporting
from batch_pipelines.processing.export.targets import Exported
from batch_pipelines.processing.pipeline import Processing

EXPORTED = "exported"
LINES = 50
LATE_SHOWN = 20
StepContext = dg.OpExecutionContext | dg.AssetExecutionContext


def exports_asset(declaration: DatasetDeclaration, group: str) -> dg.AssetsDefinition | None:
    """Return the asset of a dataset that has targets; other datasets need none.

    Args:
        declaration: The dataset.
        group: Group of its assets.
    """
    if not declaration.export:
        return None
    name = declaration.name
    targets = "\n".join(f"- {target.kind}: `{target.name}`" for target in declaration.export)

    @dg.asset(
        name=exports_name(name),
        deps=[name],
        partitions_def=partitions_def(declaration),
        backfill_policy=dg.BackfillPolicy.single_run(),
        description=f"Has every target hold what is published of {name}, each publication once. What a target holds "
        f"already is left alone; a re-run goes on with what is missing.\n\n{targets}",
        group_name=group,
        owners=declaration.owners,
        kinds={target.kind if target.kind != "table" else "sql" for target in declaration.export},
        tags=declaration.tags,
        retry_policy=INFRASTRUCTURE_RETRIES,
        pool=PROCESS_DATA,
    )
    def exports(context: dg.AssetExecutionContext) -> None:
        with open_processing() as processing:
            exporting = export(context, processing, name, requested(context))
            if exporting.failures:
                log_exports(context, name, exporting)
                raise_failures(name, exporting)
            for partition, metadata in _described(exporting):
                context.add_asset_metadata(metadata, partition_key=dagster_key(partition))

    return exports


def exports_check(declaration: DatasetDeclaration) -> dg.AssetChecksDefinition | None:
    """Return the check that every target holds what is published; None for a dataset without targets."""
    if not declaration.export:
        return None

    @dg.asset_check(
        asset=exports_name(declaration.name),
        name=EXPORTED,
        description="Every target holds every published partition. Changes nothing; may be run at any time.",
    )
    def exported() -> dg.AssetCheckResult:
        with open_processing() as processing:
            return check_exports(processing, declaration.name)

    return exported


def check_exports(processing: Processing, dataset: str) -> dg.AssetCheckResult:
    """Compare what targets say that they hold with what is published now."""
    late = processing.not_exported(dataset)
    shown = markdown_table([{"not exported": line} for line in late[:LATE_SHOWN]])
    return dg.AssetCheckResult(
        asset_key=dg.AssetKey(exports_name(dataset)),
        check_name=EXPORTED,
        passed=not late,
        severity=dg.AssetCheckSeverity.ERROR,
        description=f"{len(late):,} are missing" if late else "every target holds what is published",
        metadata={"missing": dg.MetadataValue.md(shown)} if late else {},
    )


def export(context: StepContext, processing: Processing, dataset: str, partitions: Sequence[str] | None) -> Exporting:
    """Export partitions, and say what became of each in the log (of very many, only of those that failed)."""
    exporting = processing.export(dataset, partitions)
    for line in exporting.failures:
        context.log.error(line)
    if len(exporting.done) <= LINES:
        for each in exporting.done:
            context.log.info(each.sentence)
    else:
        context.log.info("%d exports of %s are there", len(exporting.done), dataset)
    return exporting


def log_exports(context: StepContext, dataset: str, exporting: Exporting) -> None:
    """Log that the exports of these partitions are there: where no output of the step says so."""
    for partition, metadata in _described(exporting):
        key = dg.AssetKey(exports_name(dataset))
        context.log_event(dg.AssetMaterialization(asset_key=key, partition=dagster_key(partition), metadata=metadata))


def raise_failures(dataset: str, exporting: Exporting) -> None:
    """Fail the step if an export failed.

    Raises:
        TransientError: Everything that failed may work later.
        dagster.Failure: Names them.
    """
    if exporting.failures and exporting.may_work_later:
        raise TransientError("; ".join(exporting.failures))
    if exporting.failures:
        what = f"{len(exporting.failures)} exports of {dataset} failed; what is published stays"
        raise failure(what, exporting.failures)


def _described(exporting: Exporting) -> Iterator[tuple[str, Metadata]]:
    """Yield the partitions that every target holds, each with what is shown of them."""
    for partition in dict.fromkeys(each.partition for each in exporting.done):
        if not any(f"/{partition} → " in line for line in exporting.failures):
            yield partition, _metadata(exporting.of(partition))


def _metadata(done: Sequence[Exported]) -> Metadata:
    rows = [
        {"target": each.target, "rows": each.rows, "publication": each.publication, "done": str(each.done)}
        for each in done
    ]
    return {
        "dagster/partition_row_count": dg.MetadataValue.int(max(each.rows for each in done)),
        "targets": dg.MetadataValue.md(markdown_table(rows)),
    }
