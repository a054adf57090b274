"""Where things are for a command: settings from its environment, datasets by name, processing opened and closed."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from batch_pipelines.cli.console import command
from batch_pipelines.core.errors import BatchError
from batch_pipelines.core.settings import Settings, load_settings

if TYPE_CHECKING:
    from batch_pipelines.processing.declaration.catalog import Catalog, Entry
    from batch_pipelines.processing.pipeline import Processing


class NotFound(BatchError):
    """What a command was asked for is not there: exit code 3."""


def settings() -> Settings:
    """Return the settings of this process's environment."""
    return load_settings(os.environ, Path.cwd())


@contextmanager
def open_processing() -> Iterator["Processing"]:
    """Open datasets, ledger and tables, and close them after the command."""
    from batch_pipelines.processing.pipeline import Processing

    processing = Processing(settings())
    try:
        yield processing
    finally:
        processing.close()


def entry_of(catalog: "Catalog", name: str) -> "Entry":
    """Return a declared dataset.

    Raises:
        NotFound: There is none of that name.
    """
    from batch_pipelines.core.errors import ConfigError

    try:
        return catalog.entry(name)
    except ConfigError as error:
        text = str(error)
        end = "" if text.endswith("?") else "."
        raise NotFound(f"{text}{end} All of them: {command('datasets')}") from error


def shown_path(path: Path) -> str:
    """Return a path as short as it works from here."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
