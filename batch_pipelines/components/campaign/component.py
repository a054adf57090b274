"""`Campaign`: from one YAML document to asset, checks, job and schedule.

What must not live here: what the YAML may say (campaigns/declaration/), what a run does (steps.py).
"""

import os
from pathlib import Path

import dagster as dg

from batch_pipelines.campaigns.declaration.catalog import CAMPAIGN_TYPE, Entry, read_entry
from batch_pipelines.campaigns.declaration.tables import tables_read
from batch_pipelines.components.campaign.attributes import CampaignAttributes
from batch_pipelines.components.campaign.checks import campaign_checks
from batch_pipelines.components.campaign.graph import campaign_assets
from batch_pipelines.components.campaign.schedule import campaign_sensor
from batch_pipelines.components.pipeline import Pipeline
from batch_pipelines.core.declaring.yaml_files import Document
from batch_pipelines.core.errors import ConfigError
from batch_pipelines.delivery.relays import relay_named
from batch_pipelines.orchestration.io_manager import JSON_IO_KEY, json_io_manager
from batch_pipelines.orchestration.names import job_name
from batch_pipelines.orchestration.policies import RUN_TAGS, executor
from batch_pipelines.orchestration.session import current_settings
from batch_pipelines.processing.declaration.catalog import load_catalog


class Campaign(Pipeline[Entry]):
    """Mail to an audience, an occurrence a partition, with every recipient accounted for."""

    type_name = CAMPAIGN_TYPE
    attributes = CampaignAttributes
    spec = dg.ComponentTypeSpec(
        description="Personal mail to an audience, with every recipient accounted for.",
        tags=["batch"],
        produces=["asset", "asset_check", "job", "sensor"],
    )

    @classmethod
    def read(cls, document: Document, folder: Path) -> Entry:
        """Check a document on its own."""
        return read_entry(document, folder)

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:  # noqa: ARG002  Dagster's interface
        """Return everything that Dagster has of this campaign; of one without audience, nothing: runs give theirs."""
        declaration = self.entry.declaration
        if declaration.audience is None:
            return dg.Definitions()
        name, settings = declaration.name, current_settings()
        datasets = load_catalog(settings.defs).entries
        tables = [table for table in tables_read(declaration) if table in datasets]
        job = dg.define_asset_job(
            name=job_name(name),
            selection=dg.AssetSelection.assets(name),
            description=f"Sends an occurrence of {name}: freezes its audience, sends, reports. Run again, it goes on "
            "where it stopped; nobody gets a second mail.",
            tags=RUN_TAGS,
            executor_def=executor(declaration.lanes),
        )
        sensor = campaign_sensor(declaration, running=not _is_real(declaration.relay))
        return dg.Definitions(
            assets=[campaign_assets(self.entry, tables)],
            asset_checks=[campaign_checks(self.entry)],
            jobs=[job],
            sensors=[sensor] if sensor else [],
            resources={JSON_IO_KEY: json_io_manager},
        )


def _is_real(relay: str) -> bool:
    """Whether mail would leave this machine; a relay that is not there (yet) is taken for one that does."""
    try:
        return relay_named(relay, os.environ, current_settings().data).is_real
    except ConfigError:
        return True
