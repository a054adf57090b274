"""What keeps campaigns going: what was lost is recovered, deferred mails are tried again, what came back is read.

What must not live here: when an occurrence is sent for the first time (schedule.py).
"""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from batch_pipelines.components.campaign.steps import open_campaigns
from batch_pipelines.core.mailings import Occurrence
from batch_pipelines.orchestration.policies import SEND_EMAILS

if TYPE_CHECKING:
    from batch_pipelines.campaigns.pipeline import Campaigns

INTERVAL_S = 60
HOUR_S = 3600


@dg.sensor(
    name="resend_deferred",
    job_name=SEND_EMAILS,
    minimum_interval_seconds=INTERVAL_S,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Tries deferred mails again when they are due, and goes on with occurrences whose run was lost: what "
    "was under way is settled by its journal first. Begins no occurrence.",
)
def resend_deferred(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """Look for occurrences that wait for somebody."""
    with open_campaigns() as campaigns:
        recovered = campaigns.recover()
        if recovered.claims:
            context.log.info("recovered: %s", recovered)
        now = datetime.now(UTC).timestamp()
        requests = list(requests_of(campaigns, now))
    return dg.SensorResult(
        run_requests=requests, skip_reason=None if requests else dg.SkipReason("nobody is due, or somebody is at it")
    )


def requests_of(campaigns: "Campaigns", now: float) -> Iterator[dg.RunRequest]:
    """Yield a run for each occurrence that is sending, has somebody due, and that nobody works on.

    A run that comes to nothing is not repeated within the hour: its key stays.
    """
    ledger = campaigns.ledger
    for occurrence_id in ledger.recipients.due(now):
        occurrence = ledger.occurrences.get(occurrence_id)
        due_at = ledger.recipients.next_due(occurrence_id) or 0.0
        at_work = bool(ledger.recipients.open_claims(occurrence_id))
        known = occurrence.campaign in campaigns.catalog.entries
        if at_work or not known:
            continue
        key = f"{occurrence_id}/{due_at:.0f}/{int(now // HOUR_S)}"
        yield dg.RunRequest(run_key=key, run_config=config_of(occurrence), tags={"batch/occurrence": occurrence.name})


def config_of(occurrence: Occurrence) -> dict[str, object]:
    """Return the run config of `send_emails` that goes on with an occurrence."""
    if occurrence.partition == "all":
        return {"campaign": occurrence.campaign}
    return {"campaign": occurrence.campaign, "partition": occurrence.partition}


@dg.sensor(
    name="read_returned_mail",
    minimum_interval_seconds=INTERVAL_S,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Reads the maildir that BP_BOUNCES names: addresses that do not exist and complaints are suppressed, "
    "what came back resolves what was ambiguous. Starts no run.",
)
def read_returned_mail(context: dg.SensorEvaluationContext) -> dg.SkipReason:  # noqa: ARG001  Dagster's interface
    """Read what came back."""
    from batch_pipelines.campaigns.returning.returning import VARIABLE, take_returns  # noqa: PLC0415  only where it is used

    folder = os.environ.get(VARIABLE)
    if not folder:
        return dg.SkipReason(f"{VARIABLE} names no maildir")
    with open_campaigns() as campaigns:
        emptied = take_returns(campaigns.ledger, Path(folder), campaigns.secret)
    return dg.SkipReason(f"{emptied.recorded} of ours, {emptied.unknown} others")
