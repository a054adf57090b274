"""What Dagster loads: the pipelines of the defs folder, and the operations. Nothing else lives here."""

import os

import dagster as dg

from batch_pipelines.campaigns.declaration.catalog import load_catalog as load_campaigns
from batch_pipelines.components.operations import operations
from batch_pipelines.core.settings import Settings
from batch_pipelines.orchestration.defs_folder import load_defs_folder, load_once
from batch_pipelines.orchestration.names import check_names, claims
from batch_pipelines.orchestration.report_tables import check_reports
from batch_pipelines.orchestration.session import current_settings
from batch_pipelines.processing.declaration.catalog import load_catalog
from batch_pipelines.processing.declared_sql import check_sql
from batch_pipelines.reporting.declaration.catalog import load_catalog as load_reports


@dg.definitions
def defs() -> dg.Definitions:
    """Check all YAML first, for messages with file, line and key; then have Dagster load it.

    Raises:
        ConfigError: Something in the defs folder cannot work; all problems are listed.
    """
    return load_once(current_settings(), _load)


def _load(settings: Settings) -> dg.Definitions:
    catalog = load_catalog(settings.defs)
    reports = load_reports(settings.defs)
    campaigns = load_campaigns(settings.defs)
    check_names([claim for each in (catalog, reports, campaigns) for claim in claims(each)])
    check_sql(catalog)
    check_reports(reports, catalog, os.environ)
    return dg.Definitions.merge(load_defs_folder(settings.defs, settings.home), operations(catalog, reports, campaigns))
