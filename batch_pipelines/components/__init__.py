"""The YAML types, and the operations that need none: they build graphs, jobs, partitions, sensors, checks, schedules.

`type: batch_pipelines.components.Dataset` in a defs.yaml names what is listed here, so this file imports it.
"""

from batch_pipelines.components.campaign.component import Campaign
from batch_pipelines.components.dataset.component import Dataset
from batch_pipelines.components.report.component import Report

__all__ = ["Campaign", "Dataset", "Report"]
