"""A small shop for tests of reports: tables of orders, a report on them, and the façade.

What must not live here: expectations.
"""

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import write_deltalake

from batch_pipelines.core.clock import FakeClock
from batch_pipelines.core.settings import load_settings
from batch_pipelines.lake.delta import table_path
from batch_pipelines.reporting.declaration.catalog import Entry
from batch_pipelines.reporting.document import Document
from batch_pipelines.reporting.model import Gathered, Manifest, ReportRequest
from batch_pipelines.reporting.pipeline import Reporting
from batch_pipelines.reporting.render.renderer import Renderer

Row = dict[str, Any]
NOW = dt.datetime(2024, 3, 5, 12, tzinfo=dt.UTC)
CITIES = ("Aachen", "Bonn", "Celle")
ORDERS = [
    {"id": n, "day": dt.date(2024, 3, 1 + n % 3), "city": CITIES[n % 3], "price": 10.0 + n, "late": n % 4 == 0}
    for n in range(1, 31)
]
REPORT = """
title: "Orders of {{ start | date('full') }}"
partitions: {every: day, start: 2024-03-01, timezone: Europe/Berlin}
formats: [pdf, xlsx, html, csv, parquet, json]
filters:
  city: {type: string, enum: [Aachen, Bonn, Celle], default: null}
queries:
  day: select * from orders where day >= $start and day < $end and ($city is null or city = $city) order by id
  totals: select count(*) as orders, sum(price) as revenue, avg(late::int) as late from day
  by_city: select city, count(*) as orders, sum(price) as revenue from day group by city order by city
content:
  - heading: Overview
  - kpis:
      - {label: Orders, value: totals.orders, compare: previous, good: up}
      - {label: Revenue, value: totals.revenue, format: "currency:EUR", compare: previous}
      - {label: Late, value: totals.late, format: percent, good: down}
  - chart: {title: Orders by city, type: bar, data: by_city, x: city, y: orders}
  - table: {title: Cities, data: by_city, totals: [orders, revenue]}
  - table: {title: Orders, data: day, pdf_rows: 5}
  - text: "**Late** means: {{ totals.late | percent }} of *{{ totals.orders }}* orders."
data_sheets: [day]
"""


class Shop:
    """One deployment with reports.

    Args:
        home: Its folder.
        renderers: Instead of those that are built in.
    """

    def __init__(self, home: Path, renderers: Mapping[str, Renderer] | None = None) -> None:
        self.home, self.data, self.defs = home, home / "data", home / "defs"
        environ = {"BP_HOME": str(home), "BP_DATA": str(self.data), "BP_DEFS": str(self.defs)}
        self.settings = load_settings(environ, home)
        self.clock = FakeClock(NOW)
        self._renderers = renderers
        self.reporting = self.opened()

    def opened(self) -> Reporting:
        """A new façade: nothing remembered but what is on disk."""
        return Reporting(self.settings, clock=self.clock, renderers=self._renderers)

    def table(self, name: str, rows: list[Row] | pa.Table) -> None:
        """Make a table hold these rows."""
        made = rows if isinstance(rows, pa.Table) else pa.Table.from_pylist(rows)
        made = made.append_column("_partition", pa.array(["all"] * made.num_rows))
        write_deltalake(table_path(self.data, name), made, partition_by=["_partition"], mode="overwrite")

    def declare(self, attributes: str = REPORT, name: str = "orders_report") -> None:
        """Declare a report, its YAML attributes from the left margin."""
        folder = self.defs / name
        folder.mkdir(parents=True, exist_ok=True)
        indented = "".join(f"  {line}\n" if line else "\n" for line in attributes.strip("\n").splitlines())
        text = f"type: batch_pipelines.components.Report\nattributes:\n{indented}"
        (folder / "defs.yaml").write_text(text, encoding="utf-8")
        self.reporting = self.opened()

    def entry(self, name: str = "orders_report") -> Entry:
        """The declared report."""
        return self.reporting.catalog.entry(name)

    def gathered(self, partition: str | None = "2024-03-02", name: str = "orders_report", **asked: Any) -> Gathered:
        """Gather."""
        return self.reporting.gather(ReportRequest(name, partition, **asked))

    def document(self, partition: str | None = "2024-03-02", name: str = "orders_report", **asked: Any) -> Document:
        """Gather and process."""
        return self.reporting.process(self.gathered(partition, name, **asked))

    def made(self, partition: str | None = "2024-03-02", name: str = "orders_report", **asked: Any) -> Manifest:
        """Gather, process and generate."""
        return self.reporting.make(ReportRequest(name, partition, **asked))

    def file(self, manifest: Manifest, format_name: str) -> Path:
        """The file of a format."""
        (entry,) = [each for each in manifest.files if each.format == format_name]
        return self.data / manifest.folder / entry.name


def one_table(rows: str, content: str = "", formats: str = "[pdf, xlsx, html, csv, parquet, json]") -> str:
    """YAML of a report on what one SQL statement gives, without partitions."""
    block = content or "- table: {title: Rows, data: rows}"
    indented = "\n".join(f"  {line}" for line in block.splitlines())
    return f"title: A report\nformats: {formats}\nqueries:\n  rows: |\n    {rows}\ncontent:\n{indented}\n"
