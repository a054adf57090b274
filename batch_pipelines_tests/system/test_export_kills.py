"""Exports that are killed, at every point and anywhere: each row is there once, and never half of a publication."""

import json
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from batch_pipelines_tests.processing.datasets import Project
from batch_pipelines_tests.processing.export.targets import HEADER, exporting, held, lines, query
from batch_pipelines_tests.servers import PostgresServer
from batch_pipelines_tests.system.forks import Forks, forks
from batch_pipelines_tests.system.memory_folder import memory_folder

KILLS = 20
ROWS = 40
TARGETS = "[{table: orders, connection: mart}, {csv: out/orders.csv}]"
SEED = 20261124


@pytest.fixture(scope="module")
def children() -> Iterator[Forks]:
    with forks() as made:
        yield made


@pytest.fixture(params=["sqlite", "postgresql"])
def mart(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/mart.db"
        return
    server: PostgresServer = request.getfixturevalue("postgres_instance")
    with server.database() as database:
        yield database.url


class Trial:
    """A project that publishes one set of orders after the other, and children that export them."""

    def __init__(self, folder: Path, mart: str, children: Forks) -> None:
        (folder / "data").mkdir()
        self.folder = folder
        self.mart = mart
        self.project: Project = exporting(folder, TARGETS, mart=mart)
        yaml = folder / "defs/orders/defs.yaml"
        yaml.write_text(yaml.read_text() + "  chunk_size: 640\n")
        self.project.reopen()
        self._children = children
        self._environ = folder / "environ.json"
        names = {"BP_HOME": folder, "BP_DATA": folder / "data", "BP_DEFS": folder / "defs"}
        environ = {**{name: str(path) for name, path in names.items()}, "BP_CONNECTION_MART": mart}
        self._environ.write_text(json.dumps(environ))

    def publish(self, number: int) -> list[int]:
        ids = list(range(number * 1000, number * 1000 + ROWS))
        self.project.write("in/orders.csv", lines(*ids))
        self.project.processing.run("orders")
        return ids

    def export(self, fault: str = "") -> tuple[bool, dict[str, int]]:
        """Export in a child: whether it was killed, and the points that it passed if not."""
        child = self._children.child("export", self.folder, self._environ, folder=self.folder, fault=fault)
        ended = child.wait()
        return ended.killed, ended.answer or {}

    def table(self) -> list[int]:
        return held(self.mart).get("all", [])

    def csv(self) -> list[int]:
        found = (self.folder / "out/orders.csv").read_text().splitlines()
        assert found[0] == ",".join(f'"{name}"' for name in HEADER.strip().split(","))
        return [int(line.partition(",")[0]) for line in found[1:]]


def test_an_export_that_is_killed_twenty_times_leaves_each_row_once(mart: str, children: Forks) -> None:
    dice, killed = random.Random(SEED), Counter[str]()
    with memory_folder() as folder:
        trial = Trial(folder, mart, children)
        before = trial.publish(0)
        _, points = trial.export()
        named = [f"kill@{point}:{times}" for point, times in points.items() if point.startswith("export.")]
        # Some of the random ones fall behind the last point; it ends with the twentieth that kills.
        kills = named + [
            f"kill@any:{dice.randint(1, points['any'])}" for _ in range(KILLS)
        ]  # some fall behind the last point
        assert points["export.rows_inserted"] > 2

        for number, kill in enumerate(kills, start=1):
            after = trial.publish(number)
            dead, _ = trial.export(kill)
            killed[kill.partition("@")[2].partition(":")[0]] += dead
            assert trial.table() in (before, after), kill
            assert trial.csv() in (before, after), kill
            assert trial.export()[0] is False
            assert (trial.table(), trial.csv()) == (after, after), kill
            assert query(mart, "SELECT rows FROM bp_exports") == [{"rows": ROWS}]
            before = after
            if killed.total() == KILLS:
                break

        assert killed.total() == KILLS, killed
        assert all(killed[point] for point in points if point.startswith("export.")), killed
        assert [file.name for file in (folder / "out").iterdir()] == ["orders.csv"]
        trial.project.processing.close()
