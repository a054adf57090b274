"""Which queries a report needs, for what, in which order; and which tables they read. From the YAML alone.

What must not live here: running them (gather.py).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from batch_pipelines.lake.statements import tables_in
from batch_pipelines.reporting.declaration.model import ReportDeclaration
from batch_pipelines.reporting.template_uses import queries_in_templates


@dataclass(frozen=True, slots=True)
class Needs:
    """Queries by what they are needed for, each in the order of the YAML.

    Attributes:
        order: All that have to be run.
        kept: Those whose rows readers get to see.
        compared: Those that are needed of the window before, too.
        compared_order: What has to be run for these.
    """

    order: list[str]
    kept: list[str]
    compared: list[str]
    compared_order: list[str]


def needs_of(declaration: ReportDeclaration, *further_sql: str) -> Needs:
    """What a report needs; `further_sql` may name queries, too."""
    kept = {declaration.emptiness, *declaration.data_sheets, *queries_in_templates(declaration)}
    compared = set()
    for block in declaration.content:
        kept |= {kpi.query for kpi in block.kpis or ()}
        compared |= {kpi.query for kpi in block.kpis or () if kpi.compare}
        kept |= {block.chart.data} if block.chart else set()
        kept |= {block.table.data} if block.table else set()
        compared |= {block.table.data} if block.table and block.table.compare else set()
    statements = [*further_sql, *(check.sql for check in declaration.checks)]
    statements += [declaration.send_if] if declaration.send_if else []
    named = {name for sql in statements for name in reads(sql) if name in declaration.queries}
    return Needs(
        order=_closure(declaration, kept | named),
        kept=_ordered(declaration, kept),
        compared=_ordered(declaration, compared),
        compared_order=_closure(declaration, compared),
    )


def tables_of(declaration: ReportDeclaration) -> set[str]:
    """Names that its SQL reads and that are not its own queries: tables, if they exist."""
    statements = [*declaration.queries.values(), *(check.sql for check in declaration.checks)]
    statements += [declaration.send_if] if declaration.send_if else []
    statements += [declaration.burst.query] if declaration.burst else []
    found = {name for sql in statements for name in reads(sql)}
    first_use = {
        name
        for index, (query, sql) in enumerate(declaration.queries.items())
        for name in reads(sql)
        if name not in list(declaration.queries)[:index] and name == query
    }
    return (found - set(declaration.queries)) | first_use


@lru_cache(maxsize=1024)
def reads(sql: str) -> frozenset[str]:
    """Names that a statement reads."""
    return frozenset(tables_in(sql))


def _closure(declaration: ReportDeclaration, names: Iterable[str]) -> list[str]:
    """These queries and all that they use, in order."""
    wanted = set(names)
    for name in reversed(list(declaration.queries)):  # a query uses only those before it
        if name in wanted:
            wanted |= reads(declaration.queries[name]) & set(declaration.queries)
    return _ordered(declaration, wanted)


def _ordered(declaration: ReportDeclaration, names: Iterable[str]) -> list[str]:
    wanted = set(names)
    return [name for name in declaration.queries if name in wanted]
