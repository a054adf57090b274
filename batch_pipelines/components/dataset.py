"""`Dataset`: from one YAML document to assets, job, checks, sensor and schedule.

What must not live here: what the YAML may say (processing/declaration/), what a run does (dataset_steps.py).
"""

from typing import Self

import dagster as dg
from pydantic import BaseModel

from batch_pipelines.components.dataset_attributes import DatasetAttributes
from batch_pipelines.components.dataset_checks import dataset_checks
from batch_pipelines.components.dataset_exports import exports_asset, exports_check
from batch_pipelines.components.dataset_graph import GROUP, dataset_assets
from batch_pipelines.components.dataset_inbox import inbox_sensor
from batch_pipelines.components.dataset_schedule import dataset_schedule
from batch_pipelines.components.documents import document_of
from batch_pipelines.orchestration.io_manager import JSON_IO_KEY, json_io_manager
from batch_pipelines.orchestration.names import job_name, letters_name
from batch_pipelines.orchestration.policies import RUN_TAGS, executor
from batch_pipelines.processing.declaration.catalog import DATASET_TYPE, Entry, read_entry


class Dataset(dg.Component):
    """A table made from files: read, checked, published exactly once, with every bad record kept.

    Args:
        entry: What its YAML says, and where that lies.
    """

    def __init__(self, entry: Entry) -> None:
        self.entry = entry

    @classmethod
    def get_model_cls(cls) -> type[BaseModel]:
        """Return the model of the attributes; its schema is the declaration's."""
        return DatasetAttributes

    @classmethod
    def get_spec(cls) -> dg.ComponentTypeSpec:
        """Return what `dg` lists of this type."""
        return dg.ComponentTypeSpec(
            description="A table of files (CSV, JSONL, Parquet, XLSX) or of a SQL query, with every bad record kept.",
            tags=["batch"],
            produces=["asset", "asset_check", "job", "sensor", "schedule"],
        )

    @classmethod
    def load(cls, attributes: BaseModel | None, context: dg.ComponentLoadContext) -> Self:
        """Check the YAML document that `context` stands for.

        Raises:
            ConfigError: It cannot work; the message has file, line, key and the nearest allowed key.
        """
        return cls(read_entry(document_of(DATASET_TYPE, attributes, context), context.path))

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
