"""`bp campaign send|status|pause|resume|cancel`: an occurrence on its way."""

from typing import TYPE_CHECKING

import typer

from batch_pipelines.cli.campaigns import Name, Partition, begun, known, open_campaigns
from batch_pipelines.cli.cells import printable
from batch_pipelines.cli.console import command, data, say
from batch_pipelines.cli.output import Format, JsonFlag, chosen, write_json, write_table
from batch_pipelines.cli.progress_bar import showing
from batch_pipelines.cli.watching import Stage
from batch_pipelines.core.errors import BatchFailed

if TYPE_CHECKING:
    from batch_pipelines.campaigns.reviewing import Review
    from batch_pipelines.core.mailings import Occurrence

COLUMNS = (
    "campaign",
    "partition",
    "state",
    "sent",
    "failed",
    "deferred",
    "suppressed",
    "ambiguous",
    "skipped",
    "pending",
)


def send(name: Name, partition: Partition = None) -> None:
    """Send an occurrence here and now, without Dagster; again, it goes on where it stopped. Nobody gets two."""
    with open_campaigns() as campaigns:
        occurrence = campaigns.prepare(known(campaigns, name), partition)
        if occurrence.state == "paused":
            raise BatchFailed([_paused(occurrence)])
        with showing() as show:
            show(Stage("sending", 0, occurrence.total, "recipients"))
            review = campaigns.send(
                occurrence.id,
                report=lambda at: show(Stage("sending", at.done, at.counts.total, "recipients", at.waits)),
                wait_for_others=True,
            )
        _show(review)
    if review.occurrence.state == "paused":
        raise BatchFailed([_paused(review.occurrence)])


def status(name: Name, partition: Partition = None, as_json: JsonFlag = False) -> None:
    """Say what became of everybody: of all occurrences of a campaign, or of one."""
    form = chosen(as_json=as_json)
    with open_campaigns() as campaigns:
        if partition is not None:
            reviews = [campaigns.review(begun(campaigns, name, partition).id)]
        else:
            every = campaigns.ledger.occurrences.of_campaign(known(campaigns, name))
            reviews = [campaigns.review(each.id) for each in every]
    if form is Format.JSON:
        write_json(_row(each) for each in reviews)
    elif partition is not None:
        _show(reviews[0])
    elif reviews:
        write_table(COLUMNS, [_row(each) for each in reviews])
    else:
        say(f"{name} was never sent. {command(f'campaign check {name}')} shows what would be")


def pause(name: Name, partition: Partition = None) -> None:
    """Pause an occurrence: senders stop within a second or so, what is in flight comes to its end."""
    with open_campaigns() as campaigns:
        occurrence = begun(campaigns, name, partition)
        _changed(campaigns.ledger.occurrences.pause(occurrence.id, "paused by an operator"), occurrence, "paused")


def resume(name: Name, partition: Partition = None) -> None:
    """Let a paused occurrence go on: the next run of it sends, or the sensor resend_deferred starts one."""
    with open_campaigns() as campaigns:
        occurrence = begun(campaigns, name, partition)
        _changed(campaigns.ledger.occurrences.resume(occurrence.id), occurrence, "resumed")


def cancel(name: Name, partition: Partition = None) -> None:
    """End an occurrence for good: whoever waits is skipped."""
    with open_campaigns() as campaigns:
        occurrence = begun(campaigns, name, partition)
        _changed(campaigns.cancel(occurrence, "cancelled by an operator"), occurrence, "cancelled")
        _show(campaigns.review(occurrence.id))


def add_to(app: typer.Typer) -> None:
    """Add these commands to `bp campaign`."""
    for each in (send, status, pause, resume, cancel):
        app.command(each.__name__)(each)


def _changed(done: bool, occurrence: "Occurrence", what: str) -> None:
    if not done:
        raise BatchFailed([f"{occurrence.name} is {occurrence.state} and cannot be {what}"])
    say(f"{occurrence.name} is {what}", "green")


def _paused(occurrence: "Occurrence") -> str:
    again = command(f"campaign resume {occurrence.campaign} {occurrence.partition}")
    return f"{occurrence.name} is paused: {printable(occurrence.reason or '')}; cure that, then {again}"


def _row(review: "Review") -> dict[str, object]:
    occurrence = review.occurrence
    named = {"campaign": occurrence.campaign, "partition": occurrence.partition, "state": occurrence.state.value}
    return {**named, "reason": occurrence.reason, **review.figures}


def _show(review: "Review") -> None:
    out = data()
    reason = f", {printable(review.occurrence.reason)}" if review.occurrence.reason else ""
    out.print(f"{review.occurrence.name}: {review.occurrence.state}{reason}", style="bold", soft_wrap=True)
    for name, count in review.figures.items():
        if count or name in {"sent", "total"}:
            out.print(f"{count:>9,}  {name}")
    for text, count in review.replies:
        out.print(f"{count:>9,} × {printable(text)}", style="dim", soft_wrap=True)
