"""`bp export`: what is published of a dataset into the targets that its YAML names, here and now."""

from typing import Annotated

import typer

from batch_pipelines.cli import places
from batch_pipelines.cli.cells import counted
from batch_pipelines.cli.console import command, data, say
from batch_pipelines.cli.output import JsonFlag, write_json
from batch_pipelines.core.errors import BatchFailed


def export(
    name: Annotated[str, typer.Argument(help="The dataset.")],
    partitions: Annotated[
        list[str] | None,
        typer.Option("--partition", "-p", help="One of its partitions; without any, all.", show_default=False),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Have every target of a dataset (`export` in its YAML) hold what is published.

    What a target holds already is left alone: the same publication is written once. Runs do this by themselves.
    """
    with places.open_processing() as processing:
        declaration = places.entry_of(processing.catalog, name).declaration
        if not declaration.export:
            raise typer.BadParameter(f"{name} has no targets; write `export` in its YAML.")
        published = processing.ledger.batches.currents(name)
        if unknown := [each for each in partitions or () if each not in published]:
            more = f"published: {', '.join(sorted(published)) or 'none'}"
            raise places.NotFound(f"partition {unknown[0]!r} of {name} is not published; {more}")
        exporting = processing.export(name, partitions)
    if as_json:
        write_json(
            {
                "partition": each.partition,
                "target": each.target,
                "done": str(each.done),
                "publication": each.publication,
                "rows": each.rows,
            }
            for each in exporting.done
        )
    else:
        for each in exporting.done:
            data().print(each.sentence, soft_wrap=True)
        if not exporting.done and not exporting.failures:
            say(f"nothing of {name} is published yet: {command(f'process {name}')}")
    if exporting.failures:
        raise BatchFailed([*exporting.failures, f"{counted(len(exporting.failures), 'export')} failed"])
