"""`bp corrections`: what was said of records, and no longer to be held."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from batch_pipelines.cli import places
from batch_pipelines.cli.cells import counted
from batch_pipelines.cli.console import command, say
from batch_pipelines.cli.output import JsonFlag, write_json, write_table

if TYPE_CHECKING:
    from batch_pipelines.core.ledger.corrections import Correction


class Act(StrEnum):
    """What may be done with corrections."""

    LIST = "list"
    DISCARD = "discard"


def corrections(
    name: Annotated[str, typer.Argument(help="The dataset.")],
    act: Annotated[Act, typer.Argument(help="List them, or discard some.")] = Act.LIST,
    ids: Annotated[
        list[int] | None, typer.Argument(help="Which to discard, as the list numbers them.", show_default=False)
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Discard all; list those that are discarded, too.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """List or discard corrections: other values for records, which hold whenever their content is processed.

    They are made by `replay --set`. One that is discarded is not applied any more: the next time its partition is
    processed, the records come out as they lie in the file.
    """
    with places.open_processing() as processing:
        places.entry_of(processing.catalog, name)
        known = processing.ledger.corrections
        made = known.of_pipeline(name)
        active = [each for each in made if each.discarded_at is None]
        if act is Act.DISCARD:
            found = known.discard(name, _chosen(name, active, ids or [], every=every))
            say(f"{counted(len(found), 'correction')} of {name} discarded; {_next(name)}", "green")
            return
    shown = made if every else active
    rows = [_row(each) for each in shown]
    if as_json:
        write_json(rows)
    elif rows:
        write_table([name for name in rows[0] if every or name != "discarded"], rows)
    else:
        say(f"{name} has no corrections")


def _chosen(name: str, active: list["Correction"], ids: list[int], *, every: bool) -> list[int]:
    if bool(ids) == every:
        raise typer.BadParameter("say which to discard: numbers of the list, or --all.")
    there = [each.id for each in active]
    if unknown := [number for number in ids if number not in there]:
        raise places.NotFound(f"{name} has no correction {unknown[0]}. See {command(f'corrections {name}')}")
    return there if every else ids


def _next(name: str) -> str:
    return f"{command(f'process {name}')} brings the table in line"


def _row(each: "Correction") -> dict[str, Any]:
    return {
        "id": each.id,
        "column": each.column,
        "set to": each.expression,
        "records": each.records,
        "note": each.note,
        "by": each.who,
        "at": each.made_at[:19],
        "discarded": each.discarded_at and each.discarded_at[:19],
    }
