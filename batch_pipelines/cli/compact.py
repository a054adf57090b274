"""`bp compact`: merges the small parts of tables."""

from typing import Annotated, Any

import typer

from batch_pipelines.cli import places
from batch_pipelines.cli.cells import counted
from batch_pipelines.cli.console import data
from batch_pipelines.cli.output import JsonFlag, write_json, write_table


def compact(
    name: Annotated[str, typer.Argument(help="The dataset.")],
    partition: Annotated[
        list[str] | None,
        typer.Option("--partition", "-p", help="Only this partition; may be repeated.", show_default=False),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Merge many small parts of a partition into few of about 64 MB; the rows, and their order, stay.

    The nightly clean-up does the same. Safe beside running jobs: it waits for nobody, and changes nothing if a
    publication gets in between.
    """
    from batch_pipelines.core.clock import SystemClock
    from batch_pipelines.processing.tables.compact import compact as merge

    with places.open_processing() as processing:
        places.entry_of(processing.catalog, name)
        done = merge(processing.settings.data, processing.ledger, name, SystemClock(), partition)
    rows: list[dict[str, Any]] = [
        {"partition": each.partition, "parts": each.before, "become": each.after, "bytes": each.bytes} for each in done
    ]
    if as_json:
        write_json(rows)
        return
    if rows:
        write_table(["partition", "parts", "become", "bytes"], rows)
    gone, new = sum(each.before for each in done), sum(each.after for each in done)
    data().print(f"{counted(gone, 'part')} became {new:,}" if gone else "nothing to compact")
