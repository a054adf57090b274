"""A small deployment, and `bp` run in it as a user would run it."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from click.testing import Result
from typer.testing import CliRunner

from batch_pipelines.cli.main import app
from batch_pipelines.core.settings import load_settings
from batch_pipelines.core.workers.inline import InlinePool
from batch_pipelines.processing.pipeline import Processing
from batch_pipelines_tests.processing.declaration.declarations import write_dataset

CUSTOMERS = """
description: Who buys.
source: in/customers.csv
key: id
columns: {id: int, name: string}
"""
ORDERS = """
description: What was bought.
source: in/orders-{%Y-%m}.csv
partitions: {every: month, start: 2024-01, end: 2024-12}
max_reject_rate: 50%
columns:
  id: {type: int, required: true}
  customer: {type: int, in: customers.id}
  amount: {type: float, min: 0}
"""
JANUARY = "id,customer,amount\n1,1,9.5\n2,1,x\n3,7,2\n4,2,1.25\n5,2,-1\n6,1,3\n"
FEBRUARY = "id,customer,amount\n7,2,4\n"
ALL_BAD = "id,customer,amount\n8,7,4\n9,7,4\n"


@dataclass(frozen=True, slots=True)
class Deployment:
    """Two datasets, `orders` by month and the `customers` that it refers to.

    Attributes:
        home: Its folder, which is also where commands are run.
        environ: The variables that lead to it.
    """

    home: Path
    environ: Mapping[str, str]

    def bp(self, *arguments: str, stdin: str | None = None, **environ: str) -> Result:
        """Run a command in this process."""
        return CliRunner().invoke(app, list(arguments), input=stdin, env={**self.environ, **environ})

    def shell(self, line: str, **environ: str) -> "subprocess.CompletedProcess[str]":
        """Run a line of shell, in which `bp` is ours."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(
            ["bash", "-c", line],
            env={**os.environ, **self.environ, "PATH": path, **environ},
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )

    def write(self, name: str, text: str) -> None:
        """Write a source file."""
        (self.home / "in" / name).write_text(text)

    def processing(self) -> Processing:
        """Open the datasets; chunks are worked in this process."""
        return Processing(load_settings(self.environ, self.home), make_pool=InlinePool)

    def process(self, dataset: str, partitions: Sequence[str] | None = None) -> None:
        """Process a dataset's files; what fails, fails."""
        processing = self.processing()
        planning = processing.plan(dataset, partitions)
        processing.work(planning.batch_ids)
        processing.close()


def make_deployment(home: Path) -> Deployment:
    """Make the deployment in an empty folder."""
    (home / "in").mkdir(parents=True)
    environ = {"BP_HOME": str(home), "BP_DATA": str(home / "data"), "BP_DEFS": str(home / "defs")}
    made = Deployment(home, environ)
    write_dataset(home / "defs", "customers", CUSTOMERS)
    write_dataset(home / "defs", "orders", ORDERS)
    made.write("customers.csv", "id,name\n1,Ann\n2,Bob\n")
    made.write("orders-2024-01.csv", JANUARY)
    made.write("orders-2024-02.csv", FEBRUARY)
    return made
