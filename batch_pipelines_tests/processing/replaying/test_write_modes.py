"""Dead letters that come back into partitions that are appended to, upserted, or were compacted meanwhile."""

from collections.abc import Callable

import pytest

from batch_pipelines.core.clock import SystemClock
from batch_pipelines.lake.delta import files_at, table_path, version
from batch_pipelines.processing.replaying import replay
from batch_pipelines.processing.replaying.replay import Replay
from batch_pipelines.processing.reports import failures_of
from batch_pipelines.processing.tables.compact import compact
from batch_pipelines.processing.tables.janitor import KEEP_VERSIONS, sweep
from batch_pipelines_tests.processing.datasets import Project

SHOP = """
source: in/sales.csv
write: %s
key: id
chunk_size: 14B
columns:
  id: {type: int, required: true}
  city: {type: string, in: cities.city}
"""


@pytest.fixture
def shop(project: Project) -> Project:
    project.declare("cities", "source: in/cities.csv\ncolumns: {city: string}")
    project.write("in/cities.csv", "city\nrome\n")
    return project


def sell(project: Project, rows: str) -> None:
    project.write("in/sales.csv", f"id,city\n{rows}")
    assert project.one("shop").ok


def replayed(project: Project) -> str:
    project.write("in/cities.csv", "city\nrome\noslo\n")
    project.run("cities")
    planned = replay.plan(project.processing, Replay("shop"))
    assert planned.planning.problems == {}
    (report,) = project.work(planned.planning)
    assert failures_of(planned.planning, [report]) == []
    return report.message


def pairs(project: Project) -> list[tuple[int, str]]:
    return sorted((row["id"], row["city"]) for row in project.rows("shop"))


def test_letters_of_what_was_appended_last_are_added_to_all_that_is_there(shop: Project) -> None:
    shop.declare("shop", SHOP % "append")
    sell(shop, "1,rome\n2,oslo\n")
    sell(shop, "3,rome\n4,oslo\n1,oslo\n")
    before = shop.live("shop")
    replayed(shop)
    assert before < shop.live("shop")
    assert (1, "rome") in pairs(shop)
    assert [pair for pair in pairs(shop) if pair[0] in (1, 3, 4)] == [(1, "rome"), (3, "rome"), (4, "oslo")]
    sell(shop, "5,rome\n")
    assert len(pairs(shop)) == len({pair[0] for pair in pairs(shop)})


def test_letters_of_an_upsert_take_the_place_of_older_rows_of_their_keys(shop: Project) -> None:
    shop.declare("shop", SHOP % "upsert")
    sell(shop, "1,rome\n2,rome\n")
    sell(shop, "2,oslo\n3,rome\n")
    assert pairs(shop) == [(1, "rome"), (2, "rome"), (3, "rome")]
    replayed(shop)
    assert pairs(shop) == [(1, "rome"), (2, "oslo"), (3, "rome")]


def many_versions_later(project: Project) -> None:
    """Until no version that is kept names the parts that were merged."""
    path = table_path(project.data, "shop")
    for n in range(KEEP_VERSIONS + 1):
        project.write("in/other.csv", f"id,city\n{n},rome\n")
        project.run("shop", ["other"])
    sweep(project.data, project.processing.ledger, "shop")
    assert all((path / name).exists() for name in files_at(path, version(path) or 0))


@pytest.mark.parametrize("later", [lambda _: None, many_versions_later], ids=["at once", "versions later"])
def test_a_replay_after_a_compaction_loses_and_doubles_nothing(shop: Project, later: Callable[[Project], None]) -> None:
    shop.declare("shop", (SHOP % "replace").replace("in/sales.csv", "in/*.csv\npartitions: file"))
    shop.declare("cities", "source: cities.csv\ncolumns: {city: string}")
    shop.write("cities.csv", "city\nrome\n")
    (shop.home / "in" / "cities.csv").unlink()
    shop.write("in/sales.csv", "id,city\n1,rome\n2,oslo\n3,rome\n4,rome\n")
    assert shop.run("shop", ["sales"])[0].ok
    compact(shop.data, shop.processing.ledger, "shop", SystemClock())
    assert len(shop.live("shop", "sales")) == 1
    later(shop)
    shop.write("cities.csv", "city\nrome\noslo\n")
    shop.run("cities")
    planned = replay.plan(shop.processing, Replay("shop", ["sales"]))
    (report,) = shop.work(planned.planning)
    assert report.ok, report.message
    rows = sorted(row["id"] for row in shop.table("shop") if row["_partition"] == "sales")
    assert rows == [1, 2, 3, 4]
    compact(shop.data, shop.processing.ledger, "shop", SystemClock(), ["sales"])
    assert len(shop.live("shop", "sales")) == 1
    assert rows == sorted(row["id"] for row in shop.table("shop") if row["_partition"] == "sales")
