"""`bp janitor`: removes files that nobody names any more."""

from typing import Annotated, Any

import typer

from batch_pipelines.cli import places
from batch_pipelines.cli.cells import counted
from batch_pipelines.cli.console import data, say
from batch_pipelines.cli.output import JsonFlag, write_json, write_table


def janitor(
    name: Annotated[list[str] | None, typer.Argument(help="Datasets; without any, all.", show_default=False)] = None,
    as_json: JsonFlag = False,
) -> None:
    """Remove parts of lost attempts, old table versions, staged copies and temporary files.

    What a table, its newest ten versions, those within the dataset's time_travel, or an unfinished batch name is kept.
    Safe beside running jobs. A table that cannot be read keeps all its files.
    """
    from batch_pipelines.lake.query import table_names
    from batch_pipelines.processing.tables.janitor import sweep_all

    with places.open_processing() as processing:
        data_folder, ledger = processing.settings.data, processing.ledger
        known = sorted({*table_names(data_folder), *processing.catalog.entries})
        wanted = name or known
        for each in wanted:
            if each not in known:
                places.entry_of(processing.catalog, each)
        entries = processing.catalog.entries.items()
        depths = {each: entry.declaration.time_travel for each, entry in entries}
        swept = sweep_all(data_folder, ledger, known, wanted, depths, lambda error: say(f"left out: {error}", "yellow"))
        rows: list[dict[str, Any]] = [
            {"dataset": each, "files": removed.files, "bytes": removed.bytes} for each, removed in swept.items()
        ]
    if as_json:
        write_json(rows)
        return
    files, size = sum(row["files"] for row in rows), sum(row["bytes"] for row in rows)
    if files:
        write_table(["dataset", "files", "bytes"], [row for row in rows if row["files"]])
    data().print(f"{counted(files, 'file')} removed, {size / 1e6:,.1f} MB")
