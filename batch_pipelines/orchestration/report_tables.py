"""Which datasets a report waits for, and what of it can be refused when definitions load, before any table is there.

It waits for those that its SQL reads, unless its schedule names others. What must not live here: whether tables are
there (readiness.py); SQL bound to tables (reporting/lint.py).
"""

from collections.abc import Iterator, Mapping

import duckdb

from batch_pipelines.core.declaring.declared import ATTRIBUTES
from batch_pipelines.core.declaring.key_problems import Problem
from batch_pipelines.core.declaring.partitions import Partitions
from batch_pipelines.core.declaring.yaml_files import joined, refusal
from batch_pipelines.core.errors import ConfigError
from batch_pipelines.processing.declaration.catalog import Catalog
from batch_pipelines.reporting.declaration.catalog import Catalog as Reports
from batch_pipelines.reporting.declaration.catalog import Entry
from batch_pipelines.reporting.delivering import not_allowed
from batch_pipelines.reporting.needs import tables_of


def tables_waited_for(entry: Entry, datasets: Catalog) -> dict[str, Partitions | None]:
    """Return the datasets that a report waits for, with their partitions where those are by time.

    Raises:
        ConfigError: It reads, or waits for, what is no dataset.
    """
    schedule = entry.declaration.schedule
    asked = schedule.wait_for if schedule and schedule.wait_for else None
    key = ("schedule", "wait_for") if asked else ("queries",)
    found: dict[str, Partitions | None] = {}
    for name in asked or sorted(tables_of(entry.declaration)):
        try:
            declared = datasets.entry(name).declaration.partitions
        except ConfigError as error:
            raise refusal(entry.document, [((*ATTRIBUTES, *key), f"{'.'.join(key)}: {error.message}")]) from error
        found[name] = declared if isinstance(declared, Partitions) else None
    return found


def check_reports(reports: Reports, datasets: Catalog, environ: Mapping[str, str]) -> None:
    """Refuse reports whose SQL is none, that read what is no dataset, or go to whom they may not.

    Raises:
        ConfigError: All problems are listed, with file, line and key.
    """
    errors: list[ConfigError] = []
    for entry in reports.entries.values():
        problems = [*_no_sql(entry), *(((*ATTRIBUTES, *path), why) for path, why in not_allowed(entry, environ))]
        if problems:
            errors.append(refusal(entry.document, problems))
            continue
        try:
            tables_waited_for(entry, datasets)
        except ConfigError as error:
            errors.append(error)
    if errors:
        raise joined(errors)


def _no_sql(entry: Entry) -> Iterator[Problem]:
    """Statements that DuckDB cannot parse."""
    declaration = entry.declaration
    statements: list[tuple[tuple[str | int, ...], str]] = [
        *((("queries", name), sql) for name, sql in declaration.queries.items()),
        *((("checks", at), check.sql) for at, check in enumerate(declaration.checks)),
        *([(("send_if",), declaration.send_if)] if declaration.send_if else []),
        *([(("burst", "query"), declaration.burst.query)] if declaration.burst else []),
    ]
    with duckdb.connect(":memory:") as parser:
        for path, sql in statements:
            try:
                parser.extract_statements(sql)
            except duckdb.Error as error:
                said = " ".join(str(error).split("\n\nLINE")[0].split())
                yield (*ATTRIBUTES, *path), f"{'.'.join(map(str, path))}: {said}"
