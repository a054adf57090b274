"""Everything that can be known to fail before a run: SQL, templates, columns of blocks, letters of the font.

SQL is bound to the tables as they are now, and no row is read: every query gets a place without rows, which those
after it see. What must not live here: what the YAML alone tells (declaration/).
"""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from batch_pipelines.core.declaring.declared import ATTRIBUTES
from batch_pipelines.core.declaring.key_problems import KeyPath, Problem
from batch_pipelines.core.declaring.names import nearest
from batch_pipelines.core.declaring.yaml_files import refusal
from batch_pipelines.core.errors import ConfigError
from batch_pipelines.lake.query import keep_query, open_versions, run_query
from batch_pipelines.presentation.formats import Formats
from batch_pipelines.presentation.templating import environment, missing_variables, render
from batch_pipelines.reporting.declaration.catalog import Entry
from batch_pipelines.reporting.declaration.content import Content, Table
from batch_pipelines.reporting.declaration.filters import parameters
from batch_pipelines.reporting.declaration.model import ReportDeclaration
from batch_pipelines.reporting.gather import window_of
from batch_pipelines.reporting.needs import tables_of
from batch_pipelines.reporting.render.pdf import missing_letter
from batch_pipelines.reporting.tabling import CHANGE
from batch_pipelines.reporting.template_uses import GIVEN, templates_of

_SAMPLES: tuple[tuple[Any, Any], ...] = (
    (pa.types.is_boolean, True),
    (pa.types.is_integer, 1),
    (pa.types.is_floating, 1.5),
    (pa.types.is_decimal, Decimal("1.5")),
    (pa.types.is_date, dt.date(2020, 1, 1)),
    (pa.types.is_timestamp, dt.datetime(2020, 1, 1, tzinfo=dt.UTC)),
)


def lint(entry: Entry, data: Path) -> list[str]:
    """Look for problems.

    Returns:
        A line each, `file:line: key: what, and what to do`; none if all is well.
    """
    problems = list(_problems(entry, data))
    if not problems:
        return []
    placed = [((*ATTRIBUTES, *path), f"{_shown(path)}: {message}") for path, message in problems]
    return str(refusal(entry.document, placed)).splitlines()


def _problems(entry: Entry, data: Path) -> Iterator[Problem]:
    declaration = entry.declaration
    names = sorted(tables_of(declaration))
    connection, versions = open_versions(data, names, timezone=declaration.zone)
    with connection:
        missing = set(names) - {each.table for each in versions}
        checker = _Checker(entry, connection, missing)
        yield from checker.sql()
        yield from checker.blocks()
        yield from checker.templates()
    yield from _letters(entry)


