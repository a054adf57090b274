"""The deployment that the sweeps kill: little input with everything in it, and what its tables hold, row for row.

Three months of orders in about a dozen chunks: bad rows of several kinds, keys that occur twice in one file's
different chunks, a reference, a derived column, filtered rows, a poison record that kills its worker.
"""

import json
import random
import shutil
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from batch_pipelines.core.clock import SystemClock
from batch_pipelines.core.model import Task
from batch_pipelines.core.settings import Settings, load_settings
from batch_pipelines.core.workers.inline import InlinePool
from batch_pipelines.core.workers.pool import Died, Ending
from batch_pipelines.lake.delta import files_at, load, table_path
from batch_pipelines.processing import standing
from batch_pipelines.processing.pipeline import Processing
from batch_pipelines.processing.reports import failures_of
from batch_pipelines.processing.tables.janitor import Swept, pinned_versions, sweep
from batch_pipelines_tests.processing.declaration.declarations import write_dataset

MONTHS = ("2013-01", "2013-02", "2013-03")
DATASETS = ("items", "orders")
POISON = (MONTHS[1], 17)  # month, record
ROWS = 48  # of a month
POISON_BYTES = b"poisonous"
ORDERS = """
source: orders-{%Y-%m}.csv
partitions: {every: month, start: 2013-01, end: 2013-03}
key: id
chunk_size: 560
nulls: [NA]
columns:
  id: {type: int, required: true}
  day: {type: date, required: true}
  sku: {type: string, required: true, in: items.sku}
  price: {type: float, min: 0}
  qty: {type: int, min: 0}
  note: string
derive:
  total: price * qty
where: qty <> 0
"""
ITEMS = """
source: items.csv
columns:
  sku: {type: string, required: true}
"""
BAD_ROWS = (
    "{n},2013-13-40,a,1,1,date",
    "x{n},2013-01-01,a,1,1,type",
    "{n},2013-01-01,zz,1,1,reference",
    "{n},2013-01-01",
)


def make_home(home: Path, seed: int = 1, rows: int = ROWS) -> Path:
    """Write declarations and sources."""
    home.mkdir(parents=True, exist_ok=True)
    write_dataset(home / "defs", "orders", ORDERS)
    write_dataset(home / "defs", "items", ITEMS)
    (home / "items.csv").write_text("sku\n" + "".join(f"{sku}\n" for sku in "abcde"))
    for place, month in enumerate(MONTHS):
        write_month(home, month, seed + place, rows)
    return home


def write_month(home: Path, month: str, seed: int, rows: int = ROWS) -> None:
    """Write one month's orders: a tenth bad, a tenth doubles of an earlier key (the last one always), some of none."""
    dice, lines, keys = random.Random(seed), ["id,day,sku,price,qty,note"], list[int]()
    for n in range(1, rows + 1):
        if (month, n) == POISON:
            lines.append(f'{n},{month}-01,a,1.5,1,"{POISON_BYTES.decode()}"')
        elif n < rows and dice.random() < 0.1:
            lines.append(dice.choice(BAD_ROWS).format(n=n))
        else:
            key = dice.choice(keys) if n == rows or (keys and dice.random() < 0.1) else n
            price, qty = dice.randint(100, 999) / 100, dice.choice([0, 1, 2, 3]) if 1 < n < rows else 1
            keys += [key] if qty else []  # a row of none is filtered, and no one's double
            note = dice.choice(["", "NA", '"two\nlines"', '"said ""x"""', f"seed {seed}"])
            lines.append(f"{key},{month}-{dice.randint(1, 28):02d},{dice.choice('abcde')},{price},{qty},{note}")
    temporary = home / f".{month}"
    temporary.write_text("\n".join(lines) + "\n")
    temporary.replace(home / f"orders-{month}.csv")


def settings_of(home: Path, data: Path) -> Settings:
    """The home's settings with a data folder of its own."""
    environ = {"BP_HOME": str(home), "BP_DATA": str(data), "BP_DEFS": str(home / "defs")}
    return load_settings(environ, home)


