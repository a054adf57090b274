"""Runs of a query that are killed while they freeze and work its rows: each row is there once, in one extract."""

import json
import random

from batch_pipelines_tests.processing.databases import asking, extracts
from batch_pipelines_tests.processing.export.targets import execute
from batch_pipelines_tests.system.forks import forks
from batch_pipelines_tests.system.memory_folder import memory_folder

ROWS = 60
KILLS = 12
SEED = 20261124


def test_a_run_of_a_query_that_is_killed_anywhere_comes_to_the_same_table() -> None:
    dice, killed, points = random.Random(SEED), list[str](), dict[str, int]()
    with memory_folder() as folder, forks() as children:
        url = f"sqlite:///{folder}/shop.db"
        values = ", ".join(f"({n}, 'sale {n}')" for n in range(ROWS))
        execute(url, "CREATE TABLE sales (id INTEGER, name TEXT)", f"INSERT INTO sales VALUES {values}")
        waiting = [""]
        for trial in range(KILLS + 1):
            home = folder / f"trial-{trial}"
            (home / "data").mkdir(parents=True)
            project = asking(home, url, "select id, name from sales", "columns: {id: int, name: string}\nkey: id\n")
            project.processing.close()
            places = {"BP_HOME": home, "BP_DATA": home / "data", "BP_DEFS": home / "defs"}
            environ = {**{name: str(path) for name, path in places.items()}, "BP_CONNECTION_SHOP": url}
            (home / "environ.json").write_text(json.dumps(environ))
            fault = waiting[trial]
            ended = children.child("process", home, home / "environ.json", folder=home, fault=fault).wait()
            if not fault:
                points = ended.answer
                waiting += [f"kill@{point}:1" for point in points if point.startswith("extract.")]
                waiting += [f"kill@any:{dice.randint(1, points['any'])}" for _ in range(KILLS)]
            else:
                killed += [fault] if ended.killed else []
                assert not children.child("process", home, home / "environ.json", folder=home).wait().killed
            assert sorted(row["id"] for row in project.rows("sales")) == list(range(ROWS)), fault
            whole = [file for file in extracts(project) if not file.name.startswith(".")]
            assert len(whole) == 1, fault
    assert len(killed) >= KILLS - 2
    assert any("extract." in fault for fault in killed)
