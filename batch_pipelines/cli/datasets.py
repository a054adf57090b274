"""`bp datasets`: all datasets, or one with its partitions."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from batch_pipelines.cli import places
from batch_pipelines.cli.cells import local_time
from batch_pipelines.cli.console import command, data, say
from batch_pipelines.cli.output import Format, JsonFlag, chosen, write_json, write_table
from batch_pipelines.core.errors import BatchError

if TYPE_CHECKING:
    from batch_pipelines.processing.pipeline import Processing
    from batch_pipelines.processing.standing import Standing


def datasets(
    name: Annotated[str | None, typer.Argument(help="Show this dataset's partitions.", show_default=False)] = None,
    as_json: JsonFlag = False,
) -> None:
    """List the datasets: rows, partitions done of those with files, dead letters; with a name, its partitions."""
    form = chosen(as_json=as_json)
    with places.open_processing() as processing:
        if name is None:
            _show_all(processing, form)
        else:
            _show_one(processing, name, form)


def _show_all(processing: "Processing", form: Format) -> None:
    problems: list[str] = []
    rows = [_dataset(processing, name, problems) for name in processing.catalog.entries]
    for problem in problems:
        say(problem, "yellow")
    if form is Format.JSON:
        write_json(rows)
        return
    if not rows:
        say(f"no datasets: no defs.yaml in {processing.settings.defs} declares one")
        return
    shown = [
        {
            "dataset": row["name"],
            "rows": "broken" if row["broken"] else f"{row['rows']:,}",
            "partitions": _partitions(row),
            "dead letters": f"{row['dead_letters']:,}",
            "last processed": local_time(row["last_processed_at"]),
            "description": row["description"] or "",
        }
        for row in rows
    ]
    write_table(list(shown[0]), shown, right=("rows", "dead letters"), squeezed="description")
    say(f"one of them: {command('datasets NAME')}", "dim")


def _dataset(processing: "Processing", name: str, problems: list[str]) -> dict[str, Any]:
    """Return its row. A broken table, or files that nobody can say anything of, is no problem of the others."""
    from batch_pipelines.lake.delta import table_path, trouble_of
    from batch_pipelines.lake.query import count_rows
    from batch_pipelines.processing.standing import standings

    data_folder = processing.settings.data
    if broken := trouble_of(table_path(data_folder, name)):
        problems.append(broken)
    try:
        known, asked = standings(processing, name), True
    except BatchError as error:
        problems.append(f"{name}: {error}")
        known, asked = standings(processing, name, ask=False), False
    published = [each.published for each in known if each.published]
    there = [*published, *(batch for each in known for batch in each.earlier)]
    return {
        "name": name,
        "description": processing.catalog.entry(name).declaration.description,
        "rows": None if broken else count_rows(data_folder, name),
        "broken": broken,
        "partitions_done": sum(each.has_files and each.published is not None for each in known),
        "partitions_with_files": sum(each.has_files for each in known) if asked else None,
        "partitions_in_trouble": sum(each.trouble is not None for each in known),
        "dead_letters": processing.ledger.chunks.counts([batch.id for batch in there]).dead,
        "last_processed_at": max((batch.finished_at or "" for batch in published), default=None),
    }


def _partitions(row: dict[str, Any]) -> str:
    trouble = f", {row['partitions_in_trouble']} not well" if row["partitions_in_trouble"] else ""
    there = row["partitions_with_files"]
    return f"{row['partitions_done']} of {'?' if there is None else there}{trouble}"


def _show_one(processing: "Processing", name: str, form: Format) -> None:
    from batch_pipelines.lake.delta import table_path
    from batch_pipelines.processing.standing import standings

    declaration = places.entry_of(processing.catalog, name).declaration
    rows = list(_states(processing, name, standings(processing, name)))
    if form is Format.JSON:
        write_json(rows)
        return
    out = data()
    for what, value in (
        ("dataset", f"{name}: {declaration.description}" if declaration.description else name),
        ("source", declaration.source),
        ("table", places.shown_path(table_path(processing.settings.data, name))),
    ):
        out.print(f"{what:8} {value}", soft_wrap=True)
    if not rows:
        say(f"no partitions yet: no file matches {declaration.source}")
        return
    out.print()
    numbers = ("rows", "dead_letters", "warned")
    shown = [
        {
            **{key: row[key] for key in ("partition", "state")},
            **{key.replace("_", " "): "" if row[key] is None else f"{row[key]:,}" for key in numbers},
            "published": local_time(row["published_at"]),
        }
        for row in rows
    ]
    write_table(list(shown[0]), shown, right=("rows", "dead letters", "warned"))
    _advise(name, rows)


def _states(processing: "Processing", name: str, known: list["Standing"]) -> Iterator[dict[str, Any]]:
    """A row a partition: the counts are the table's, state and message the newest batch's."""
    from batch_pipelines.lake.delta import table_path, trouble_of
    from batch_pipelines.lake.query import rows_by_partition

    data_folder = processing.settings.data
    if broken := trouble_of(table_path(data_folder, name)):
        say(broken, "yellow")
    wanted = [batch.id for each in known for batch in (*each.earlier, each.published, each.trouble) if batch]
    reports = {report.batch_id: report for report in processing.review(wanted)}
    table = {} if broken else rows_by_partition(data_folder, name)
    for each in known:
        held = reports[each.published.id] if each.published else None
        newest = reports[each.trouble.id] if each.trouble else held
        message = newest.message if newest else ""
        there = [reports[batch.id] for batch in (*each.earlier, each.published) if batch]
        if not each.has_files:
            message = f"{message}; its source files are gone, the table keeps its rows" if held else "no files"
        yield {
            "partition": each.partition,
            "state": each.state,
            "has_files": each.has_files,
            "rows": table.get(each.partition, 0) if held and not broken else None,
            "dead_letters": sum(report.dead_letters for report in there) if held else None,
            "warned": sum(report.counts.warned for report in there) if held else None,
            "published_at": each.published.finished_at if each.published else None,
            "message": message,
            "schema_change": held.schema_change if held else [],
        }


def _advise(name: str, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        if row["state"] not in ("published", "not processed") or not row["has_files"]:
            say(f"{row['partition']}: {row['message']}")
    for change in sorted({line for row in rows for line in row["schema_change"]}):
        say(f"columns changed: {change}")
    if any(row["dead_letters"] for row in rows):
        say(f"its dead letters: {command(f'dead-letters {name}')}", "dim")
    if any(row["state"] != "published" for row in rows):
        say(f"process what is missing: {command(f'backfill {name} --missing')}", "dim")
