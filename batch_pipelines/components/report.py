"""`Report`: from one YAML document to asset, checks, delivery, job and schedule.

What must not live here: what the YAML may say (reporting/declaration/), what a run does (report_steps.py).
"""

from typing import Self

import dagster as dg
from pydantic import BaseModel

from batch_pipelines.components.documents import document_of
from batch_pipelines.components.report_attributes import ReportAttributes
from batch_pipelines.components.report_checks import report_checks
from batch_pipelines.components.report_delivery import delivery_asset
from batch_pipelines.components.report_graph import report_assets
from batch_pipelines.components.report_schedule import ReportSchedule, report_sensor
from batch_pipelines.core.declaring.partitions import Partitions
from batch_pipelines.orchestration.io_manager import JSON_IO_KEY, json_io_manager
from batch_pipelines.orchestration.names import delivery_name, job_name, schedule_name
from batch_pipelines.orchestration.policies import RUN_TAGS
from batch_pipelines.orchestration.report_tables import tables_waited_for
from batch_pipelines.orchestration.session import current_settings
from batch_pipelines.processing.declaration.catalog import load_catalog
from batch_pipelines.reporting.declaration.catalog import REPORT_TYPE, Entry, read_entry


class Report(dg.Component):
    """A report over the tables: queries, figures, charts, tables, as files and to recipients.

    Args:
        entry: What its YAML says, and where that lies.
    """

    def __init__(self, entry: Entry) -> None:
        self.entry = entry

    @classmethod
    def get_model_cls(cls) -> type[BaseModel]:
        """Return the model of the attributes; its schema is the declaration's."""
        return ReportAttributes

    @classmethod
    def get_spec(cls) -> dg.ComponentTypeSpec:
        """Return what `dg` lists of this type."""
        return dg.ComponentTypeSpec(
            description="A report over the tables, as PDF, XLSX, HTML, CSV, Parquet or JSON.",
            tags=["batch"],
            produces=["asset", "asset_check", "job", "sensor"],
        )

    @classmethod
    def load(cls, attributes: BaseModel | None, context: dg.ComponentLoadContext) -> Self:
        """Check the YAML document that `context` stands for.

        Raises:
            ConfigError: It cannot work; the message has file, line, key and the nearest allowed key.
        """
        document = document_of(REPORT_TYPE, attributes, context)
        return cls(read_entry(document, context.path, current_settings().defs))

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
