"""Figures as a table: on the terminal, and as Markdown."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table


@dataclass(slots=True)
class Report:
    """One benchmark's outcome.

    Attributes:
        title: Its name.
        command: What was run.
        columns: Headings; the first is the peers'.
        rows: Cells as text.
        notes: What has to be known to read the figures.
        goals: Each with whether it was met.
    """

    title: str
    command: str
    columns: Sequence[str]
    rows: list[list[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    goals: list[tuple[str, bool]] = field(default_factory=list)

    def show(self) -> None:
        """Print it."""
        console = Console(soft_wrap=True)
        table = Table(*self.columns, title=self.title)
        for row in self.rows:
            table.add_row(*row)
        console.print(table)
        for goal, met in self.goals:
            console.print(f"{'met    ' if met else 'NOT MET'} {goal}", markup=False)
        for note in self.notes:
            console.print(f"· {note}", markup=False, highlight=False)

    def markdown(self) -> str:
        """The same as Markdown."""
        head = ["| " + " | ".join(self.columns) + " |", "|---" * len(self.columns) + "|"]
        body = ["| " + " | ".join(row) + " |" for row in self.rows]
        goals = [f"- {'met' if met else '**not met**'}: {goal}" for goal, met in self.goals]
        lines = [f"## {self.title}", "", _where(), "", f"    {self.command}", "", *head, *body, "", *goals, ""]
        return "\n".join([*lines, *(f"- {note}" for note in self.notes), ""])


def append_markdown(report: Report, file: Path) -> None:
    """Write a report below what the file holds."""
    with file.open("a", encoding="utf-8") as out:
        out.write("\n" + report.markdown())


def _where() -> str:
    memory = psutil.virtual_memory().total / 2**30
    names = ("pyarrow", "duckdb", "pandas", "deltalake", "dagster", "celery")
    packages = ", ".join(f"{name} {version(name)}" for name in names)
    day = datetime.now(UTC).date()
    return (
        f"{day}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()}, Python {platform.python_version()}; "
        f"{packages}."
    )
