"""A shop whose sales have dead letters, and replays of them. What must not live here: expectations."""

from typing import Any

from batch_pipelines.processing.dead_letters.selection import Wanted
from batch_pipelines.processing.replay_reports import Became
from batch_pipelines.processing.replaying import replay
from batch_pipelines.processing.replaying.replay import Replay
from batch_pipelines.processing.reports import BatchReport, failures_of
from batch_pipelines_tests.processing.datasets import Project, reasons

SHOP = """
source: in/sales.csv
key: id
columns:
  id: {type: int, required: true}
  city: {type: string, in: cities.city}
  price: {type: float, min: 0}
"""
CITIES = "source: in/cities.csv\ncolumns: {city: string}"
SALES = "id,city,price\n1,rome,5\n2,oslo,6\n3,rome,-7\n4,bern,8\n5,oslo,x\n6,rome,9\n"


def sold(project: Project) -> Project:
    """Declare and process it: two sales are good, four are not."""
    project.declare("cities", CITIES)
    project.declare("shop", SHOP)
    project.write("in/cities.csv", "city\nrome\n")
    project.write("in/sales.csv", SALES)
    assert project.one("shop").message == "6 read, 2 written, 4 dead-lettered"
    return project


def became(report: BatchReport) -> Became:
    """What became of the letters."""
    assert report.became is not None
    return report.became


def add_city(project: Project, *cities: str) -> None:
    """Let cities be known, besides Rome."""
    project.write("in/cities.csv", "city\n" + "".join(f"{city}\n" for city in ("rome", *cities)))
    project.run("cities")


def replayed(project: Project, dataset: str = "shop", **asked: Any) -> list[BatchReport]:
    """Replay what is meant; all must come to a good end."""
    conditions = {name: asked.pop(name) for name in ("reason", "where", "accepted") if name in asked}
    planned = replay.plan(project.processing, Replay(dataset, wanted=Wanted(**conditions), **asked))
    assert planned.planning.problems == {}
    reports = project.work(planned.planning)
    assert failures_of(planned.planning, reports) == []
    return reports


def ids(project: Project) -> list[int]:
    """Of the rows in the table."""
    return [row["id"] for row in project.rows("shop")]


def dead(project: Project) -> list[tuple[int, list[str]]]:
    """Line and reasons of every dead letter."""
    return [(letter["line"], reasons(letter)) for letter in project.dead("shop")]
