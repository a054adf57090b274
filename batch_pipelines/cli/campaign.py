"""`bp campaign …`: check, look at, try out a campaign before it goes out; the other commands are in campaign_*.py."""

from pathlib import Path
from typing import Annotated

import typer

from batch_pipelines.cli import campaign_people, campaign_sending, places
from batch_pipelines.cli.campaigns import Name, Partition, known, open_campaigns
from batch_pipelines.cli.cells import counted, printable
from batch_pipelines.cli.console import command, data, say
from batch_pipelines.core.errors import BatchFailed

campaign = typer.Typer(
    name="campaign",
    help="Send campaigns: check, preview, test, send, watch, pause; see who got what.",
    no_args_is_help=True,
)


@campaign.command("check")
def check(name: Name, partition: Partition = None) -> None:
    """Write everybody's message once, send none, and say what should not be."""
    with open_campaigns() as campaigns:
        checked = campaigns.check(known(campaigns, name), partition)
    out = data()
    out.print(f"{checked.recipients:>9,}  would get a mail")
    left_out = {
        "rows are there twice": checked.duplicates,
        "addresses are none": checked.invalid,
        "lack data": checked.missing,
        **{f"are suppressed: {reason}": count for reason, count in checked.suppressed.items()},
    }
    for what, count in left_out.items():
        if count:
            out.print(f"{count:>9,}  {what}")
    out.print(f"{checked.largest_bytes:>9,}  bytes has the largest message")
    if checked.duration_s is not None:
        out.print(f"{checked.duration_s:>9,.0f}  seconds it takes at its limits")
    for each in checked.findings:
        say(f"{'error' if each.serious else 'warning'}: {printable(each.message)}", "red" if each.serious else "yellow")
    if checked.stops:
        raise BatchFailed([f"{name} should not go out like this"])
    say("it can go out", "green")


@campaign.command("preview")
def preview(
    name: Name,
    partition: Partition = None,
    to: Annotated[str | None, typer.Option("--to", help="Whose message. Default: the first one's.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for the .eml and .html files. Default: data/previews.")
    ] = None,
) -> None:
    """Write one recipient's message to files, to be looked at; print it as text."""
    from batch_pipelines.campaigns.trying import preview_of

    with open_campaigns() as campaigns:
        shown = preview_of(campaigns, known(campaigns, name), partition, to)
        folder = out or campaigns.settings.data / "previews"
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{name}-{shown.seq:06d}"
    (folder / f"{stem}.eml").write_bytes(shown.data)
    say(f"to {shown.recipient}", "dim")
    say(f"subject: {printable(shown.filled.subject)}", "bold")
    data().print(shown.filled.text, soft_wrap=True)
    say(places.shown_path(folder / f"{stem}.eml"))
    if shown.filled.html is not None:
        (folder / f"{stem}.html").write_text(shown.filled.html, encoding="utf-8")
        say(places.shown_path(folder / f"{stem}.html"))


@campaign.command("test")
def send_test_mail(
    name: Name,
    addresses: Annotated[list[str], typer.Option("--to", help="Who gets the test mail; may be repeated.")],
    partition: Annotated[str | None, typer.Option("--partition", "-p", help="Its partition.")] = None,
    like: Annotated[str | None, typer.Option("--like", help="Whose data to use. Default: the first one's.")] = None,
) -> None:
    """Send one recipient's message to yourself, through the campaign's relay. Nothing is recorded."""
    from batch_pipelines.campaigns.trying import send_test

    with open_campaigns() as campaigns:
        outcomes = send_test(campaigns, known(campaigns, name), partition, addresses, like)
    for address, outcome in outcomes.items():
        say(f"{address}: {outcome.kind}, {printable(outcome.reply)}", "green" if outcome.kind == "sent" else "red")
    failed = [address for address, outcome in outcomes.items() if outcome.kind != "sent"]
    if failed:
        raise BatchFailed([f"{counted(len(failed), 'test mail')} did not go out; see {command('campaign check')}"])


campaign_sending.add_to(campaign)
campaign_people.add_to(campaign)
