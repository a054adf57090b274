"""What setting PDFs starts from: documents of declared reports, with their charts. Made before any clock runs."""

import datetime as dt
import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from batch_pipelines.core.declaring.yaml_files import read_documents
from batch_pipelines.reporting.declaration.catalog import REPORT_TYPE, Entry, read_entry
from batch_pipelines.reporting.model import Gathered, ReportRequest
from batch_pipelines.reporting.process import process
from benchmarks.measure import Json

LONG = "long"
PERSONAL = "personal"
PAGES_ROWS = 1_000
PERSONAL_ROWS = 30
START = dt.datetime(2024, 1, 1)  # noqa: DTZ001 - a local clock's time
LONG_YAML = f"""
type: {REPORT_TYPE}
attributes:
  name: {LONG}
  title: Orders of the year
  subtitle: Twenty pages of them
  queries: {{rows: select 1, totals: select 1, by_day: select 1, by_city: select 1}}
  content:
    - kpis:
        - {{label: Orders, value: totals.orders}}
        - {{label: Revenue, value: totals.revenue, format: "currency:EUR"}}
        - {{label: Mean, value: totals.mean, format: "number:1"}}
        - {{label: Late, value: totals.late, format: percent}}
    - heading: Over the year
    - chart: {{title: Revenue by day, type: line, data: by_day, x: day, y: revenue}}
    - chart: {{title: Revenue by city, type: hbar, data: by_city, x: city, y: revenue}}
    - chart: {{title: Orders by city, type: bar, data: by_city, x: city, y: orders}}
    - heading: Orders
    - table: {{title: All orders, data: rows, pdf_rows: {PAGES_ROWS}, html_rows: {PAGES_ROWS}}}
"""
PERSONAL_YAML = f"""
type: {REPORT_TYPE}
attributes:
  name: {PERSONAL}
  title: Your orders
  queries: {{rows: select 1, totals: select 1, by_day: select 1, by_city: select 1}}
  content:
    - kpis:
        - {{label: Orders, value: totals.orders}}
        - {{label: Revenue, value: totals.revenue, format: "currency:EUR"}}
        - {{label: Mean, value: totals.mean, format: "number:1"}}
    - chart: {{title: Revenue by day, type: line, data: by_day, x: day, y: revenue}}
    - chart: {{title: Revenue by city, type: hbar, data: by_city, x: city, y: revenue}}
    - chart: {{title: Orders by city, type: bar, data: by_city, x: city, y: orders}}
    - table: {{title: All orders, data: rows}}
"""


def prepare(job: Json) -> Json:
    """Lay the rows of every report out, and make the documents, charts included."""
    yaml, rows = (LONG_YAML, PAGES_ROWS) if job["kind"] == LONG else (PERSONAL_YAML, PERSONAL_ROWS)
    folder = Path(job["folder"])
    data, entry = folder / "data", entry_of(folder / "defs", yaml)
    for number in range(job["reports"]):
        work = data / f"r{number}"
        lay_out(work, rows, number)
        process(entry, gathered_of(work, job["kind"]), data)
    return {}


def entry_of(folder: Path, yaml: str) -> Entry:
    """A declared report."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "defs.yaml").write_text(yaml, encoding="utf-8")
    return read_entry(read_documents(folder / "defs.yaml")[0], folder)


def lay_out(work: Path, rows: int, seed: int) -> None:
    """Write what gathering would leave behind, for a report of so many rows."""
    work.mkdir(parents=True, exist_ok=True)
    table = orders(rows, seed)
    frame = table.to_pandas()
    by_day = frame.groupby("day", as_index=False).agg(revenue=("revenue", "sum"))
    by_city = frame.groupby("city", as_index=False).agg(revenue=("revenue", "sum"), orders=("order_id", "count"))
    totals: dict[str, list[Any]] = {
        "orders": [len(frame)], "revenue": [float(frame["revenue"].sum())], "mean": [float(frame["revenue"].mean())],
        "late": [float(frame["late"].mean())],
    }  # fmt: skip
    pq.write_table(table, work / "rows.parquet")
    pq.write_table(pa.Table.from_pandas(by_day, preserve_index=False), work / "by_day.parquet")
    pq.write_table(pa.Table.from_pandas(by_city, preserve_index=False), work / "by_city.parquet")
    pq.write_table(pa.table(totals), work / "totals.parquet")
    counts = {"rows": rows, "totals": 1, "by_day": len(by_day), "by_city": len(by_city)}
    (work / "rows.json").write_text(json.dumps(counts), encoding="utf-8")


def gathered_of(work: Path, kind: str) -> Gathered:
    """What gathering would have said of it."""
    counts = json.loads((work / "rows.json").read_text(encoding="utf-8"))
    request = ReportRequest(kind, formats=("pdf",), locale="en_US")
    return Gathered(request, work.name, "", work.name, None, None, None, counts, [], "ready", send=True, checks=[])


def orders(rows: int, seed: int) -> pa.Table:
    """Rows as a shop has them: 8 columns."""
    dice = random.Random(seed)
    days = min(max(rows // 4, 5), 366)
    columns: dict[str, list[Any]] = {
        "order_id": list(range(1, rows + 1)),
        "day": [(START + dt.timedelta(days=n * days // rows)).date() for n in range(rows)],
        "city": [dice.choice(("Aachen", "Bonn", "Celle", "Dresden", "Essen", "Fulda", "Gera")) for _ in range(rows)],
        "customer": [f"Customer number {dice.randrange(10_000)}" for _ in range(rows)],
        "items": [dice.randrange(1, 20) for _ in range(rows)],
        "revenue": [round(dice.uniform(5, 900), 2) for _ in range(rows)],
        "discount": [None if dice.random() < 0.6 else round(dice.random() / 2, 3) for _ in range(rows)],
        "late": [dice.random() < 0.1 for _ in range(rows)],
    }
    return pa.table(columns)
