"""A project whose `orders` go to targets, and what those hold. What must not live here: expectations."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text

from batch_pipelines.core.settings import load_settings
from batch_pipelines_tests.processing.datasets import Project

COLUMNS = """
columns:
  id: {type: int, required: true}
  day: date
  at: timestamp
  name: string
  price: "decimal(8,2)"
  share: float
  paid: bool
"""
HEADER = "id,day,at,name,price,share,paid\n"
ROW = '{id},2013-01-0{day},2013-01-0{day}T05:00:00Z,"{name}",{id}.50,0.1,true\n'


def lines(*ids: int, name: str = "a") -> str:
    """CSV of orders with these ids."""
    return HEADER + "".join(ROW.format(id=each, day=each % 9 + 1, name=name) for each in ids)


def exporting(home: Path, export: str, *, monthly: bool = False, **urls: str) -> Project:
    """A project with a dataset `orders` that has these targets; keyword arguments are addresses of connections."""
    project = Project(home)
    environ = {f"BP_CONNECTION_{name.upper()}": url for name, url in urls.items()}
    project.settings = load_settings(
        {"BP_HOME": str(home), "BP_DATA": str(project.data), "BP_DEFS": str(home / "defs"), **environ}, home
    )
    source = "in/orders-{%Y-%m}.csv" if monthly else "in/orders.csv"
    partitions = "\npartitions: {every: month, start: 2013-01, end: 2013-12}" if monthly else ""
    project.declare("orders", f"source: {source}{partitions}\nexport: {export}\n{COLUMNS}")
    return project


def query(url: str, sql: str, **values: Any) -> list[dict[str, Any]]:
    """The rows of a query in a database."""
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            return [dict(row._mapping) for row in connection.execute(text(sql), values)]  # noqa: SLF001  SQLAlchemy's public name
    finally:
        engine.dispose()


def execute(url: str, *statements: str) -> None:
    """Change a database."""
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            for statement in statements:
                connection.execute(text(statement))
    finally:
        engine.dispose()


def held(url: str, table: str = "orders") -> Mapping[str, list[int]]:
    """The ids that a table holds, by partition."""
    found: dict[str, list[int]] = {}
    for row in query(url, f'SELECT "_partition" AS whose, id FROM {table} ORDER BY id'):
        found.setdefault(row["whose"], []).append(row["id"])
    return found
