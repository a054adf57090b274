"""Where campaigns are for a command: opened and closed, found by name, occurrences by partition."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from batch_pipelines.cli import places
from batch_pipelines.core.errors import ConfigError

if TYPE_CHECKING:
    from batch_pipelines.campaigns.pipeline import Campaigns
    from batch_pipelines.core.mailings import Occurrence

Name = Annotated[str, typer.Argument(help="The campaign.")]
Partition = Annotated[
    str | None, typer.Argument(help="Its partition: which occurrence. A campaign without has one.", show_default=False)
]


@contextmanager
def open_campaigns() -> Iterator["Campaigns"]:
    """Open campaigns and ledger, and close them after the command."""
    from batch_pipelines.campaigns.pipeline import Campaigns

    campaigns = Campaigns(places.settings(), os.environ)
    try:
        yield campaigns
    finally:
        campaigns.close()


def known(campaigns: "Campaigns", name: str) -> str:
    """Return the name of a declared campaign.

    Raises:
        NotFound: There is none of that name.
    """
    try:
        campaigns.catalog.entry(name)
    except ConfigError as error:
        raise places.NotFound(str(error)) from error
    return name


def begun(campaigns: "Campaigns", name: str, partition: str | None) -> "Occurrence":
    """Return an occurrence that was begun.

    Raises:
        NotFound: There is none.
    """
    try:
        return campaigns.occurrence(name, partition)
    except ConfigError as error:
        raise places.NotFound(str(error)) from error
