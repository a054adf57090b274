"""What every deployment has besides its pipelines: jobs for all datasets, the janitor, and the pools' limits.

What must not live here: what is swept (processing/tables/janitor.py), what a limit is (orchestration/policies.py).
"""

from datetime import timedelta

import dagster as dg

from batch_pipelines.campaigns.declaration.catalog import Catalog as Campaigns
from batch_pipelines.components.campaign.sensors import read_returned_mail, resend_deferred
from batch_pipelines.components.jobs.generate_report import generate_report_job
from batch_pipelines.components.jobs.process_data import process_data_job
from batch_pipelines.components.jobs.replay_dead_letters import replay_dead_letters_job
from batch_pipelines.components.jobs.send_emails import send_emails_job
from batch_pipelines.core.clock import SystemClock
from batch_pipelines.core.errors import BatchError
from batch_pipelines.orchestration.instance import keep_pool_limits
from batch_pipelines.orchestration.policies import INFRASTRUCTURE_RETRIES, RUN_TAGS
from batch_pipelines.orchestration.report_records import recorded_folders
from batch_pipelines.orchestration.session import open_desk, open_processing
from batch_pipelines.processing.declaration.catalog import Catalog
from batch_pipelines.processing.tables.compact import compact
from batch_pipelines.processing.tables.janitor import Swept, sweep_all
from batch_pipelines.reporting.declaration.catalog import Catalog as Reports
from batch_pipelines.reporting.retention import KEPT

POOLS_EVERY_S = 60
REPORTS_KEPT = timedelta(days=1)  # whatever is younger: a run may be at it


@dg.op(
    name="compact",
    description="Merges small parts of the tables into few of about 64 MB; rows, their order and publications stay. A "
    "table that is being written to is left for the next time. A re-run compacts what is left.",
    out=dg.Out(dg.Nothing),
    retry_policy=INFRASTRUCTURE_RETRIES,
)
def compact_op(context: dg.OpExecutionContext) -> None:
    """Compact the table of every dataset."""
    merged = 0
    with open_processing() as processing:
        for name in processing.catalog.entries:
            try:
                done = compact(processing.settings.data, processing.ledger, name, SystemClock())
            except BatchError as error:  # busy, or damaged: no reason to leave the others as they are
                context.log.warning("%s", error)
                continue
            for each in done:
                context.log.info("%s/%s: %d parts became %d", name, each.partition, each.before, each.after)
                merged += each.before
    context.add_output_metadata({"parts_merged": merged})


@dg.op(
    name="sweep",
    description="Removes parts, dead letters and staged copies that no live plan, batch or recent version of a table "
    "names. Changes no row. May run while datasets are processed; a re-run removes what is left.",
    ins={"compacted": dg.In(dg.Nothing)},
    out=dg.Out(dg.Nothing),
    retry_policy=INFRASTRUCTURE_RETRIES,
)
def sweep_op(context: dg.OpExecutionContext) -> None:
    """Sweep the files of every dataset."""
    with open_processing() as processing:
        total = Swept(0, 0)
        datasets = processing.catalog.entries
        names, depths = list(datasets), {name: entry.declaration.time_travel for name, entry in datasets.items()}
        here, warn = processing.settings.data, context.log.warning
        done = sweep_all(here, processing.ledger, names, names, depths, lambda error: warn("left out: %s", error))
        for name, swept in done.items():
            total += swept
            context.log.info("%s: removed %d files, %d bytes", name, swept.files, swept.bytes)
    context.add_output_metadata({"files": total.files, "bytes": total.bytes})


@dg.op(
    name="clear_reports",
    description=f"Removes what is left of reports that were made again: of each partition, or key of a burst, the "
    f"{KEPT} newest stay, and what runs have on record to be delivered. A re-run removes what is left.",
    ins={"swept": dg.In(dg.Nothing)},
    out=dg.Out(dg.Nothing),
    retry_policy=INFRASTRUCTURE_RETRIES,
)
def clear_reports_op(context: dg.OpExecutionContext) -> None:
    """Clear the folder of reports, and its snapshots."""
    with open_desk() as desk:
        snapshots = desk.reporting.tidy(REPORTS_KEPT)
        reports = desk.reporting.clear(recorded_folders(desk.settings.data), REPORTS_KEPT)
    context.add_output_metadata({"reports": reports, "snapshots": snapshots})


@dg.job(
    name="clean_up_files",
    description="Merges small parts of the tables, removes files that nobody names any more, once a day. "
    "Changes no row.",
    tags=RUN_TAGS,
)
def clean_up_files() -> None:
    """Compact, sweep, then clear."""
    clear_reports_op(sweep_op(compact_op()))


clean_up_schedule = dg.ScheduleDefinition(
    name="clean_up_files_schedule",
    job=clean_up_files,
    cron_schedule="0 3 * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Cleans up at 03:00 UTC.",
)


@dg.sensor(
    name="keep_pool_limits",
    minimum_interval_seconds=POOLS_EVERY_S,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Sets the limits of the pools where nobody has set one. Starts no run; an operator's limit stays.",
)
def pool_limits_sensor(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Set what is missing."""
    done = keep_pool_limits(context.instance)
    what = ", ".join(f"{name} {limit}" for name, limit in done.items())
    return dg.SkipReason(f"set {what}" if what else "every pool has a limit")


def operations(catalog: Catalog, reports: Reports, campaigns: Campaigns) -> dg.Definitions:
    """Return jobs, schedules and sensors that every deployment has.

    Args:
        catalog: The datasets, whose names these jobs take.
        reports: The reports, whose names `generate_report` takes.
        campaigns: The campaigns, whose names `send_emails` takes.
    """
    jobs = (process_data_job(catalog), replay_dead_letters_job(catalog), generate_report_job(reports))
    sends = send_emails_job(campaigns)
    return dg.Definitions(
        jobs=[*(job for job in (*jobs, sends) if job), clean_up_files],
        schedules=[clean_up_schedule],
        sensors=[pool_limits_sensor, *([resend_deferred, read_returned_mail] if sends else [])],
        executor=dg.in_process_executor,
    )
