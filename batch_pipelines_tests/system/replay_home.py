"""A replay that is killed: the orders of sweep_home.py, processed, with a newer reference and corrections to make.

One letter in three months kills its worker, in the replay as before. What must not live here: expectations.
"""

import json
import shutil
from pathlib import Path
from typing import Any

from batch_pipelines.core.clock import SystemClock
from batch_pipelines.core.model import Task
from batch_pipelines.processing.dead_letters import letters
from batch_pipelines.processing.dead_letters.selection import Wanted
from batch_pipelines.processing.pipeline import Processing
from batch_pipelines.processing.replaying import replay
from batch_pipelines.processing.replaying.replay import Replay
from batch_pipelines.processing.reports import failures_of
from batch_pipelines_tests.system import sweep_home

ASKED = Replay(
    "orders",
    wanted=Wanted(where="raw not like '%,type'"),
    changes={"day": "coalesce(try_cast(day as date)::varchar, '2013-01-09')", "note": "coalesce(note, 'corrected')"},
    note="typos",
    who="ann",
)
"""All but those whose number is none: unknown items, impossible days, short rows, doubles, and the poison."""


class ReplayPool(sweep_home.PoisonPool):
    """See `PoisonPool`: a chunk of letters that holds the poison kills its worker, too."""

    def submit(self, ticket: int, task: Task) -> None:
        """See `WorkerPool`."""
        if task.function.endswith(":work_letters") and _tries_poison(task):
            self.die(ticket)
        else:
            super().submit(ticket, task)


def _tries_poison(task: Task) -> bool:
    tried, _ = letters.read(dict(task.payload["chunk"]), Path(task.payload["data"]), str(task.payload["dataset"]))
    return any(sweep_home.POISON_BYTES in bytes(raw or b"") for raw in tried.column("raw").to_pylist())


def make_home(home: Path, data: Path, ledger: Path) -> Path:
    """Make the home and process the orders; then a reference that was missing arrives."""
    sweep_home.make_home(home)
    sweep_home.fresh_data(data, ledger)
    sweep_home.run(home, data)
    (home / "items.csv").write_text("sku\n" + "".join(f"{sku}\n" for sku in ("a", "b", "c", "d", "e", "zz")))
    processing = _opened(home, data)
    processing.run("items")
    processing.close()
    return home


def copied(data: Path, folder: Path) -> Path:
    """Copy a data folder into another one."""
    shutil.copytree(data, folder / "data")
    return folder


def run(home: Path, data: Path) -> None:
    """Replay until all is published."""
    processing = _opened(home, data)
    planning = replay.plan(processing, ASKED).planning
    processing.work(planning.batch_ids, wait_for_others=True)
    assert failures_of(planning, processing.review(planning.batch_ids)) == []
    processing.close()


def inspect(home: Path, data: Path) -> dict[str, Any]:
    """Content, before and after a janitor; counts, corrections, and whether processing finds all of it current."""
    content = sweep_home.content(home, data)
    swept = sweep_home.janitor(home, data).files
    processing = _opened(home, data)
    batches = processing.ledger.batches.currents("orders").values()
    reports = processing.review([batch.id for batch in batches])
    said = {
        "content": content,
        "kept": sweep_home.content(home, data) == content,
        "unnamed": sweep_home.unnamed_files(data),
        "conserved": all(r.counts.items == r.rows + r.counts.filtered + r.dead_letters for r in reports),
        "items": sum(report.counts.items for report in reports),
        "corrections": [each.records for each in processing.ledger.corrections.of_pipeline("orders")],
        "swept": swept,
    }
    processing.close()
    return {**said, "current": len(sweep_home.run(home, data, ReplayPool)) == len(sweep_home.MONTHS)}


def written(content: dict[str, Any]) -> int:
    """Rows of the table."""
    return len([json.loads(row) for row in content["orders"]])


def _opened(home: Path, data: Path) -> Processing:
    return Processing(sweep_home.settings_of(home, data), clock=SystemClock(), make_pool=ReplayPool)
