"""Which tables a campaign reads, by its SQL."""

from batch_pipelines.campaigns.declaration.model import CampaignDeclaration
from batch_pipelines.lake.query import tables_in


def tables_read(declaration: CampaignDeclaration) -> list[str]:
    """Return the names that audience and data read, sorted: tables, if they exist."""
    audience = declaration.audience
    sql = [data.query for data in declaration.data.values()]
    sql += [audience.sql] if audience is not None and audience.sql is not None else []
    names = {name for each in sql for name in tables_in(each)}
    return sorted(names | ({audience.table} if audience is not None and audience.table is not None else set()))
