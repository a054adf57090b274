"""`bp dead-letters`: which records are not in the table, where they lie, and why."""

import base64
from collections.abc import Iterable, Iterator
from dataclasses import replace
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer

from batch_pipelines.cli import places
from batch_pipelines.cli.cells import as_text, printable
from batch_pipelines.cli.console import command, data, say
from batch_pipelines.cli.output import CsvFlag, Format, JsonFlag, chosen, write_csv, write_json
from batch_pipelines.cli.reasons import sentence_of
from batch_pipelines.cli.users import user

if TYPE_CHECKING:
    from batch_pipelines.processing.pipeline import Processing
    from batch_pipelines.processing.replaying.replay import Replay
    from batch_pipelines.processing.standing import Reason, Standing

SHOWN = 20
CSV_COLUMNS = ("partition", "source", "line", "record", "rule", "column", "value", "message", "raw")

Letter = dict[str, Any]


class Act(StrEnum):
    """What may be done with dead letters besides looking at them."""

    ACCEPT = "accept"
    UNACCEPT = "unaccept"


def dead_letters(  # noqa: PLR0913  a flag each
    name: Annotated[str, typer.Argument(help="The dataset.")],
    act: Annotated[
        Act | None,
        typer.Argument(
            help="Mark those that are meant as known, to be left alone; or take that back.", show_default=False
        ),
    ] = None,
    *,
    partition: Annotated[
        str | None, typer.Option("--partition", "-p", help="Only of this partition.", show_default=False)
    ] = None,
    reason: Annotated[
        str | None,
        typer.Option(
            "--reason", "-r", help="Only where rule, column, value or message contain this.", show_default=False
        ),
    ] = None,
    condition: Annotated[
        str | None,
        typer.Option("--where", help="Only where this SQL holds; see replay.", show_default=False),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            "-n",
            min=0,
            show_default=False,
            help=f"Records to show, 0 for all. Without it: {SHOWN} for people, all as JSON or CSV.",
        ),
    ] = None,
    raw: Annotated[bool, typer.Option("--raw", help="Show each record as it lies in the file.")] = False,
    note: Annotated[str | None, typer.Option("--note", help="Why they are accepted.", show_default=False)] = None,
    as_json: JsonFlag = False,
    as_csv: CsvFlag = False,
) -> None:
    """Show dead letters: records that are not in the table, counted by reason, then each with file and line.

    They are those of the published batch of each partition; of a failed batch, where that is the newest.
    JSON has an object a record with all its reasons, CSV a line a reason.
    """
    from batch_pipelines.processing.dead_letters.selection import Wanted
    from batch_pipelines.processing.replaying.replay import Replay

    form = chosen(as_json=as_json, as_csv=as_csv)
    if act is None and (condition or note):
        raise typer.BadParameter("--where and --note go with accept or unaccept.")
    with places.open_processing() as processing:
        places.entry_of(processing.catalog, name)
        where = _partitions(processing, name, partition)
        if act is not None:
            keys = None if partition is None else [partition]
            _mark(processing, act, Replay(name, keys, Wanted(reason, condition, act is Act.UNACCEPT), note=note))
            return
        found = _letters(processing, where, (reason or "").lower())
        if form is Format.TABLE:
            _show(processing, name, where, found, reason=reason, limit=SHOWN if limit is None else limit, raw=raw)
            return
        wanted = islice(found, limit or None)
        if form is Format.JSON:
            write_json(wanted)
        else:
            write_csv(CSV_COLUMNS, ({**letter, **why} for letter in wanted for why in letter["reasons"]))


def _mark(processing: "Processing", act: Act, meant: "Replay") -> None:
    """Accept letters, or no longer."""
    from batch_pipelines.processing.replaying.replay import accept, unaccept

    mark = accept if act is Act.ACCEPT else unaccept
    count = mark(processing, replace(meant, who=user()))
    letters, verb = "dead letter" if count == 1 else "dead letters", "is" if count == 1 else "are"
    if act is Act.ACCEPT:
        say(f"{count:,} more {letters} of {meant.dataset} {verb} accepted", "green")
    else:
        say(f"{count:,} {letters} of {meant.dataset} {verb} no longer accepted", "green")


