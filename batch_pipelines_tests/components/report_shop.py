"""A deployment with sales by month and reports over them; what their runs left for people to find."""

import json
from collections.abc import Mapping
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import dagster as dg

from batch_pipelines.orchestration.backfill import range_tags
from batch_pipelines.orchestration.report_records import Report, recorded
from batch_pipelines_tests.components.shop import Shop

MONTHLY = {
    "title": "Sales of {{ start | date('MMMM y') }}",
    "owners": ["boss@example.com"],
    "partitions": {"every": "month", "start": "2013-01", "end": "2013-12"},
    "formats": ["json"],
    "queries": {
        "sold": "select * from sales where id >= 0 and (select $start) is not null",
        "totals": "select count(*) as sales, sum(amount) as amount from sold",
    },
    "content": [{"kpis": [{"label": "Sales", "value": "totals.sales"}, {"label": "Amount", "value": "totals.amount"}]}],
    "deliver": [{"email": {"to": ["boss@example.com", "desk@example.com"], "attach": ["json"]}}],
}
STORES_BURST = {
    "filters": {"store": {"type": "string"}},
    "queries": {
        "sold": "select * from sales where $store is null or store = $store",
        "totals": "select count(*) as sales, sum(amount) as amount from sold",
    },
    "burst": {
        "query": "select store, lower(store) || '@example.com' as address from stores order by store",
        "key": "store",
        "filters": {"store": "store"},
        "email": "address",
    },
    "deliver": [{"email": {"attach": ["json"]}}],
}


class ReportShop:
    """A shop with reports.

    Args:
        shop: The deployment.
        instance: Of its runs.
    """

    def __init__(self, shop: Shop, instance: dg.DagsterInstance) -> None:
        self.shop, self.instance = shop, instance

    def declare(self, folder: str = "monthly", /, **changes: Any) -> None:
        """Write a report's YAML (JSON is YAML)."""
        attributes = {key: value for key, value in {**MONTHLY, **changes}.items() if value is not None}
        document = {"type": "batch_pipelines.components.Report", "attributes": attributes}
        self.shop.write(f"defs/{folder}/defs.yaml", json.dumps(document, indent=1))

    def sell(self, *months: str, rows: int = 3) -> None:
        """Have these months in the table."""
        self.shop.declare_sales()
        for month in months:
            self.shop.sell(month, rows=rows)
        self.shop.process(self.instance, dataset="sales", partitions=list(months))

    def run(
        self, *partitions: str, name: str = "monthly", tags: Mapping[str, str] | None = None, raises: bool = True
    ) -> dg.ExecuteInProcessResult:
        """Run a report's job for one partition, a range of them, or without any."""
        job = self.shop.job(f"{name}_job")
        return job.execute_in_process(
            instance=self.instance, tags={**range_tags(partitions), **(tags or {})}, raise_on_error=raises
        )

    def generate(self, *, raises: bool = True, **config: Any) -> dg.ExecuteInProcessResult:
        """Run `generate_report`."""
        job = self.shop.job("generate_report")
        return job.execute_in_process(run_config=config, instance=self.instance, raise_on_error=raises)

    def made(self, partition: str | None, name: str = "monthly") -> list[Report]:
        """What was made of a partition last."""
        return recorded(self.shop.settings.data, name, partition)

    def mails(self) -> list[EmailMessage]:
        """All mails, by recipient."""
        files = (self.shop.settings.data / "mail").rglob("*.eml")
        mails = [message_from_bytes(file.read_bytes(), policy=default) for file in files]
        return sorted(mails, key=lambda mail: str(mail["To"]))

    def mailed(self) -> list[str]:
        """Whom mails went to."""
        return [str(mail["To"]) for mail in self.mails()]


def checked(result: dg.ExecuteInProcessResult) -> dict[str, bool]:
    """What the checks of a run came to."""
    found = result.get_asset_check_evaluations()
    return {each.check_name: each.passed for each in found}


def steps(result: dg.ExecuteInProcessResult) -> list[str]:
    """The steps that succeeded, in order."""
    return [event.step_key or "" for event in result.all_events if event.event_type_value == "STEP_SUCCESS"]
