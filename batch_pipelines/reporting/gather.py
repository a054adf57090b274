"""Gathering: run a report's queries once, keep their rows as files, give the whole an id.

A snapshot is whole or not there: it is made in a folder of its own and renamed. What must not live here: what the
rows mean to a reader (process.py).
"""

import datetime as dt
import hashlib
import json
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from batch_pipelines.core.declaring import partitions, windows
from batch_pipelines.core.declaring.declared import ATTRIBUTES
from batch_pipelines.core.declaring.key_problems import KeyPath
from batch_pipelines.core.declaring.yaml_files import refusal
from batch_pipelines.core.errors import ConfigError
from batch_pipelines.lake.query import TableVersion, keep_query, open_versions, run_query
from batch_pipelines.reporting.declaration.catalog import Entry
from batch_pipelines.reporting.declaration.filters import filter_values, parameters
from batch_pipelines.reporting.declaration.model import ReportDeclaration
from batch_pipelines.reporting.model import CheckResult, DataVersion, Gathered, ReportRequest, as_json
from batch_pipelines.reporting.needs import Needs, needs_of, tables_of
from batch_pipelines.reporting.snapshot import check_dates
from batch_pipelines.reporting.software import software
from batch_pipelines.reporting.time_limit import limited

WORK = "reports/.work"
PREVIOUS = "previous"
GATHERED = "gathered.json"
BATCH_ROWS = 100_000
_ID_LETTERS = 12
_NO_PARQUET = {"INTERVAL", "TIME WITH TIME ZONE", "BIT"}


@dataclass(frozen=True, slots=True)
class Window:
    """The window of a report, on the local clock (naive times); all None without partitions.

    Attributes:
        key: Of its partition.
        start: When it begins.
        end: When it ends, exclusive.
    """

    key: str | None = None
    start: dt.datetime | None = None
    end: dt.datetime | None = None

    @property
    def bounds(self) -> dict[str, dt.datetime | None]:
        """What `$start` and `$end` are; without partitions there is neither: no comparison with them would hold."""
        return {"start": self.start, "end": self.end} if self.start else {}


def gather(entry: Entry, request: ReportRequest, data: Path, now: dt.datetime) -> Gathered:
    """Run the queries of a report.

    Args:
        entry: The report.
        request: Which of it.
        data: The data folder.
        now: Aware; what `max_age` is measured from.

    Raises:
        ConfigError: There is no such partition, filter or value, or the SQL does not work.
        PermanentError: The queries take longer than `timeout` allows.
    """
    declaration = entry.declaration
    window = window_of(declaration, request.partition)
    before = previous_window(declaration, window)
    asked = resolved(entry, request, window)
    needs = needs_of(declaration)
    draft = data / WORK / f"draft-{secrets.token_hex(6)}"
    try:
        draft.mkdir(parents=True)
        with _opened(entry, data, draft) as (connection, versions):
            bound = _bound(declaration, asked, window)
            _run(connection, entry, needs.order, bound)
            rows = {name: _keep(connection, entry, name, draft) for name in needs.kept}
            send, checks = _judge(connection, entry, bound)
            if before is not None and needs.compared:
                _run_previous(connection, entry, needs, _bound(declaration, asked, before), draft / PREVIOUS)
        checks += _age_check(declaration, versions, now)
        content = _content_hash(draft)
        made = [DataVersion(each.table, each.version, each.at.isoformat(timespec="seconds")) for each in versions]
        report_id = _report_id(entry, asked, content, made)
        gathered = Gathered(
            request=asked, report_id=report_id, content_sha256=content, folder=f"{WORK}/{report_id}",
            start=window.start.isoformat() if window.start else None,
            end=window.end.isoformat() if window.end else None,
            previous=before.key if before else None, rows=rows, versions=made,
            state="ready" if rows.get(declaration.emptiness) else "empty", send=send, checks=checks,
        )  # fmt: skip
        _settle(draft, data / gathered.folder, gathered)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return gathered


