"""`bp campaign recipients|ambiguous|suppress`: who got what, who may have, who must not."""

from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from batch_pipelines.cli.campaigns import Name, Partition, begun, open_campaigns
from batch_pipelines.cli.cells import counted, local_time
from batch_pipelines.cli.console import say
from batch_pipelines.cli.output import CsvFlag, Format, JsonFlag, chosen, write_csv, write_json, write_table
from batch_pipelines.core.errors import BatchFailed
from batch_pipelines.core.mailings import EVERY_LIST, Reason, Recipient, RecipientState, Suppression

if TYPE_CHECKING:
    from batch_pipelines.campaigns.pipeline import Campaigns

COLUMNS = ("address", "state", "attempts", "due_at", "code", "enhanced", "reply", "done_at")
SUPPRESSED = ("address", "list", "reason", "source", "since")
SHOWN = 20


class Fate(StrEnum):
    """What an operator may decide of the ambiguous."""

    SENT = "sent"
    RESEND = "resend"
    FAILED = "failed"


def recipients(
    name: Name,
    partition: Partition = None,
    state: Annotated[
        list[RecipientState] | None, typer.Option("--state", "-s", help="Only those in this state; may be repeated.")
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option("--limit", "-n", min=0, help=f"0 for all. Without: {SHOWN} for people, all for programs."),
    ] = None,
    as_json: JsonFlag = False,
    as_csv: CsvFlag = False,
) -> None:
    """List the recipients of an occurrence: who got it, who did not, and what the relay said."""
    form = chosen(as_json=as_json, as_csv=as_csv)
    with open_campaigns() as campaigns:
        occurrence = begun(campaigns, name, partition)
        rows = _rows(campaigns, occurrence.id, state or list(RecipientState))
        if form is Format.JSON:
            write_json(_first(rows, limit))
        elif form is Format.CSV:
            write_csv(COLUMNS, _first(rows, limit))
        else:
            write_table(COLUMNS, list(_first(rows, SHOWN if limit is None else limit)), squeezed="reply")


def ambiguous(
    name: Name,
    partition: Partition = None,
    decide: Annotated[
        Fate | None,
        typer.Option("--as", help="Decide of all of them: they got it (sent), send again (resend), give up (failed)."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """List who may have got a mail, or not: connection or process broke between dot and reply. Or decide of them."""
    with open_campaigns() as campaigns:
        occurrence = begun(campaigns, name, partition)
        rows = list(_rows(campaigns, occurrence.id, [RecipientState.AMBIGUOUS]))
        if decide is None:
            if as_json:
                write_json(rows)
            elif rows:
                write_table(COLUMNS, rows, squeezed="reply")
            else:
                say(f"nobody of {occurrence.name} is ambiguous", "green")
            return
        after = {
            Fate.SENT: RecipientState.SENT,
            Fate.FAILED: RecipientState.FAILED,
            Fate.RESEND: RecipientState.PENDING,
        }
        said = f"an operator decided: {decide}"
        done = campaigns.ledger.recipients.resolve(occurrence.id, [RecipientState.AMBIGUOUS], after[decide], reply=said)
        if decide is Fate.RESEND and done:
            campaigns.ledger.occurrences.reopen(occurrence.id)
    say(f"{counted(done, 'recipient')}: {said}", "green")


def suppress(
    address: Annotated[str | None, typer.Argument(help="An address. Without: list all.", show_default=False)] = None,
    list_name: Annotated[str, typer.Option("--list", help="Of which list; * is all mail.")] = EVERY_LIST,
    remove: Annotated[bool, typer.Option("--remove", help="Allow it again.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """List the addresses that must not be written to; add one, or allow one again. Seen at the next claim."""
    with open_campaigns() as campaigns:
        kept = campaigns.ledger.suppressions
        if address is None:
            rows = [
                {"address": s.key, "list": s.scope, "reason": s.reason.value, "source": s.source, "since": s.created_at}
                for s in kept.all(limit=1_000_000)
            ]
            if as_json:
                write_json(rows)
            else:
                write_table(SUPPRESSED, [{**row, "since": local_time(row["since"])} for row in rows])
            return
        key = _address(address)
        if remove:
            count = kept.remove(key, None if list_name == EVERY_LIST else list_name)
            say(f"{key}: {counted(count, 'suppression')} removed", "green")
        else:
            kept.add([Suppression(key, list_name, Reason.MANUAL, "bp campaign suppress")])
            say(f"{key} gets no more mail of {'any list' if list_name == EVERY_LIST else list_name}", "green")


def add_to(app: typer.Typer) -> None:
    """Add these commands to `bp campaign`."""
    for each in (recipients, ambiguous, suppress):
        app.command(each.__name__)(each)


def _address(text: str) -> str:
    from batch_pipelines.delivery.addresses import read_address

    try:
        return read_address(text).spec.casefold()
    except ValueError as error:
        raise BatchFailed([str(error)]) from error


def _rows(campaigns: "Campaigns", occurrence_id: int, states: list[RecipientState]) -> Iterator[dict[str, object]]:
    after = -1
    while some := campaigns.ledger.recipients.of(occurrence_id, states, after=after):
        yield from map(_row, some)
        after = some[-1].seq


def _row(each: Recipient) -> dict[str, object]:
    return {
        "address": each.address,
        "state": each.state.value,
        "attempts": each.attempts,
        "due_at": _moment(each.due_at or None),
        "code": each.code,
        "enhanced": each.enhanced,
        "reply": each.reply,
        "done_at": _moment(each.done_at),
    }


def _moment(at: float | None) -> datetime | None:
    return None if at is None else datetime.fromtimestamp(at, UTC).replace(microsecond=0)


def _first(rows: Iterator[dict[str, object]], limit: int | None) -> Iterator[dict[str, object]]:
    for number, row in enumerate(rows):
        if limit and number >= limit:
            return
        yield row
