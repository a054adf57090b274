"""Which tables a campaign reads, by its SQL."""

from collections.abc import Iterator, Sequence

from batch_pipelines.campaigns.declaration.model import CampaignDeclaration
from batch_pipelines.lake.statements import tables_in, tables_named


def tables_read(declaration: CampaignDeclaration) -> list[str]:
    """Return the names that audience and data read, sorted: tables, if they exist."""
    names = {name for each in _statements(declaration) for name in tables_in(each)}
    return sorted(names | _tables(declaration))


def tables_needed(declaration: CampaignDeclaration, names: Sequence[str]) -> list[str]:
    """Return those of the tables `names` that audience and data may read, in their order."""
    needed = {name for each in _statements(declaration) for name in tables_named(each, names)}
    return [name for name in names if name in needed | _tables(declaration)]


def _statements(declaration: CampaignDeclaration) -> Iterator[str]:
    audience = declaration.audience
    yield from (data.query for data in declaration.data.values())
    if audience is not None and audience.sql is not None:
        yield audience.sql
    if audience is not None and audience.where is not None:
        yield f"SELECT 1 WHERE ({audience.where}\n)"


def _tables(declaration: CampaignDeclaration) -> set[str]:
    audience = declaration.audience
    return {audience.table} if audience is not None and audience.table is not None else set()