def window_of(declaration: ReportDeclaration, key: str | None) -> Window:
    """The window of a partition.

    Raises:
        ConfigError: There is no such partition, or the report has none, or needs one.
    """
    if declaration.partitions is None:
        if key not in (None, partitions.ALL):
            raise ConfigError(f"report {declaration.name!r} has no partitions; leave {key!r} out")
        return Window()
    if key is None:
        raise ConfigError(f"report {declaration.name!r} needs a partition, for example {declaration.partitions.start}")
    start, end = partitions.window(declaration.partitions, key)
    local = start.replace(tzinfo=None)
    return Window(windows.format_key(local, declaration.partitions.every), local, end.replace(tzinfo=None))


def previous_window(declaration: ReportDeclaration, window: Window) -> Window | None:
    """The window before; None where there is none."""
    if declaration.partitions is None or window.start is None:
        return None
    every = declaration.partitions.every
    start = windows.floor(window.start - dt.timedelta(microseconds=1), every)
    key = windows.format_key(start, every)
    return Window(key, start, window.start) if partitions.fits(declaration.partitions, key) else None


def resolved(entry: Entry, request: ReportRequest, window: Window) -> ReportRequest:
    """The request with nothing left open.

    Raises:
        ConfigError: A filter or its value is not allowed.
    """
    values = filter_values(entry.declaration.filters, request.filters)
    formats = request.formats or tuple(entry.declaration.formats)
    locale = request.locale or entry.declaration.locale
    return replace(request, partition=window.key, filters=values, formats=formats, locale=locale)


def burst_rows(entry: Entry, request: ReportRequest, data: Path) -> list[dict[str, Any]]:
    """The rows of the burst query.

    Raises:
        ConfigError: The report has no burst, or its SQL does not work.
    """
    if entry.declaration.burst is None:
        raise ConfigError(f"report {entry.declaration.name!r} has no burst")
    window = window_of(entry.declaration, request.partition)
    asked = resolved(entry, request, window)
    draft = data / WORK / f"draft-{secrets.token_hex(6)}"
    try:
        with _opened(entry, data, draft) as (connection, _):
            bound = _bound(entry.declaration, asked, window)
            _run(connection, entry, needs_of(entry.declaration, entry.declaration.burst.query).order, bound)
            with _at(entry, "burst", "query"):
                rows = run_query(connection, entry.declaration.burst.query, parameters=bound).to_pylist()
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return rows


@contextmanager
def _opened(entry: Entry, data: Path, draft: Path) -> Iterator[tuple[duckdb.DuckDBPyConnection, list[TableVersion]]]:
    draft.mkdir(parents=True, exist_ok=True)
    names = sorted(tables_of(entry.declaration))
    connection, versions = open_versions(data, names, timezone=entry.declaration.zone, spill=draft / "spill")
    with connection, limited(connection, entry.declaration.timeout):
        yield connection, versions


@contextmanager
def _at(entry: Entry, *keys: str | int) -> Iterator[None]:
    """Say in which file, line and key an error of SQL is."""
    try:
        yield
    except ConfigError as error:
        path: KeyPath = (*ATTRIBUTES, *keys)
        where = ".".join(map(str, keys))
        message = " ".join(error.message.split("\n\nLINE")[0].split())
        raise refusal(entry.document, [(path, f"{where}: {message}")]) from error


def _bound(declaration: ReportDeclaration, request: ReportRequest, window: Window) -> dict[str, Any]:
    return {**parameters(declaration.filters, request.filters), **window.bounds}


def _run(connection: duckdb.DuckDBPyConnection, entry: Entry, names: list[str], bound: Mapping[str, Any]) -> None:
    for name in names:
        with _at(entry, "queries", name):
            keep_query(connection, name, entry.declaration.queries[name], bound)


