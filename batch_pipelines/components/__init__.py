"""The YAML types, and the jobs that need none: graphs, jobs, partitions, sensors, checks, schedules of Dagster.

    dataset/ report/ campaign/   one folder a type; `component.py` puts its parts together
    jobs/                        process_data, replay_dead_letters, generate_report, send_emails
    operations                   what runs by itself: cleaning up, pool limits
    pipeline                     what the types have in common
    graphs, item_steps, metadata what graphs, steps and the UI's values share

`type: batch_pipelines.components.Dataset` in a defs.yaml names what is listed here, so this file imports it.
"""

from batch_pipelines.components.campaign.component import Campaign
from batch_pipelines.components.dataset.component import Dataset
from batch_pipelines.components.report.component import Report

__all__ = ["Campaign", "Dataset", "Report"]
