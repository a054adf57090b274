"""A deployment with a module of processors of its own; every call of one leaves a line in `calls`."""

import json
import secrets
from pathlib import Path
from typing import Any

from batch_pipelines.core.clock import FakeClock
from batch_pipelines.core.settings import load_settings
from batch_pipelines.core.workers.inline import InlinePool
from batch_pipelines.items.pipeline import ItemReport, Items
from batch_pipelines.items.planning import ItemOrder

PREAMBLE = """\
import os
import time
from pathlib import Path

from batch_pipelines.core.errors import PermanentError

CALLS = Path({calls!r})


def called(item):
    with CALLS.open("a") as stream:
        stream.write(f"{{item}}\\n")
    return CALLS.read_text().splitlines().count(str(item))


"""


class Workshop:
    """One deployment; workers are this process unless `processes` are asked for."""

    def __init__(self, home: Path, *, processes: bool = False) -> None:
        self.home = home
        self.module = f"shop_{secrets.token_hex(4)}"
        settings = load_settings({"BP_HOME": str(home), "BP_DATA": str(home / "data")}, home)
        self.items = Items(settings) if processes else Items(settings, clock=FakeClock(), make_pool=InlinePool)
        self._calls = home / "calls"
        self._calls.touch()

    def define(self, body: str) -> str:
        """Write a processor `work(item)`; return its name."""
        text = PREAMBLE.format(calls=str(self._calls)) + body
        (self.home / f"{self.module}.py").write_text(text)
        return f"{self.module}:work"

    def run(self, items: Any, processor: str, **options: Any) -> ItemReport:
        """Have items processed."""
        return self.items.run(ItemOrder(items, processor, **options))

    def calls(self) -> list[str]:
        """Every item that a processor was called with, in order of calls."""
        return self._calls.read_text().splitlines()


def results_of(report: ItemReport) -> list[Any]:
    """The results, in order."""
    lines = [json.loads(line) for line in report.results.read_bytes().splitlines()]
    assert [line["index"] for line in lines] == sorted(line["index"] for line in lines)
    return [line["result"] for line in lines]


def letters_of(report: ItemReport) -> dict[int, str]:
    """Why items are dead letters, by number."""
    if report.dead_letters is None:
        return {}
    lines = [json.loads(line) for line in report.dead_letters.read_bytes().splitlines()]
    return {line["index"]: line["error"] for line in lines}
