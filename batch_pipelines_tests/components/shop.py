"""A small deployment for tests: a home with a defs folder, source files, and what Dagster makes of them."""

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg

from batch_pipelines.components.dataset.inbox import evaluate
from batch_pipelines.core.model import Batch
from batch_pipelines.core.settings import Settings, load_settings
from batch_pipelines.definitions import defs
from batch_pipelines.lake.query import count_rows
from batch_pipelines.orchestration.backfill import range_tags
from batch_pipelines.orchestration.session import open_processing
from batch_pipelines.processing.declaration.catalog import load_catalog
from batch_pipelines.processing.declaration.model import DatasetDeclaration

STORES = {
    "source": "sources/stores.csv",
    "key": "store",
    "columns": {"store": {"type": "string", "required": True, "description": "Its code."}},
}
SALES = {
    "description": "Sales of every month.",
    "owners": ["data@example.com"],
    "source": "sources/sales-{%Y-%m}.csv",
    "inbox": True,
    "partitions": {"every": "month", "start": "2013-01", "end": "2013-12"},
    "columns": {
        "id": {"type": "int", "required": True, "description": "Number of the sale."},
        "store": {"type": "string", "required": True, "in": "stores.store"},
        "amount": {"type": "float", "min": 0},
    },
    "derive": {"doubled": "amount * 2"},
}
MONTHS = [f"2013-{month:02d}" for month in range(1, 13)]


@dataclass(frozen=True, slots=True)
class Shop:
    """A deployment.

    Attributes:
        home: Its folder.
        environ: Environment variables that name it.
    """

    home: Path
    environ: dict[str, str]

    @property
    def settings(self) -> Settings:
        return load_settings(self.environ, self.home)

    def declare(self, name: str, attributes: dict[str, Any]) -> None:
        """Write a dataset's YAML (JSON is YAML)."""
        document = {"type": "batch_pipelines.components.Dataset", "attributes": attributes}
        self.write(f"defs/{name}/defs.yaml", json.dumps(document, indent=1))

    def declare_sales(self, **changes: Any) -> None:
        """Declare sales by month, and the stores they refer to."""
        self.declare("stores", STORES)
        self.declare("sales", {**SALES, **changes})
        self.write("sources/stores.csv", "store\nA\nB\n")

    def sell(self, month: str, rows: int = 3, *, bad: int = 0, folder: str = "sources") -> Path:
        """Write a month of sales: `rows` good ones, then `bad` ones of an unknown store."""
        lines = [f"{number},{'AB'[number % 2]},{number}.5" for number in range(rows)]
        lines += [f"{rows + number},X,1" for number in range(bad)]
        return self.write(f"{folder}/sales-{month}.csv", "\n".join(["id,store,amount", *lines, ""]))

    def write(self, path: str, text: str) -> Path:
        """Write a file below the home."""
        file = self.home / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def declaration(self, name: str) -> DatasetDeclaration:
        """What the YAML of a dataset says."""
        return load_catalog(self.settings.defs).entry(name).declaration

    def definitions(self) -> dg.Definitions:
        """What Dagster loads."""
        return defs()

    def job(self, name: str) -> dg.JobDefinition:
        """A job of the deployment."""
        return self.definitions().resolve_job_def(name)

    def run(
        self, instance: dg.DagsterInstance, dataset: str, *partitions: str, raises: bool = True
    ) -> dg.ExecuteInProcessResult:
        """Run a dataset's asset job for one partition, a range of them (first and last named), or without any."""
        tags = dict(range_tags(partitions))
        job = self.job(f"{dataset}_job")
        return job.execute_in_process(instance=instance, tags=tags, raise_on_error=raises)

    def process(self, instance: dg.DagsterInstance, *, raises: bool = True, **config: Any) -> dg.ExecuteInProcessResult:
        """Run `process_data`."""
        job = self.job("process_data")
        return job.execute_in_process(run_config=config, instance=instance, raise_on_error=raises)

    def tick(self, instance: dg.DagsterInstance, dataset: str, cursor: str | None, now: Any) -> dg.SensorResult:
        """Evaluate the inbox sensor once."""
        context = dg.build_sensor_context(instance=instance, cursor=cursor)
        return evaluate(context, self.declaration(dataset), self.settings, now)

    def batches(self, dataset: str) -> list[Batch]:
        """All batches of a dataset that the ledger knows."""
        with open_processing() as processing:
            return processing.ledger.batches.of_pipeline(dataset)

    def rows(self, dataset: str, partition: str | None = None) -> int:
        """Rows in the table."""
        return count_rows(self.settings.data, dataset, partition)


def materialised(result: dg.ExecuteInProcessResult, asset: str) -> dict[str | None, dict[str, Any]]:
    """Metadata values of an asset's materialisations in a run, by partition."""
    events = result.filter_events(lambda event: event.is_step_materialization)
    logged = [event.step_materialization_data.materialization for event in events]
    return {
        each.partition: {name: value.value for name, value in each.metadata.items()}
        for each in logged
        if each.asset_key == dg.AssetKey(asset)
    }


def failure_text(result: dg.ExecuteInProcessResult) -> str:
    """What the failed steps of a run said."""
    failures = result.filter_events(lambda event: event.is_step_failure)
    said = [event.step_failure_data.user_failure_data for event in failures]
    return "\n".join(str(each.description) for each in said if each)


def warnings(instance: dg.DagsterInstance, result: dg.ExecuteInProcessResult) -> list[str]:
    """What the steps of a run warned of."""
    return [entry.user_message for entry in instance.all_logs(result.run_id) if entry.level == logging.WARNING]