def _run_previous(
    connection: duckdb.DuckDBPyConnection, entry: Entry, needs: Needs, bound: Mapping[str, Any], folder: Path
) -> None:
    for name in needs.order:
        connection.execute(f'DROP TABLE IF EXISTS temp."{name}"')
    folder.mkdir()
    _run(connection, entry, needs.compared_order, bound)
    for name in needs.compared:
        _keep(connection, entry, name, folder)


def _keep(connection: duckdb.DuckDBPyConnection, entry: Entry, name: str, folder: Path) -> int:
    """Write the rows of a query that was run; how many there are."""
    file = folder / f"{name}.parquet"
    statement = f'SELECT {_storable(connection, name)} FROM temp."{name}"'  # noqa: S608  names are checked or quoted
    reader = connection.sql(statement).to_arrow_reader(BATCH_ROWS)
    count = 0
    with pq.ParquetWriter(file, reader.schema, compression="zstd", compression_level=1) as writer:
        for batch in reader:
            writer.write_batch(batch)
            count += batch.num_rows
    with _at(entry, "queries", name):
        check_dates(file)
    return count


def _storable(connection: duckdb.DuckDBPyConnection, name: str) -> str:
    """The columns of a query; those of types that Parquet doesn't know, as text."""
    found = connection.sql(f'FROM temp."{name}"')
    quoted = ['"' + column.replace('"', '""') + '"' for column in found.columns]
    return ", ".join(
        f"CAST({column} AS VARCHAR) AS {column}" if str(kind) in _NO_PARQUET else column
        for column, kind in zip(quoted, found.types, strict=True)
    )


def _judge(
    connection: duckdb.DuckDBPyConnection, entry: Entry, bound: Mapping[str, Any]
) -> tuple[bool, list[CheckResult]]:
    declaration, send = entry.declaration, True
    if declaration.send_if is not None:
        with _at(entry, "send_if"):
            send = bool(_value(connection, declaration.send_if, bound))
    checks = []
    for index, check in enumerate(declaration.checks):
        with _at(entry, "checks", index):
            value = _value(connection, check.sql, bound)
        said = "holds" if value else f"does not hold: {check.sql.strip()}"
        checks.append(CheckResult(check.name or f"check_{index + 1}", bool(value), check.severity, said))
    return send, checks


def _value(connection: duckdb.DuckDBPyConnection, sql: str, bound: Mapping[str, Any]) -> Any:
    rows = run_query(connection, sql, 2, parameters=bound)
    if rows.num_rows != 1 or rows.num_columns != 1:
        raise ConfigError(f"has to give one value, and gives {rows.num_rows} × {rows.num_columns}")
    return rows.column(0)[0].as_py()


def _age_check(declaration: ReportDeclaration, versions: list[TableVersion], now: dt.datetime) -> list[CheckResult]:
    if declaration.max_age is None:
        return []
    old = [each for each in versions if (now - each.at).total_seconds() > declaration.max_age]
    said = ", ".join(f"{each.table} is from {each.at:%Y-%m-%d %H:%M} UTC" for each in old)
    return [CheckResult("max_age", not old, "error", said or "all tables are fresh")]


def _content_hash(folder: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*.parquet")):
        digest.update(file.relative_to(folder).as_posix().encode())
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()


def _report_id(entry: Entry, request: ReportRequest, content: str, versions: list[DataVersion]) -> str:
    what = {
        "request": as_json(request), "declaration": entry.version, "brand": entry.brand.version, "content": content,
        "versions": [as_json(each) for each in versions],
        "software": software(),
    }  # fmt: skip
    return hashlib.sha256(json.dumps(what, sort_keys=True, default=str).encode()).hexdigest()[:_ID_LETTERS]


def _settle(draft: Path, folder: Path, gathered: Gathered) -> None:
    """Put the snapshot in its place; the very same may be there already, from another try."""
    (draft / GATHERED).write_text(json.dumps(as_json(gathered), indent=1), encoding="utf-8")
    shutil.rmtree(draft / "spill", ignore_errors=True)
    try:
        draft.rename(folder)
    except OSError:
        if not (folder / GATHERED).is_file():
            raise
