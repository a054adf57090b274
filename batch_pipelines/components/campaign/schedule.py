"""The schedule of a campaign: a sensor that launches the window that has just ended, once; what was missed, by policy.

What must not live here: which window a tick asks for (orchestration/ticks.py), that nobody gets two (the ledger).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import dagster as dg

from batch_pipelines.campaigns.declaration.model import CampaignDeclaration
from batch_pipelines.components.campaign.steps import EXPIRES_TAG
from batch_pipelines.core.declaring.partitions import Partitions
from batch_pipelines.orchestration import ticks
from batch_pipelines.orchestration.names import job_name, schedule_name
from batch_pipelines.orchestration.policies import RUN_TAGS

INTERVAL_S = 30
PUNCTUAL = timedelta(minutes=10)  # a tick seen later than that was missed
MOST_AT_ONCE = 25


@dataclass(frozen=True, slots=True)
class Due:
    """A window to launch, or why not. `expires_at` is in seconds since 1970."""

    window: str
    tick: datetime
    refused: str | None = None
    expires_at: float | None = None


def campaign_sensor(declaration: CampaignDeclaration, *, running: bool) -> dg.SensorDefinition | None:
    """Return the sensor that keeps a campaign's schedule; None without one.

    Args:
        declaration: The campaign.
        running: Whether it is at work from the start; it is switched on in the UI otherwise.
    """
    schedule = declaration.schedule
    if schedule is None or declaration.partitions is None:
        return None
    zone = schedule.timezone or declaration.zone

    @dg.sensor(
        name=schedule_name(declaration.name),
        job_name=job_name(declaration.name),
        minimum_interval_seconds=INTERVAL_S,
        default_status=dg.DefaultSensorStatus.RUNNING if running else dg.DefaultSensorStatus.STOPPED,
        description=f"Sends {declaration.name} at `{schedule.cron}` ({zone}): the window that has just ended, once. "
        f"Of ticks that were missed: {schedule.missed}. "
        + ("" if running else "Off until somebody switches it on: its relay sends to real people."),
        tags=dict(RUN_TAGS),
    )
    def keep_schedule(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        return evaluate(context.cursor, declaration, datetime.now(UTC))

    return keep_schedule


def evaluate(cursor: str | None, declaration: CampaignDeclaration, now: datetime) -> dg.SensorResult:
    """Look once.

    Args:
        cursor: When it was looked last, ISO 8601; None for a new sensor: it has missed nothing.
        declaration: The campaign, which has a schedule and partitions.
        now: The time, aware.
    """
    since = datetime.fromisoformat(cursor) if cursor else now
    found = list(due(declaration, since, now))
    launched = [each for each in found if each.refused is None]
    said = [f"{each.window}: {each.refused}" for each in found if each.refused]
    return dg.SensorResult(
        run_requests=[_request(declaration, each) for each in launched],
        skip_reason=None if launched else dg.SkipReason("\n".join(said) or "no tick has come"),
        cursor=max(since, now).isoformat(),
    )


def due(declaration: CampaignDeclaration, since: datetime, now: datetime) -> Iterator[Due]:
    """Yield what the ticks after `since` and up to `now` ask for, oldest first."""
    schedule, partitions = declaration.schedule, declaration.partitions
    if schedule is None or partitions is None:
        return
    zone = schedule.timezone or declaration.zone
    passed = list(_ticks(schedule.cron, zone, since, now))
    newest = passed[-1] if passed else None
    for tick in passed:
        window = ticks.window_of(tick, partitions.every, partitions.timezone)
        expires = tick + timedelta(seconds=schedule.expires) if schedule.expires else None
        refused = _refused(declaration.name, partitions, window)
        if refused is None and expires is not None and now >= expires:
            refused = f"missed, and expired {expires.isoformat(timespec='minutes')}"
        elif refused is None and now - tick > PUNCTUAL and schedule.missed == "none":
            refused = f"missed {tick.isoformat(timespec='minutes')}; missed ticks are not made up for"
        elif refused is None and tick != newest and schedule.missed == "last":
            refused = f"missed {tick.isoformat(timespec='minutes')}; only the last missed one is made up for"
        yield Due(window, tick, refused, expires.timestamp() if expires else None)


def _ticks(cron: str, zone: str, since: datetime, now: datetime) -> Iterator[datetime]:
    """Ticks in (since, now], the last of them if there are very many."""
    found: list[datetime] = []
    tick = ticks.next_tick(cron, zone, since + timedelta(microseconds=1))
    while tick <= now:
        found.append(tick)
        tick = ticks.next_tick(cron, zone, tick + timedelta(seconds=1))
    yield from found[-MOST_AT_ONCE:]


def _refused(name: str, partitions: Partitions, window: str) -> str | None:
    return ticks.no_partition(name, partitions, window)


def _request(declaration: CampaignDeclaration, each: Due) -> dg.RunRequest:
    tags = {"batch/scheduled": each.tick.isoformat()}
    if each.expires_at is not None:
        tags[EXPIRES_TAG] = f"{each.expires_at:.0f}"
    return dg.RunRequest(run_key=f"{declaration.name}/{each.window}", partition_key=each.window, tags=tags)
