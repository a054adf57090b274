"""`Report`: from one YAML document to asset, checks, delivery, job and schedule.

What must not live here: what the YAML may say (reporting/declaration/), what a run does (steps.py).
"""

from pathlib import Path

import dagster as dg

from batch_pipelines.components.pipeline import Pipeline
from batch_pipelines.components.report.attributes import ReportAttributes
from batch_pipelines.components.report.checks import report_checks
from batch_pipelines.components.report.delivery import delivery_asset
from batch_pipelines.components.report.graph import report_assets
from batch_pipelines.components.report.schedule import ReportSchedule, report_sensor
from batch_pipelines.core.declaring.partitions import Partitions
from batch_pipelines.core.declaring.yaml_files import Document
from batch_pipelines.orchestration.io_manager import JSON_IO_KEY, json_io_manager
from batch_pipelines.orchestration.names import delivery_name, job_name, schedule_name
from batch_pipelines.orchestration.policies import RUN_TAGS
from batch_pipelines.orchestration.report_tables import tables_waited_for
from batch_pipelines.orchestration.session import current_settings
from batch_pipelines.processing.declaration.catalog import load_catalog
from batch_pipelines.reporting.declaration.catalog import REPORT_TYPE, Entry, read_entry


class Report(Pipeline[Entry]):
    """A report over the tables: queries, figures, charts, tables, as files and to recipients."""

    type_name = REPORT_TYPE
    attributes = ReportAttributes
    spec = dg.ComponentTypeSpec(
        description="A report over the tables, as PDF, XLSX, HTML, CSV, Parquet or JSON.",
        tags=["batch"],
        produces=["asset", "asset_check", "job", "sensor"],
    )

    @classmethod
    def read(cls, document: Document, folder: Path) -> Entry:
        """Check a document on its own."""
        return read_entry(document, folder, current_settings().defs)

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:  # noqa: ARG002  Dagster's interface
        """Return everything that Dagster has of this report."""
        name = self.entry.declaration.name
        tables = tables_waited_for(self.entry, load_catalog(current_settings().defs))
        job = dg.define_asset_job(
            name=job_name(name),
            selection=dg.AssetSelection.assets(name, delivery_name(name)),
            description=f"Makes {name}: gathers, processes, generates, checks, delivers. Run again for the same data, "
            "it makes the same bytes and delivers nothing twice.",
            tags=RUN_TAGS,
            executor_def=dg.in_process_executor,
        )
        schedule = _schedule(self.entry, tables)
        return dg.Definitions(
            assets=[report_assets(self.entry, tables), delivery_asset(self.entry)],
            asset_checks=[report_checks(self.entry)],
            jobs=[job],
            sensors=[report_sensor(schedule, schedule_name(name), RUN_TAGS)] if schedule else [],
            resources={JSON_IO_KEY: json_io_manager},
        )


def _schedule(entry: Entry, tables: dict[str, Partitions | None]) -> ReportSchedule | None:
    declaration = entry.declaration
    if declaration.schedule is None:
        return None
    return ReportSchedule(
        report=declaration.name,
        job=job_name(declaration.name),
        cron=declaration.schedule.cron,
        timezone=declaration.schedule.timezone or declaration.zone,
        partitions=declaration.partitions,
        tables=tables,
        deadline_s=declaration.schedule.deadline,
    )
