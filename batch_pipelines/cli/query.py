"""`bp query`: SQL over the tables, through DuckDB."""

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from batch_pipelines.cli import places
from batch_pipelines.cli.cells import counted
from batch_pipelines.cli.console import command, say
from batch_pipelines.cli.output import CsvFlag, Format, JsonFlag, chosen, write_csv, write_json, write_table
from batch_pipelines.core.errors import ConfigError, IntegrityError

if TYPE_CHECKING:
    import pyarrow as pa

SHOWN_ROWS = 40


def query(
    sql: Annotated[str, typer.Argument(help="A SELECT over the tables, or - to read it from stdin.")],
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            "-n",
            min=0,
            show_default=False,
            help=f"Rows to write, 0 for all. Without it: {SHOWN_ROWS} as a table, all as JSON or CSV.",
        ),
    ] = None,
    system_columns: Annotated[
        bool,
        typer.Option("--system-columns", help="Also _source, _line, _offset, _partition: where a row came from."),
    ] = False,
    at: Annotated[
        list[str] | None,
        typer.Option(
            "--at",
            show_default=False,
            metavar="WHEN",
            help="As it was: a time (2013-01-31T05:00Z), a version, or NAME=VERSION, which may be repeated.",
        ),
    ] = None,
    as_json: JsonFlag = False,
    as_csv: CsvFlag = False,
) -> None:
    """Ask the tables, in DuckDB's SQL: each processed dataset is a table of its name.

    It reads these tables and nothing else: no files, no network.
    """
    form = chosen(as_json=as_json, as_csv=as_csv)
    rows = limit if limit is not None else SHOWN_ROWS if form is Format.TABLE else 0
    statement = sys.stdin.read() if sql == "-" else sql
    if not statement.strip():
        raise typer.BadParameter("the statement is empty.", param_hint="SQL")
    wanted = Wanted(rows + 1 if rows else None, system_columns, tuple(at or ()))
    result = rows_of(places.settings().data, statement, wanted)
    if form is Format.TABLE:
        _show(result, rows)
        return
    batches = (row for batch in _cut(result, rows).to_batches(max_chunksize=10_000) for row in batch.to_pylist())
    if form is Format.JSON:
        write_json(batches)
    else:
        write_csv(result.column_names, batches)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is wanted of a statement's rows.

    Attributes:
        limit: At most so many.
        system: Also the system columns.
        at: Which versions of the tables, as `--at` has them.
    """

    limit: int | None = None
    system: bool = False
    at: tuple[str, ...] = ()


def rows_of(data: Path, statement: str, wanted: Wanted | None = None) -> "pa.Table":
    """Return the rows of one statement over the tables.

    Raises:
        ConfigError: The SQL is wrong, in one line; or there is no such version.
        IntegrityError: A table that it names cannot be read.
    """
    from batch_pipelines.lake.query import open_tables, run_query, table_names
    from batch_pipelines.lake.statements import lists_tables, tables_named

    wanted, names = wanted or Wanted(), table_names(data)
    read = tables_named(statement, names)

    def pass_over(name: str, error: IntegrityError) -> None:
        if name in read:
            raise error
        say(f"left out: {error}", "yellow")

    opened = names if lists_tables(statement) else read
    at = versions(wanted.at, read)
    connection = open_tables(data, opened, system_columns=wanted.system, at=at, broken=pass_over)
    try:
        return run_query(connection, statement, wanted.limit)
    except ConfigError as error:
        raise ConfigError(one_line(str(error), names)) from error
    finally:
        connection.close()


def versions(at: Sequence[str], read: Sequence[str]) -> dict[str, int | datetime]:
    """Return which version of which table is meant.

    Args:
        at: `NAME=WHEN`, for one table; or `WHEN`: a time for all tables, a version for the only one.
        read: The tables that the statement reads.

    Raises:
        ConfigError: That is not clear.
    """
    found: dict[str, int | datetime] = {}
    for text in at:
        name, _, when = text.rpartition("=")
        moment = _moment(when)
        if name and name not in read:
            raise ConfigError(f"--at {text}: the statement does not read a table {name!r}; it reads {_listed(read)}")
        if not name and isinstance(moment, int) and len(read) != 1:
            raise ConfigError(
                f"--at {text}: each table counts its own versions; write NAME={when}. Read: {_listed(read)}"
            )
        found |= dict.fromkeys([name] if name else read, moment)
    return found


def _moment(text: str) -> int | datetime:
    """A version, or a time: UTC, unless it says otherwise."""
    if text.isdecimal():
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"--at {text}: is neither a version nor a time such as 2013-01-31T05:00Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"


def one_line(message: str, tables: list[str]) -> str:
    """Return DuckDB's message in one line; where a table is unknown, with those that there are."""
    if unknown := re.search(r"Table with name (\S+) does not exist", message):
        there = ", ".join(tables) if tables else "none yet"
        return f"there is no table {unknown[1]!r}. Tables: {there}. All datasets: {command('datasets')}"
    if not re.match(r"\w+( \w+)* Error: ", message):
        return message
    lines = [line.strip() for line in message.partition("Candidate functions:")[0].splitlines()]
    spoken = " ".join(line for line in lines if line.strip("^") and not line.startswith("LINE "))
    return f'{spoken.rstrip(".!?")}. Tables: {command("query")} "show tables"'


def _show(result: "pa.Table", limit: int) -> None:
    if not result.num_columns:
        say("done; the statement has no rows to show")
        return
    if result.column_names == ["explain_key", "explain_value"]:
        sys.stdout.writelines(f"{text}\n" for text in result.column("explain_value").to_pylist())
        return
    shown = _cut(result, limit)
    hidden = write_table(result.column_names, shown.to_pylist())
    if result.num_rows > shown.num_rows:
        say(
            f"the first {shown.num_rows:,} rows; there are more: --limit 0 shows all, --csv and --json write all", "dim"
        )
    else:
        say(counted(result.num_rows, "row"), "dim")
    if hidden:
        fitting = result.num_columns - len(hidden)
        names = ", ".join(hidden)
        say(
            f"{fitting} of {result.num_columns} columns fit this terminal; select fewer or take --csv or --json. "
            f"Left out: {names}",
            "dim",
        )


def _cut(result: "pa.Table", limit: int) -> "pa.Table":
    return result.slice(0, limit) if limit else result
