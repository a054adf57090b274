"""An item job killed at every point that it passes: each item's result is there once."""

import json
from pathlib import Path

from batch_pipelines_tests.ledgers import copied
from batch_pipelines_tests.system.forks import forks

ITEMS = list(range(10))
PROCESSOR = """\
import os
from pathlib import Path


def work(item):
    handle = os.open(Path(__file__).with_name("calls"), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, f"{item}\\n".encode())
    os.close(handle)
    return item + 100
"""


def _home(folder: Path, blank_ledger: Path) -> Path:
    (folder / "data").mkdir(parents=True)
    copied(blank_ledger, folder / "data")
    (folder / "shop_items.py").write_text(PROCESSOR)
    (folder / "items.json").write_text(json.dumps(ITEMS))
    return folder


def test_killed_at_any_point_every_item_has_one_result_and_none_is_called_twice(
    tmp_path: Path, blank_ledger: Path
) -> None:
    kills = 0
    with forks() as children:
        for nth in range(1, 60):
            home = _home(tmp_path / str(nth), blank_ledger)
            if not children.child("work_items", home, folder=home, fault=f"kill@any:{nth}").wait().killed:
                break
            kills += 1
            assert children.child("work_items", home, folder=home).wait().answer == len(ITEMS)
            (results,) = (home / "data" / "items" / "results").glob("[!.]*/results.jsonl")
            lines = [json.loads(line) for line in results.read_text().splitlines()]
            assert lines == [{"index": item, "result": item + 100} for item in ITEMS]
            calls = (home / "calls").read_text().splitlines()
            assert sorted(calls, key=int) == [str(item) for item in ITEMS]
    assert kills > 15
