"""A deployment with a dataset that is upserted and one that is appended to, and what its children do with it.

Each row says of which batch it is. Keys repeat between batches, and one within a batch, in different chunks.
"""

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from batch_pipelines.core.clock import SystemClock
from batch_pipelines.core.errors import BatchFailed
from batch_pipelines.core.workers.inline import InlinePool
from batch_pipelines.lake.delta import files_at, load, table_path
from batch_pipelines.processing.pipeline import Processing
from batch_pipelines.processing.tables.compact import compact
from batch_pipelines.processing.tables.contributing import contributing
from batch_pipelines.processing.tables.janitor import sweep
from batch_pipelines_tests.processing.declaration.declarations import write_dataset
from batch_pipelines_tests.system.sweep_home import settings_of

COLUMNS = "columns: {id: {type: int, required: true}, batch: string, amount: %s}"
CHUNKS = 6


def make_home(home: Path) -> Path:
    """Declare `stock` and `events`."""
    home.mkdir(parents=True, exist_ok=True)
    declare(home, "int")
    return home


def declare(home: Path, amount: str) -> None:
    """Declare both, with `amount` of this type."""
    for name, write in (("stock", "upsert"), ("events", "append")):
        write_dataset(home / "defs", name, f"source: {name}.csv\nwrite: {write}\nkey: id\n{COLUMNS % amount}")


def write_rows(home: Path, name: str, batch: str, first: int, count: int) -> None:
    """Write a batch of keys `first` to `first + count - 1`, of which the first comes again at the end."""
    rows = [f"{first + n},{batch},{n}" for n in range(count)]
    text = "\n".join(["id,batch,amount", *rows, f"{first},twice,0"]) + "\n"
    write_dataset_size(home, name, len(text))
    temporary = home / f".{name}"
    temporary.write_text(text)
    temporary.replace(home / f"{name}.csv")


def write_dataset_size(home: Path, name: str, size: int) -> None:
    """Have the file cut into about `CHUNKS` chunks."""
    file = home / "defs" / name / "defs.yaml"
    lines = [line for line in file.read_text().splitlines() if "chunk_size" not in line]
    file.write_text("\n".join([*lines, f"  chunk_size: {size // CHUNKS}", ""]))


def run(home: Path, data: Path, name: str) -> None:
    """Plan and work until all is published."""
    processing = _open(home, data)
    try:
        processing.run(name)
    except BatchFailed as failed:
        raise AssertionError(failed.failures) from failed
    finally:
        processing.close()


def merge(home: Path, data: Path, name: str) -> None:
    """Compact."""
    processing = _open(home, data)
    compact(data, processing.ledger, name, SystemClock())
    processing.close()


def found(home: Path, data: Path, name: str) -> dict[str, Any]:
    """What there is: rows by batch, keys that are there twice, the sum of amounts, dead letters, parts, orphans."""
    processing = _open(home, data)
    table = load(table_path(data, name))
    assert table is not None
    rows = table.to_pyarrow_table(columns=["id", "batch", "amount"])
    there = [batch for batches in contributing(processing.ledger, name).values() for batch in batches]
    keys = Counter(rows.column("id").to_pylist())
    result = {
        "rows": dict(sorted(Counter(rows.column("batch").to_pylist()).items())),
        "twice": [key for key, times in keys.items() if times > 1],
        "amount": float(pc.sum(rows.column("amount")).as_py()),
        "dead": sum(processing.ledger.chunks.counts([batch.id]).dead for batch in there),
        "current": processing.current(name)["all"] is not None,
    }
    sweep(data, processing.ledger, name)
    result["orphans"] = _orphans(data, name)
    result["rows_after_sweep"] = load(table_path(data, name)).to_pyarrow_table().num_rows  # type: ignore[union-attr]
    processing.close()
    return result


def _orphans(data: Path, name: str) -> list[str]:
    """Parts that no version of the table names."""
    path = table_path(data, name)
    table = load(path)
    named = {file for at in range(table.version() + 1) for file in files_at(path, at)} if table else set()
    parts = {str(file.relative_to(path)) for file in path.rglob("*.parquet") if "_delta_log" not in file.parts}
    return sorted(part for part in parts - named if "compact-" not in part)


def _open(home: Path, data: Path) -> Processing:
    return Processing(settings_of(home, data), clock=SystemClock(), make_pool=InlinePool)
