"""The schedule of a report: a sensor that launches the window that has just ended, once, as soon as its data are there.

A window whose data come late waits in the cursor, however long; a run key makes its launch unrepeatable. What must not
live here: which window a tick asks for (orchestration/ticks.py), when data are there (orchestration/readiness.py).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import dagster as dg

from batch_pipelines.core.declaring import windows
from batch_pipelines.core.declaring.partitions import Partitions, window
from batch_pipelines.orchestration import ticks
from batch_pipelines.orchestration.session import open_processing

INTERVAL_S = 30
LATE = " and is late"
Missing = Callable[[str], list[str]]


@dataclass(frozen=True, slots=True)
class ReportSchedule:
    """When a report is made.

    Attributes:
        report: Its name.
        job: The job that makes it.
        cron: Its ticks.
        timezone: The clock that they follow.
        partitions: Its windows; None: each tick asks for all there is.
        tables: The datasets it waits for, with their partitions where those are by time.
        deadline_s: Seconds after its tick from which a window that still waits is late.
    """

    report: str
    job: str
    cron: str
    timezone: str
    partitions: Partitions | None
    tables: Mapping[str, Partitions | None]
    deadline_s: float | None = None


def report_sensor(schedule: ReportSchedule, name: str, tags: Mapping[str, str]) -> dg.SensorDefinition:
    """Return the sensor that keeps a report's schedule."""

    @dg.sensor(
        name=name,
        job_name=schedule.job,
        minimum_interval_seconds=INTERVAL_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Makes {schedule.report} at `{schedule.cron}` ({schedule.timezone}): the window that "
        "has just ended, once, as soon as its tables are there. What comes late is waited for; after a stop only the "
        f"newest tick counts, older windows are made by a backfill. Waits for: {', '.join(schedule.tables) or 'none'}.",
        tags=dict(tags),
    )
    def keep_schedule(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        with open_processing() as processing:
            from batch_pipelines.orchestration.readiness import missing_of  # noqa: PLC0415  loads DuckDB and pyarrow

            def missing(key: str) -> list[str]:
                span = window(schedule.partitions, key) if schedule.partitions else None
                return missing_of(processing, list(schedule.tables), span)

            result = evaluate(context.cursor, schedule, missing, datetime.now(UTC))
        if result.skip_reason and LATE in (result.skip_reason.skip_message or ""):
            context.log.warning(result.skip_reason.skip_message)
        return result

    return keep_schedule


def evaluate(cursor: str | None, schedule: ReportSchedule, missing: Missing, now: datetime) -> dg.SensorResult:
    """Look once.

    Args:
        cursor: What the last look left.
        schedule: The report's.
        missing: Says what of its tables a window lacks, nothing if it is all there.
        now: The time.
    """
    known = ticks.Ticks.read(cursor, now)
    newest = ticks.latest_tick(schedule.cron, schedule.timezone, now)
    key = _window(schedule, newest)
    nowhere = _no_partition(schedule, key)
    known = known.tick(newest, key)
    for each in known.waiting:  # none of what there is not: nor of what the YAML no longer has
        if (each == key and nowhere) or _outside(schedule, each):
            known = known.drop(each)
    lacking = {each: missing(each) for each in known.waiting}
    ready = [each for each in known.waiting if not lacking[each]]
    remarks = [nowhere] if nowhere else []
    remarks += [f"{each} waits{_late(schedule, each, now)}: {'; '.join(why)}" for each, why in lacking.items() if why]
    known = known.launch(ready)
    return dg.SensorResult(
        run_requests=[_request(schedule, each) for each in ready],
        skip_reason=None if ready else dg.SkipReason(_reason(remarks, known)),
        cursor=known.cursor(),
    )


def _window(schedule: ReportSchedule, tick: datetime) -> str:
    if schedule.partitions is None:
        return tick.isoformat(timespec="minutes")
    return ticks.window_of(tick, schedule.partitions.every, schedule.partitions.timezone)


def _outside(schedule: ReportSchedule, key: str) -> bool:
    return schedule.partitions is not None and ticks.no_partition(schedule.report, schedule.partitions, key) is not None


def _late(schedule: ReportSchedule, key: str, now: datetime) -> str:
    """Return what to say of a window that waits for longer than it may."""
    if schedule.partitions is None or schedule.deadline_s is None:
        return ""
    due = ticks.next_tick(schedule.cron, schedule.timezone, window(schedule.partitions, key)[1])
    return LATE if (now - due).total_seconds() > schedule.deadline_s else ""


def _request(schedule: ReportSchedule, key: str) -> dg.RunRequest:
    return dg.RunRequest(
        run_key=f"{schedule.report}/{key}",
        partition_key=key if schedule.partitions else None,
        tags={"batch/scheduled": schedule.cron},
    )


def _reason(remarks: Sequence[str], known: ticks.Ticks) -> str:
    if remarks:
        return "\n".join(remarks)
    return f"{known.launched[-1]} was launched; the next tick has not come" if known.launched else "no tick yet"


def _no_partition(schedule: ReportSchedule, key: str) -> str | None:
    """Say why a tick's window cannot be made: its tables end before it, or the report's own partitions do."""
    if schedule.partitions is None:
        return None
    start = windows.read_key(key, schedule.partitions.every)
    for table, partitions in schedule.tables.items():
        if partitions is not None and ticks.ended_before(partitions, start):
            return f"no partition: {table} ends {ticks.last_day(partitions)}"
    return ticks.no_partition(schedule.report, schedule.partitions, key)
