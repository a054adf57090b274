"""The two peers: a table of which one row in a hundred is a dead letter, and a reference that makes them good."""

import json
from pathlib import Path
from random import Random

from batch_pipelines.core.settings import Settings, load_settings
from batch_pipelines.lake.delta import files_by_partition, table_path
from batch_pipelines.processing.pipeline import Processing
from batch_pipelines.processing.replaying import replay
from batch_pipelines.processing.replaying.replay import Replay
from batch_pipelines.processing.reports import failures_of
from benchmarks.measure import Json, PeerFailed

BAD_EVERY = 100
ITEMS = {
    "source": "items.csv",
    "columns": {"sku": {"type": "string", "required": True}},
}
ORDERS = {
    "source": "orders.csv",
    "key": "id",
    "columns": {
        "id": {"type": "int", "required": True},
        "day": {"type": "date", "required": True},
        "sku": {"type": "string", "required": True, "in": "items.sku"},
        "price": {"type": "float", "min": 0},
        "note": "string",
    },
}


def prepare(job: Json) -> Json:
    """Process `rows` orders, a hundredth of an unknown item; then the item arrives."""
    home, dice = Path(job["folder"]), Random(job["seed"])
    for name, attributes in (("items", ITEMS), ("orders", ORDERS)):
        folder = home / "defs" / name
        folder.mkdir(parents=True)
        document = {"type": "batch_pipelines.components.Dataset", "attributes": attributes}
        (folder / "defs.yaml").write_text(json.dumps(document))
    _write_items(home, [])
    with (home / "orders.csv").open("w", encoding="utf-8") as file:
        file.write("id,day,sku,price,note\n")
        for number in range(job["rows"]):
            sku = "new" if number % BAD_EVERY == BAD_EVERY // 2 else f"sku-{dice.randrange(1000)}"
            price, note = dice.randrange(100_000) / 100, f"order {dice.getrandbits(64):x}"
            file.write(
                f"{number},2013-{dice.randrange(12) + 1:02d}-{dice.randrange(28) + 1:02d},{sku},{price},{note}\n"
            )
    processing = Processing(_settings(home))
    (report,) = processing.run("orders")
    _write_items(home, ["new"])
    processing.run("items")
    processing.close()
    return {"rows": report.rows, "dead": report.dead_letters}


def run_replay(job: Json) -> Json:
    """Replay all dead letters."""
    home = Path(job["folder"])
    before = _table(home)
    processing = Processing(_settings(home))
    planning = replay.plan(processing, Replay("orders")).planning
    processing.work(planning.batch_ids, wait_for_others=True)
    reports = processing.review(planning.batch_ids)
    processing.close()
    if failures := failures_of(planning, reports):
        raise PeerFailed("; ".join(failures))
    return _came(home, before, reports[0].rows)


def run_again(job: Json) -> Json:
    """Process the whole partition again."""
    home = Path(job["folder"])
    before = _table(home)
    processing = Processing(_settings(home))
    (report,) = processing.run("orders", force=True)
    processing.close()
    return _came(home, before, report.rows)


def _came(home: Path, before: dict[str, int], rows: int) -> Json:
    """What is in the table now, and what of it was written since."""
    after = _table(home)
    new = sum(size for name, size in after.items() if name not in before)
    return {"rows": rows, "table_bytes": sum(before.values()), "new_bytes": new, "kept": before.keys() <= after.keys()}


def _table(home: Path) -> dict[str, int]:
    folder = table_path(home / "data", "orders")
    return {name: (folder / name).stat().st_size for name in files_by_partition(folder, "all")}


def _write_items(home: Path, more: list[str]) -> None:
    skus = [*(f"sku-{number}" for number in range(1000)), *more]
    (home / "items.csv").write_text("sku\n" + "".join(f"{sku}\n" for sku in skus))


def _settings(home: Path) -> Settings:
    return load_settings({"BP_HOME": str(home), "BP_DATA": str(home / "data"), "BP_DEFS": str(home / "defs")}, home)
