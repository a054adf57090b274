"""`bp backfill`: runs in Dagster for a range of partitions, one run a contiguous range."""

from typing import Annotated

import typer


def backfill(name: Annotated[str, typer.Argument(help="The dataset.")]) -> None:
    """TODO."""
