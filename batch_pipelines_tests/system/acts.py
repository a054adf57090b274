"""What forked children do (zygote.py): each is called with paths, and answers with JSON, or None."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import batch_pipelines.processing.working.chunk as chunk_work
from batch_pipelines.core.settings import load_settings
from batch_pipelines.core.workers.inline import InlinePool
from batch_pipelines.items.pipeline import Items
from batch_pipelines.items.planning import ItemOrder
from batch_pipelines.processing.pipeline import Processing
from batch_pipelines_tests.system import delivery_kills, mail_role, replay_home, sweep_home, write_mode_home
from batch_pipelines_tests.system.differences import differences

Work = Callable[[dict[str, Any]], dict[str, Any]]


def run(home: Path, data: Path) -> None:
    """Plan and work until all is published."""
    sweep_home.run(home, data)


def run_among_others(home: Path, data: Path) -> None:
    """The same, but others may get ahead of it."""
    sweep_home.run(home, data, forgiving=True)


def content(home: Path, data: Path) -> dict[str, Any]:
    """All rows and dead letters."""
    return sweep_home.content(home, data)


def deliver(home: Path) -> dict[str, int]:
    """Deliver a report to all its recipients."""
    return delivery_kills.deliver(home)


def janitor(home: Path, data: Path) -> int:
    """Sweep; how many files."""
    return sweep_home.janitor(home, data).files


def inspect(home: Path, data: Path, reference: Path) -> dict[str, Any]:
    """Look at everything that must hold when a run has come to its end: what is wrong, files swept."""
    expected = json.loads(reference.read_text())
    wrong = differences(sweep_home.content(home, data), expected)
    swept, again = sweep_home.janitor(home, data), sweep_home.janitor(home, data)
    wrong += [f"the second janitor swept {again.files}"] if again.files else []
    wrong += [f"{name} was not swept" for name in sweep_home.unnamed_files(data)]
    before = len(chunks_begun(data.parent))
    wrong += [] if len(sweep_home.run(home, data)) == len(sweep_home.MONTHS) else ["it is not current"]
    wrong += ["the second run worked"] if len(chunks_begun(data.parent)) != before else []
    wrong += [f"{what} after the janitor" for what in differences(sweep_home.content(home, data), expected)]
    return {"wrong": wrong, "orphans": swept.files}


def export(home: Path, environ: Path) -> None:
    """Export `orders`, with the environment that a file holds."""
    settings = load_settings(json.loads(environ.read_text()), home)
    processing = Processing(settings)
    try:
        failures = processing.export("orders").failures
    finally:
        processing.close()
    assert failures == [], failures


def process(home: Path, environ: Path) -> None:
    """Process `sales`, with the environment that a file holds."""
    settings = load_settings(json.loads(environ.read_text()), home)
    processing = Processing(settings, make_pool=InlinePool)
    try:
        processing.run("sales")
    finally:
        processing.close()


def log_chunks(folder: Path) -> None:
    """Note every chunk that this process begins, in a file that outlives it."""
    log, work_chunk = folder / "chunks.log", chunk_work.work_chunk

    def logged(payload: dict[str, Any]) -> dict[str, Any]:
        with log.open("a") as file:
            file.write(f"{payload['dataset']}/{payload['partition']} {payload['chunk']['start']} {payload['items']}\n")
        return work_chunk(payload)

    chunk_work.work_chunk = logged


def chunks_begun(folder: Path) -> list[str]:
    """The chunks that were begun by the children of a folder, in order."""
    log = folder / "chunks.log"
    return log.read_text().splitlines() if log.exists() else []


def work_items(home: Path) -> int:
    """Have the numbers of `items.json` processed by `shop_items:work`; how many came back."""
    settings = load_settings({"BP_HOME": str(home), "BP_DATA": str(home / "data")}, home)
    items = Items(settings, make_pool=InlinePool)
    try:
        report = items.run(ItemOrder("items.json", "shop_items:work", chunk_size=4))
    finally:
        items.close()
    return report.processed


def mail(home: Path, what: Path) -> dict[str, Any]:
    """Do something with the one campaign of a home; `what` names a function of mail_role.py."""
    done: dict[str, Any] = getattr(mail_role, what.name)(home)
    return done


def write_rows_of(home: Path, data: Path, name: Path) -> None:
    """Process a dataset of write_mode_home.py until all is published."""
    write_mode_home.run(home, data, name.name)


def merge_parts_of(home: Path, data: Path, name: Path) -> None:
    """Compact its table."""
    write_mode_home.merge(home, data, name.name)


def find_rows_of(home: Path, data: Path, name: Path) -> dict[str, Any]:
    """What its table holds, and whether all is as it must be."""
    return write_mode_home.found(home, data, name.name)


def replay_orders(home: Path, data: Path) -> None:
    """Replay the dead letters of replay_home.py until all is published."""
    replay_home.run(home, data)


def inspect_replay(home: Path, data: Path) -> dict[str, Any]:
    """Look at everything that must hold when that has come to its end."""
    return replay_home.inspect(home, data)


def orders_content(home: Path, data: Path) -> dict[str, Any]:
    """All rows and dead letters of the orders."""
    return sweep_home.content(home, data)
