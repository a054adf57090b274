"""`bp init`: writes a first declaration, to be looked over."""

from pathlib import Path
from typing import Annotated

import typer

from batch_pipelines.cli import places
from batch_pipelines.cli.cells import counted
from batch_pipelines.cli.console import command, say
from batch_pipelines.core.errors import ConfigError

init = typer.Typer(name="init", help="Write a first declaration of a pipeline.", no_args_is_help=True)


@init.command("dataset")
def dataset(
    file: Annotated[Path, typer.Argument(help="One of its files, within the project.", show_default=False)],
    name: Annotated[str | None, typer.Option("--name", help="Its name; the file's without it.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Also over a declaration that is there.")] = False,
    printed: Annotated[bool, typer.Option("--print", help="Write the YAML to stdout, and no file.")] = False,
) -> None:
    """Look at a file and declare a dataset of it: columns with types, required where nothing is missing, likely keys.

    Writes NAME/defs.yaml into the folder of definitions, never over one that is there.
    """
    from batch_pipelines.processing.drafting.draft import dataset_name, draft
    from batch_pipelines.processing.drafting.text import yaml_of
    from batch_pipelines.processing.sources.files import source_file

    settings = places.settings()
    if not file.is_file():
        raise places.NotFound(f"there is no file {file}")
    if not file.resolve().is_relative_to(settings.home.resolve()):
        raise ConfigError(f"{file} lies outside the project {settings.home}; copy it to {settings.home / 'data'} first")
    source = source_file(file.absolute(), settings.home, settings.data)
    wanted = name or dataset_name(file.name)
    target = settings.defs / wanted / "defs.yaml"
    if not printed and not force:
        _refuse_taken(settings.defs, target, wanted)
    made = draft(wanted, source, settings.home, settings.data)
    text = yaml_of(made, wanted)
    if printed:
        typer.echo(text, nl=False)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(".defs.yaml.new")
    temporary.write_text(text)
    temporary.replace(target)
    columns = len(made.declaration.columns or {})
    say(f"{places.shown_path(target)}: {counted(columns, 'column')}, from {counted(made.rows, 'row')}; look it over")
    say(f'then: {command(f"process {wanted}")}, {command("query")} "from {wanted} limit 10"', "dim")


def _refuse_taken(defs: Path, target: Path, name: str) -> None:
    """Leave declarations alone that are there.

    Raises:
        ConfigError: There is one.
    """
    from batch_pipelines.processing.declaration.catalog import load_catalog

    if target.exists():
        raise ConfigError(f"{places.shown_path(target)} is there already; --force writes over it, --name takes another")
    if defs.is_dir() and (entry := load_catalog(defs).entries.get(name)):
        raise ConfigError(f"{entry.file} declares a dataset {name!r} already; take another --name")