class PoisonPool(InlinePool):
    """The calling process, but a chunk that holds the poison kills its worker: so that chunks are split and buried."""

    def __init__(self) -> None:
        super().__init__()
        self._dead: deque[int] = deque()

    def submit(self, ticket: int, task: Task) -> None:
        """See `WorkerPool`."""
        if task.function.endswith(":work_chunk") and _holds_poison(task):
            self.die(ticket)
        else:
            super().submit(ticket, task)

    def die(self, ticket: int) -> None:
        """Have the worker of this task be dead."""
        self._dead.append(ticket)

    def wait(self, timeout_s: float) -> list[tuple[int, Ending]]:
        """See `WorkerPool`."""
        return [(self._dead.popleft(), Died(-9))] if self._dead else super().wait(timeout_s)


def _holds_poison(task: Task) -> bool:
    chunk = task.payload["chunk"]
    data = (Path(task.payload["home"]) / chunk["path"]).read_bytes()
    return POISON_BYTES in data[chunk["start"] : chunk["end"]]


def run(
    home: Path, data: Path, make_pool: Callable[[], Any] | None = PoisonPool, *, forgiving: bool = False
) -> list[int]:
    """Plan and work until all is published; the batches that there was nothing to do for.

    Args:
        home: The home.
        data: Its data folder.
        make_pool: The workers.
        forgiving: Whether others may have got ahead of it.
    """
    processing = Processing(settings_of(home, data), clock=SystemClock(), make_pool=make_pool)
    try:
        planning = processing.plan("orders")
        processing.work(planning.batch_ids, wait_for_others=True)
        reports = processing.review(planning.batch_ids)
        if not forgiving:
            assert failures_of(planning, reports) == [], failures_of(planning, reports)
            assert all(r.counts.items == r.rows + r.counts.filtered + r.dead_letters for r in reports)
        return planning.current
    finally:
        processing.close()


def content(home: Path, data: Path) -> dict[str, Any]:
    """All that the tables and the dead letters hold, in order."""
    processing = Processing(settings_of(home, data), make_pool=PoisonPool)
    found: dict[str, Any] = {}
    for name in DATASETS:
        table = load(table_path(data, name))
        rows = table.to_pyarrow_table().to_pylist() if table else []
        letters = [
            row
            for each in standing.standings(processing, name)
            for part in standing.dead_letters(processing, each)
            for row in part.to_pylist()
        ]
        found[name] = sorted(json.dumps(row, default=str, sort_keys=True) for row in rows)
        found[f"{name} dead"] = sorted(json.dumps(row, default=str, sort_keys=True) for row in letters)
    processing.close()
    return found


def janitor(home: Path, data: Path) -> Swept:
    """Sweep all datasets."""
    processing = Processing(settings_of(home, data), make_pool=PoisonPool)
    ledger = processing.ledger
    orders = [*ledger.batches.of_pipeline("orders")]
    pinned = pinned_versions(batch for batch in orders if batch.state in ("open", "failed"))
    swept = [sweep(data, ledger, name, pinned.get(name, ())) for name in DATASETS]
    processing.close()
    return swept[0] + swept[1]


def unnamed_files(data: Path) -> list[str]:
    """Parts that no version of their table has: what a janitor should have swept, worked out without it."""
    found = []
    for name in DATASETS:
        path = table_path(data, name)
        table = load(path)
        versions = range(table.version() + 1) if table else range(0)
        named = {file for number in versions for file in files_at(path, number)}
        files = {str(file.relative_to(path)) for file in path.rglob("*.parquet") if "_delta_log" not in file.parts}
        found += sorted(files - named)
    return found


def fresh_data(data: Path, ledger: Path | None) -> Path:
    """A data folder of nothing, or with an empty ledger."""
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(parents=True)
    if ledger:
        shutil.copy(ledger, data / "ledger.db")
    return data
