"""A small project for tests: declare datasets, write files, run them through Processing, look at what came out.

Workers are the calling process (InlinePool) unless asked otherwise, and time is turned by hand, so that retries
don't wait. What must not live here: expectations.
"""

import atexit
import shutil
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from batch_pipelines.core.clock import Clock, FakeClock
from batch_pipelines.core.model import Batch, BatchState, Chunk
from batch_pipelines.core.settings import load_settings
from batch_pipelines.core.workers.inline import InlinePool
from batch_pipelines.lake.delta import files_by_partition, load, table_path
from batch_pipelines.lake.parts import read_part
from batch_pipelines.processing.pipeline import Overrides, Processing
from batch_pipelines.processing.reports import BatchReport, Planning, failures_of
from batch_pipelines_tests.ledgers import copied, made
from batch_pipelines_tests.processing.declaration.declarations import write_dataset

Row = dict[str, Any]
SYSTEM = ("_source", "_line", "_offset", "_partition")


@cache
def empty_ledger() -> Path:
    """An empty SQLite ledger to be copied, one for the process: projects are made outside of fixtures, too."""
    folder = Path(tempfile.mkdtemp(prefix="empty-ledger-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return made(folder)


class Project:
    """One deployment in a folder of its own.

    Args:
        home: Its folder, with `data/` in it.
        ledger_url: Another ledger than SQLite in `data/`.
        processes: Whether chunks are worked on by real worker processes, in real time.
    """

    def __init__(self, home: Path, *, ledger_url: str | None = None, processes: bool = False) -> None:
        self.home = home
        self.data = home / "data"
        self.clock: Clock | None = None if processes else FakeClock()
        environ = {"BP_HOME": str(home), "BP_DATA": str(self.data), "BP_DEFS": str(home / "defs")}
        self.settings = load_settings(environ | ({"BP_LEDGER_URL": ledger_url} if ledger_url else {}), home)
        self._make_pool = None if processes else InlinePool
        ledger = self.data / "ledger.db"
        if ledger_url is None and not ledger.exists():
            copied(empty_ledger(), self.data)
        self.processing = self.opened()

    def opened(self) -> Processing:
        """A new façade, as another process would have: nothing remembered but what is on disk."""
        return Processing(self.settings, clock=self.clock, make_pool=self._make_pool)

    def reopen(self) -> None:
        """Forget all that is in memory; declarations are read again."""
        self.processing.close()
        self.processing = self.opened()

    def declare(self, name: str, attributes: str, transform: str | None = None) -> None:
        """Declare a dataset, its YAML attributes from the left margin; a transform.py beside it."""
        write_dataset(self.home / "defs", name, attributes)
        if transform is not None:
            (self.home / "defs" / name / "transform.py").write_text(transform)
        self.reopen()

    def write(self, name: str, content: str | bytes) -> Path:
        """Write a source file, by rename as one should."""
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f".{path.name}.new")
        new.write_bytes(content.encode() if isinstance(content, str) else content)
        return new.replace(path)

    def plan(self, dataset: str, partitions: Sequence[str] | None = None, **options: Any) -> Planning:
        """Plan; see `Processing.plan`."""
        return self.processing.plan(dataset, partitions, **options)

    def work(self, planning: Planning, overrides: Overrides | None = None) -> list[BatchReport]:
        """Work a plan off, and review it."""
        self.processing.work(planning.batch_ids, overrides=overrides, wait_for_others=True)
        return self.processing.review(planning.batch_ids)

    def run(self, dataset: str, partitions: Sequence[str] | None = None, **options: Any) -> list[BatchReport]:
        """Plan, work, review; no partition may have been left unplanned."""
        planning = self.plan(dataset, partitions, **options)
        assert planning.problems == {}
        return self.work(planning, options.get("overrides"))

    def one(self, dataset: str, **options: Any) -> BatchReport:
        """Run a dataset that has one partition."""
        (report,) = self.run(dataset, **options)
        return report

    def failures(self, dataset: str, **options: Any) -> str:
        """Run a dataset and return what its run would fail with; nothing if it would not."""
        planning = self.plan(dataset, **options)
        return "\n".join(failures_of(planning, self.work(planning)))

    def table(self, dataset: str) -> list[Row]:
        """Every row that the table holds now, in order of partition, source and place, system columns included."""
        table = load(table_path(self.data, dataset))
        rows: list[Row] = [] if table is None else table.to_pyarrow_table().to_pylist()
        return sorted(rows, key=lambda row: (row["_partition"], row["_source"], row["_offset"]))

    def rows(self, dataset: str) -> list[Row]:
        """The same without system columns."""
        return [{name: value for name, value in row.items() if name not in SYSTEM} for row in self.table(dataset)]

    def batches(self, dataset: str) -> list[Batch]:
        """All batches of a dataset, oldest first."""
        return self.processing.ledger.batches.of_pipeline(dataset)

    def states(self, dataset: str) -> list[BatchState]:
        """Where they stand."""
        return [batch.state for batch in self.batches(dataset)]

    def chunks(self, batch_id: int) -> list[Chunk]:
        """The chunks of a batch."""
        return self.processing.ledger.chunks.of_batch(batch_id)

    def dead(self, dataset: str) -> list[Row]:
        """The dead letters of the batches that are published now, in order of source and place."""
        rows: list[Row] = []
        for batch in self.processing.ledger.batches.currents(dataset).values():
            rows += self.dead_of(batch.id)
        return sorted(rows, key=lambda row: (row["source"], row["offset"]))

    def dead_of(self, batch_id: int) -> list[Row]:
        """The dead letters of one batch."""
        rows: list[Row] = []
        for chunk in self.chunks(batch_id):
            letters = chunk.result.detail.get("dead_letters") if chunk.result else None
            if letters is not None:
                (batch,) = self.processing.ledger.batches.get([batch_id])
                rows += read_part(self.data / "dead_letters" / batch.pipeline / letters["path"]).to_pylist()
        return rows

    def parts(self, dataset: str) -> set[str]:
        """All Parquet files in the table's folder, whether the table names them or not."""
        folder = table_path(self.data, dataset)
        return {file.relative_to(folder).as_posix() for file in folder.rglob("*.parquet")}

    def live(self, dataset: str, partition: str = "all") -> set[str]:
        """The parts that the table names for a partition."""
        return set(files_by_partition(table_path(self.data, dataset), partition))


def reasons(row: Row) -> list[str]:
    """`rule: column` of a dead letter, one for each reason."""
    return [f"{each['rule']}: {each['column']}" if each["column"] else each["rule"] for each in row["reasons"]]
