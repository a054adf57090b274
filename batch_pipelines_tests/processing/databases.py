"""A project whose datasets are queries of a database `shop`. What must not live here: expectations."""

from pathlib import Path

from batch_pipelines.core.settings import load_settings
from batch_pipelines_tests.processing.datasets import Project


def asking(home: Path, url: str | None, sql: str, rest: str = "") -> Project:
    """A project with a dataset `sales` of this query.

    Args:
        home: Its folder.
        url: Address of the connection `shop`, None for none.
        sql: The query.
        rest: More of the dataset's YAML.
    """
    project = Project(home)
    places = {"BP_HOME": str(home), "BP_DATA": str(project.data), "BP_DEFS": str(home / "defs")}
    project.settings = load_settings({**places, **({"BP_CONNECTION_SHOP": url} if url else {})}, home)
    ask(project, sql, rest)
    return project


def ask(project: Project, sql: str, rest: str = "", name: str = "sales") -> None:
    """Declare a dataset as a query."""
    lines = "\n".join(f"  {line}" for line in sql.strip().splitlines())
    project.declare(name, f"sql: |\n{lines}\nconnection: shop\n{rest}")


def extracts(project: Project, dataset: str = "sales") -> list[Path]:
    """All that lies in staging, finished or not."""
    folder = project.data / "staging" / dataset
    return sorted(folder.rglob("*")) if folder.is_dir() else []


def numbers(count: int) -> str:
    """A query of the numbers from 1 to `count`, for SQLite and PostgreSQL."""
    return f"with recursive n(n) as (select 1 union all select n + 1 from n where n < {count}) select n from n"