def _partitions(processing: "Processing", name: str, partition: str | None) -> list["Standing"]:
    from batch_pipelines.processing.standing import standings

    known = standings(processing, name)
    if partition is None:
        return known
    if chosen_ones := [each for each in known if each.partition == partition]:
        return chosen_ones
    keys = [each.partition for each in known]
    there = f"it has {keys[0]} to {keys[-1]}" if keys else "it has none yet"
    raise places.NotFound(f"{name} has no partition {partition!r}; {there}. See {command(f'datasets {name}')}")


def _letters(processing: "Processing", where: Iterable["Standing"], text: str) -> Iterator[Letter]:
    """Every dead letter with at least one reason that contains `text`, and only such reasons."""
    from batch_pipelines.processing.dead_letters.selection import mentions
    from batch_pipelines.processing.standing import dead_letters as read

    for standing in where:
        for table in read(processing, standing):
            for batch in table.to_batches(max_chunksize=10_000):
                for row in batch.to_pylist():
                    if whys := [why for why in row["reasons"] if not text or mentions(why, text)]:
                        corrected = row.pop("corrected", None)
                        letter = {"partition": standing.partition, **row, **_raw(row["raw"]), "reasons": whys}
                        yield letter if corrected is None else {**letter, "corrected": _by_column(corrected)}


def _by_column(corrected: list[dict[str, str | None]]) -> dict[str, str | None]:
    """What corrections made of the record before it was checked."""
    return {str(each["column"]): each["value"] for each in corrected}


def _raw(record: bytes) -> dict[str, str]:
    """The record as text; exactly, in Base64, if it is none."""
    try:
        return {"raw": record.decode()}
    except UnicodeDecodeError:
        return {"raw": as_text(record), "raw_base64": base64.b64encode(record).decode()}


def _show(
    processing: "Processing",
    name: str,
    where: list["Standing"],
    found: Iterator[Letter],
    *,
    reason: str | None,
    limit: int,
    raw: bool,
) -> None:
    from batch_pipelines.processing.standing import accepted, lettered, reasons

    text = (reason or "").lower()
    why = [each for each in reasons(processing, where) if not text or _matching(each, text)]
    if not why:
        say(f"{name} has no dead letters" + (f" whose reason contains {reason!r}" if reason else ""))
        return
    out = data()
    for each in why:
        shown = each if not text else _only(each, text)
        out.print(f"{shown.count:>11,}  {sentence_of(shown)} [{shown.rule}]", soft_wrap=True)
    if known := sum(accepted(processing, batch) for each in where for batch in lettered(each)):
        out.print(f"{known:>11,}  of them accepted: known, to be left alone")
    out.print()
    shown_ones = list(islice(found, limit or None))
    for letter in shown_ones:
        for reason_of in letter["reasons"]:
            out.print(f"{letter['source']}:{letter['line']}: {sentence(reason_of)}", soft_wrap=True)
        if raw:
            out.print(f"    {printable(letter['raw'])}", style="dim", soft_wrap=True)
        for column, value in letter.get("corrected", {}).items():
            out.print(f"    corrected: {printable(f'{column} = {value}')}", style="dim", soft_wrap=True)
    if next(found, None) is not None:
        say(f"the first {len(shown_ones):,}; --limit 0 shows all, --raw the records, --csv and --json write all", "dim")


def sentence(why: dict[str, str | None]) -> str:
    """Return a reason as one line: column, value, what is wrong, and the rule."""
    value = f"'{why['value']}'" if why["value"] is not None else ""
    words = [why["column"] or "", value, why["message"] or ""]
    return printable(f"{' '.join(filter(None, words))} [{why['rule']}]")


def _matching(reason: "Reason", text: str) -> bool:
    from batch_pipelines.processing.dead_letters.selection import names_of

    return text in f"{names_of(reason.rule, reason.column)} {reason.message}".lower() or bool(
        _only(reason, text).values
    )


def _only(reason: "Reason", text: str) -> "Reason":
    """The reason with those of its values that make its text contain `text`."""
    from batch_pipelines.processing.dead_letters.selection import mentions
    from batch_pipelines.processing.standing import Reason

    why = {"rule": reason.rule, "column": reason.column, "message": reason.message}
    values = [(value, count) for value, count in reason.values if mentions({**why, "value": value}, text)]
    return Reason(reason.rule, reason.column, reason.message, sum(count for _, count in values), values)
