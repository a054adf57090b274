"""Act three: the report of one day, the ninth of February 2013, as PDF, XLSX and HTML.

The day after a blizzard: more than half of the flights did not leave.
"""

from typing import TYPE_CHECKING

from batch_pipelines.cli import dagster_job
from batch_pipelines.cli.console import say
from batch_pipelines.cli.demo.act import Act
from batch_pipelines.cli.demo.jobs import Job, broke_off, run
from batch_pipelines.cli.reports import open_desk, show
from batch_pipelines.cli.watching import STARTING, Stage

if TYPE_CHECKING:
    from batch_pipelines.processing.pipeline import Processing

REPORT, DAY, LOG = "daily_operations", "2013-02-09", "demo-report.log"


def _done(processing: "Processing") -> str | None:
    from batch_pipelines.lake.delta import table_path, version
    from batch_pipelines.orchestration.report_records import recorded

    if broke_off(processing, LOG):
        return None
    data = processing.settings.data
    for report in recorded(data, REPORT, DAY):
        fresh = all(each.version == version(table_path(data, each.table)) for each in report.manifest.versions)
        if fresh and all((data / report.manifest.folder / file.name).is_file() for file in report.manifest.files):
            return f"nothing to do: the report of {DAY} is made of the tables as they are"
    return None


def _play(processing: "Processing") -> None:
    from batch_pipelines.orchestration.report_records import recorded

    say(f"\nThe report {REPORT} of {DAY}, the day after a blizzard", "bold")
    run(processing, _job(processing))
    with open_desk() as desk:
        show(desk, recorded(processing.settings.data, REPORT, DAY))


def _job(processing: "Processing") -> Job:
    """Return what makes it, as its asset is materialized in the UI; nobody gets it."""
    file = processing.settings.data / "logs" / LOG
    return Job(
        title=f"asset {REPORT}: {DAY}",
        about=REPORT,
        log=LOG,
        start=lambda settings, log, look: dagster_job.materialize(settings, REPORT, DAY, log, look),
        look=lambda: Stage("making the report") if dagster_job.has_begun(file) else STARTING,
        done=f"{REPORT} of {DAY} made",
    )


ACT = Act(_done, _play)
