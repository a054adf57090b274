"""`Dataset`: from one YAML document to assets, job, checks, sensor and schedule.

What must not live here: what the YAML may say (processing/declaration/), what a run does (steps.py).
"""

from pathlib import Path

import dagster as dg

from batch_pipelines.components.dataset.attributes import DatasetAttributes
from batch_pipelines.components.dataset.checks import dataset_checks
from batch_pipelines.components.dataset.exports import exports_asset, exports_check
from batch_pipelines.components.dataset.graph import GROUP, dataset_assets
from batch_pipelines.components.dataset.inbox import inbox_sensor
from batch_pipelines.components.dataset.schedule import dataset_schedule
from batch_pipelines.components.pipeline import Pipeline
from batch_pipelines.core.declaring.yaml_files import Document
from batch_pipelines.orchestration.io_manager import JSON_IO_KEY, json_io_manager
from batch_pipelines.orchestration.names import job_name, letters_name
from batch_pipelines.orchestration.policies import RUN_TAGS, executor
from batch_pipelines.processing.declaration.catalog import DATASET_TYPE, Entry, read_entry


class Dataset(Pipeline[Entry]):
    """A table made from files: read, checked, published exactly once, with every bad record kept."""

    type_name = DATASET_TYPE
    attributes = DatasetAttributes
    spec = dg.ComponentTypeSpec(
        description="A table of files (CSV, JSONL, Parquet, XLSX) or of a SQL query, with every bad record kept.",
        tags=["batch"],
        produces=["asset", "asset_check", "job", "sensor", "schedule"],
    )

    @classmethod
    def read(cls, document: Document, folder: Path) -> Entry:
        """Check a document on its own."""
        return read_entry(document, folder)

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:  # noqa: ARG002  Dagster's interface
        """Return everything that Dagster has of this dataset."""
        declaration = self.entry.declaration
        name = declaration.name
        exports, exported = exports_asset(declaration, declaration.group or GROUP), exports_check(declaration)
        job = dg.define_asset_job(
            name=job_name(name),
            selection=dg.AssetSelection.assets(name, letters_name(name), *([exports.key] if exports else [])),
            description=f"Processes partitions of {name}: plan, work in lanes, publish, check. Run again, it goes on "
            "where it stopped; for what is published already there is nothing to do.",
            tags=RUN_TAGS,
            executor_def=executor(declaration.lanes),
        )
        sensor = inbox_sensor(declaration)
        schedule = dataset_schedule(declaration)
        return dg.Definitions(
            assets=[dataset_assets(self.entry), *([exports] if exports else [])],
            asset_checks=[dataset_checks(declaration), *([exported] if exported else [])],
            jobs=[job],
            sensors=[sensor] if sensor else [],
            schedules=[schedule] if schedule else [],
            resources={JSON_IO_KEY: json_io_manager},
        )
