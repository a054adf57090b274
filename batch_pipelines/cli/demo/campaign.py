"""The act of the campaign: one weekly digest goes to everybody who follows an airport, as .eml files; one is shown."""

from typing import TYPE_CHECKING

from batch_pipelines.cli import places
from batch_pipelines.cli.campaigns import open_campaigns
from batch_pipelines.cli.console import command, data, say
from batch_pipelines.cli.demo.act import Act
from batch_pipelines.cli.demo.jobs import Job, broke_off, job_of_dataset, job_start, run
from batch_pipelines.cli.watching import MailWatch

if TYPE_CHECKING:
    from batch_pipelines.processing.pipeline import Processing

CAMPAIGN, AUDIENCE = "punctuality_digest", "subscribers"
WEEK = "2013-06-03"
AUDIENCE_LOG, LOG = "demo-subscribers.log", "demo-campaign.log"


def _done(processing: "Processing") -> str | None:
    with open_campaigns() as campaigns:
        entry = campaigns.catalog.entries.get(CAMPAIGN)
        if entry is None:
            return f"nothing to do: there is no campaign {CAMPAIGN}"
        if campaigns.relay(entry.declaration).is_real:
            return f"{CAMPAIGN} is left alone: its relay sends to people, and a demo must not"
    found = processing.ledger.occurrences.find(CAMPAIGN, WEEK)
    over = found is not None and found.finished_at is not None and not broke_off(processing, LOG)
    return f"nothing to do: {CAMPAIGN} of {WEEK} went out" if over else None


def _play(processing: "Processing") -> None:
    say(f"\nA digest of the week from {WEEK} goes to everybody who follows an airport", "bold")
    if not all(processing.current(AUDIENCE).values()) or broke_off(processing, AUDIENCE_LOG):
        run(processing, job_of_dataset(processing, "process_data", 1, {"dataset": AUDIENCE}, AUDIENCE_LOG))
    run(processing, _job(processing))
    _show()


def _job(processing: "Processing") -> Job:
    what = f"{CAMPAIGN} of {WEEK}"
    return Job(
        title=f"send_emails: {what}",
        about=CAMPAIGN,
        log=LOG,
        start=job_start("send_emails", {"campaign": CAMPAIGN, "partition": WEEK}),
        look=MailWatch(processing.ledger, CAMPAIGN, WEEK).look,
        done=f"{what} sent",
    )


def _show() -> None:
    """Print what became of everybody, and where a mail can be looked at."""
    with open_campaigns() as campaigns:
        review = campaigns.review(campaigns.occurrence(CAMPAIGN, WEEK).id)
        mail = campaigns.settings.data / "mail" / CAMPAIGN / WEEK
    out = data()
    out.print()
    for name, count in review.figures.items():
        if count:
            out.print(f"{count:>11,}  {name}")
    for text, count in review.replies:
        out.print(f"{count:>11,} × {text}", style="dim", soft_wrap=True)
    if files := sorted(mail.glob("*.eml")):
        out.print(f"One of the mails: {places.shown_path(files[0])}", soft_wrap=True)
    out.print(f"The others: {command(f'campaign recipients {CAMPAIGN} {WEEK}')}", soft_wrap=True)


ACT = Act(_done, _play)
