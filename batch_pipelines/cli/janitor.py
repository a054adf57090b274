"""`bp janitor`: removes files that nobody names any more."""

from typing import Annotated, Any

import typer

from batch_pipelines.cli import places
from batch_pipelines.cli.cells import counted
from batch_pipelines.cli.console import data
from batch_pipelines.cli.output import JsonFlag, write_json, write_table
from batch_pipelines.core.model import BatchState


def janitor(
    name: Annotated[list[str] | None, typer.Argument(help="Datasets; without any, all.", show_default=False)] = None,
    as_json: JsonFlag = False,
) -> None:
    """Remove parts of lost attempts, old table versions, staged copies and temporary files.

    What a table, an unfinished batch or the newest ten versions of a table name is kept; safe beside running jobs.
    """
    from batch_pipelines.processing.tables.janitor import pinned_versions, sweep
    from batch_pipelines.processing.tables.query import table_names

    with places.open_processing() as processing:
        data_folder, ledger = processing.settings.data, processing.ledger
        known = sorted({*table_names(data_folder), *processing.catalog.datasets})
        wanted = name or known
        for each in wanted:
            if each not in known:
                places.entry_of(processing.catalog, each)
        alive = (BatchState.OPEN, BatchState.FAILED)
        pins = pinned_versions(batch for each in known for batch in ledger.batches.of_pipeline(each, alive))
        rows: list[dict[str, Any]] = []
        for each in wanted:
            swept = sweep(data_folder, ledger, each, pins.get(each, ()))
            rows.append({"dataset": each, "files": swept.files, "bytes": swept.bytes})
    if as_json:
        write_json(rows)
        return
    files, size = sum(row["files"] for row in rows), sum(row["bytes"] for row in rows)
    if files:
        write_table(["dataset", "files", "bytes"], [row for row in rows if row["files"]])
    data().print(f"{counted(files, 'file')} removed, {size / 1e6:,.1f} MB")
