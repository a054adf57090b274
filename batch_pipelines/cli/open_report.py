"""`bp open`: the files of a report that was made, in the program that shows them; without one, where they lie."""

import sys
from typing import Annotated

import typer

from batch_pipelines.cli import places
from batch_pipelines.cli.console import command, data
from batch_pipelines.cli.reports import open_desk


def open_report(
    name: Annotated[str, typer.Argument(help="The report.")],
    partition: Annotated[
        str | None, typer.Option("--partition", "-p", help="Its window. Default: the one made last.")
    ] = None,
    form: Annotated[str | None, typer.Option("--format", help="Which of its files. Default: the first.")] = None,
    key: Annotated[str | None, typer.Option("--key", help="Which report of a burst. Default: the first.")] = None,
    show: Annotated[bool, typer.Option("--print", help="Print the path, open nothing.")] = False,
) -> None:
    """Open a report that was made; into a pipe, or with --print, print the path of its file."""
    from batch_pipelines.orchestration.report_records import recorded, recorded_partitions

    with open_desk() as desk:
        desk.entry(name)
        made = [partition] if partition else recorded_partitions(desk.settings.data, name)[-1:]
        reports = [each for window in made for each in recorded(desk.settings.data, name, window)]
        found = [
            desk.settings.data / each.manifest.folder / file.name
            for each in reports
            if key in (None, each.manifest.key)
            for file in each.manifest.files
            if form in (None, file.format)
        ]
    if not found:
        what = "/".join(filter(None, (name, partition, key, form)))
        raise places.NotFound(f"{what} was not made yet; {command(f'report run {name}')} makes it")
    data().print(str(found[0]), soft_wrap=True)
    if not show and sys.stdout.isatty():
        typer.launch(found[0].as_uri())
