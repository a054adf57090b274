"""The YAML types, and the operations that need none: they build graphs, jobs, partitions, sensors, checks, schedules.

`type: batch_pipelines.components.Dataset` in a defs.yaml names what is listed here, so this file imports it.
"""

from batch_pipelines.components.campaign import Campaign
from batch_pipelines.components.dataset import Dataset
from batch_pipelines.components.report import Report

__all__ = ["Campaign", "Dataset", "Report"]