@dataclass
class _Checker:
    """Checks one report against a connection.

    Attributes:
        columns: Columns of each query that could be bound.
    """

    entry: Entry
    connection: duckdb.DuckDBPyConnection
    missing: set[str]
    columns: dict[str, pa.Schema] = field(default_factory=dict)

    @property
    def declaration(self) -> ReportDeclaration:
        return self.entry.declaration

    def sql(self) -> Iterator[Problem]:
        declaration, bound = self.declaration, self._bound()
        for name, sql in declaration.queries.items():
            try:
                keep_query(self.connection, name, sql, bound, empty=True)
                self.columns[name] = run_query(self.connection, f'FROM temp."{name}"').schema
            except ConfigError as error:
                yield ("queries", name), self._said(error)
        conditions: list[tuple[KeyPath, str]] = [
            (("checks", at), each.sql) for at, each in enumerate(declaration.checks)
        ]
        conditions += [(("send_if",), declaration.send_if)] if declaration.send_if else []
        for path, sql in conditions:
            yield from self._bindable(path, sql, bound)
        if declaration.burst:
            yield from self._bindable(("burst", "query"), declaration.burst.query, bound)

    def blocks(self) -> Iterator[Problem]:
        for at, content in enumerate(self.declaration.content):
            for keys, query, column in _columns_of(content):
                yield from self._known(("content", at, *keys), query, column)

    def templates(self) -> Iterator[Problem]:
        made = environment(Formats(self.declaration.locale, self.declaration.zone))
        variables = self._variables()
        for path, text in templates_of(self.declaration):
            try:
                unknown = missing_variables(made, text, [*GIVEN, *self.declaration.queries])
                if unknown:
                    yield path, f"there is no variable {unknown[0]!r}; {nearest(unknown[0], [*GIVEN, *self.columns])}"
                elif len(self.columns) == len(self.declaration.queries):
                    render(made, text, variables)
            except ConfigError as error:
                yield path, error.message

    def _bound(self) -> dict[str, Any]:
        declaration = self.declaration
        first = declaration.partitions.start if declaration.partitions else None
        window = window_of(declaration, first)
        values = {name: each.default for name, each in declaration.filters.items()}
        return {**parameters(declaration.filters, values), **window.bounds}

    def _bindable(self, path: KeyPath, sql: str, bound: Mapping[str, Any]) -> Iterator[Problem]:
        try:
            keep_query(self.connection, "_".join(["bp", *map(str, path)]), sql, bound, empty=True)
        except ConfigError as error:
            yield path, self._said(error)

    def _known(self, path: KeyPath, query: str, column: str) -> Iterator[Problem]:
        if query in self.columns and column not in self.columns[query].names:
            known = self.columns[query].names
            yield path, f"query {query!r} has no column {column!r}; {nearest(column, known)}"

    def _said(self, error: ConfigError) -> str:
        """The database's words on one line; about a table without rows, what to do."""
        text = " ".join(error.message.split("\n\nLINE")[0].split())
        gone = next((name for name in sorted(self.missing) if f"name {name} does not exist" in text), None)
        return text if gone is None else f"table {gone!r} holds nothing yet: process it, or put its name right ({text})"

    def _variables(self) -> dict[str, Any]:
        given: dict[str, Any] = dict.fromkeys(GIVEN)
        start = dt.datetime(2020, 1, 1)  # noqa: DTZ001 - a local clock's time
        given |= {"start": start, "end": start, "last": start, "partition": "2020-01-01", "name": self.declaration.name}
        given["filters"] = {name: each.default for name, each in self.declaration.filters.items()}
        rows = {name: {each.name: _sample(each.type) for each in schema} for name, schema in self.columns.items()}
        return {**rows, **given}


def _columns_of(content: Content) -> Iterator[tuple[KeyPath, str, str]]:
    """Every column that a block names: keys to it, its query, its name."""
    for index, kpi in enumerate(content.kpis or ()):
        yield ("kpis", index, "value"), kpi.query, kpi.column
    if (chart := content.chart) is not None:
        yield from (
            (("chart", key), chart.data, getattr(chart, key)) for key in ("x", "y", "series") if getattr(chart, key)
        )
    if content.table is not None:
        yield from ((("table", *keys), content.table.data, name) for keys, name in _columns_of_table(content.table))


def _columns_of_table(table: Table) -> Iterator[tuple[KeyPath, str]]:
    if table.pivot is not None:
        yield from ((("pivot", "rows"), name) for name in table.pivot.rows)
        yield ("pivot", "columns"), table.pivot.columns
        yield ("pivot", "values"), table.pivot.values
        return
    yield from ((("columns",), name) for name in table.columns or () if not name.endswith(CHANGE))
    yield from ((("totals",), name) for name in table.totals)
    if table.compare is not None:
        yield from ((("compare", "by"), name) for name in table.compare.by)
        yield from ((("compare", "columns"), name) for name in table.compare.columns)


def _letters(entry: Entry) -> Iterator[Problem]:
    """Letters of the YAML's own words that the font lacks."""
    declaration = entry.declaration
    if "pdf" not in declaration.formats:
        return
    texts: list[tuple[KeyPath, str]] = list(templates_of(declaration))
    for at, block in enumerate(declaration.content):
        texts += [(("content", at, "kpis", index, "label"), kpi.label) for index, kpi in enumerate(block.kpis or ())]
        titled = block.table or block.chart
        texts += [(("content", at, block.kind, "title"), titled.title)] if titled else []
    everything = "".join(text for _, text in texts)
    letter = missing_letter("".join(sorted(set(everything))), entry.brand)
    if letter is not None:
        path = next((path for path, text in texts if letter in text), ("title",))
        yield path, f"the font {entry.brand.theme.font} has no {letter!r}: give the brand a font that has it"


def _sample(kind: Any) -> Any:
    return next((value for matches, value in _SAMPLES if matches(kind)), "x")


def _shown(path: KeyPath) -> str:
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path).lstrip(".")
