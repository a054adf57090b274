"""Dead letters that come back: replayed against newer references, corrected, accepted; nothing doubled or lost."""

import os
from typing import Any

import pytest

from batch_pipelines.core.errors import ConfigError
from batch_pipelines.core.model import BatchState
from batch_pipelines.processing import replay, standing
from batch_pipelines.processing.replay import Replay
from batch_pipelines.processing.replay_reports import Became
from batch_pipelines.processing.reports import BatchReport, failures_of
from batch_pipelines.processing.selection import Wanted
from batch_pipelines.processing.tables.contributing import contributing
from batch_pipelines.processing.tables.janitor import Swept, sweep
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


@pytest.fixture
def shop(project: Project) -> Project:
    project.declare("cities", CITIES)
    project.declare("shop", SHOP)
    project.write("in/cities.csv", "city\nrome\n")
    project.write("in/sales.csv", SALES)
    assert project.one("shop").message == "6 read, 2 written, 4 dead-lettered"
    return project


def became(report: BatchReport) -> Became:
    assert report.became is not None
    return report.became


def add_city(project: Project, *cities: str) -> None:
    project.write("in/cities.csv", "city\n" + "".join(f"{city}\n" for city in ("rome", *cities)))
    project.run("cities")


def replayed(project: Project, dataset: str = "shop", **asked: Any) -> list[BatchReport]:
    conditions = {name: asked.pop(name) for name in ("reason", "where", "accepted") if name in asked}
    planned = replay.plan(project.processing, Replay(dataset, wanted=Wanted(**conditions), **asked))
    assert planned.planning.problems == {}
    reports = project.work(planned.planning)
    assert failures_of(planned.planning, reports) == []
    return reports


def ids(project: Project) -> list[int]:
    return [row["id"] for row in project.rows("shop")]


def dead(project: Project) -> list[tuple[int, list[str]]]:
    return [(letter["line"], reasons(letter)) for letter in project.dead("shop")]


def test_letters_that_are_good_by_now_are_written_beside_the_parts_that_are_there(shop: Project) -> None:
    before = shop.live("shop")
    add_city(shop, "oslo")
    (report,) = replayed(shop)
    assert report.message.startswith("6 read, 3 written, 3 dead-lettered")
    assert str(became(report)) == (
        "4 dead letters tried: 1 written, 3 still dead (min: price 1, reference: city 1, type: price 1)"
    )
    assert ids(shop) == [1, 2, 6]
    assert dead(shop) == [(4, ["min: price"]), (5, ["reference: city"]), (6, ["type: price"])]
    assert before < shop.live("shop")
    assert (report.generation, report.publication) == (2, 2)


def test_a_replayed_partition_is_current(shop: Project) -> None:
    add_city(shop, "oslo")
    replayed(shop)
    planning = shop.plan("shop")
    assert planning.current == planning.batch_ids
    assert len(shop.batches("shop")) == 2


def test_letters_that_are_not_meant_stay_as_they_are(shop: Project) -> None:
    add_city(shop, "oslo", "bern")
    before = shop.dead("shop")
    (report,) = replayed(shop, reason="in: city", where="line = 5")
    assert str(became(report)) == "1 dead letter tried: 1 written, 0 still dead"
    assert ids(shop) == [1, 4, 6]
    assert shop.dead("shop") == [letter for letter in before if letter["line"] != 5]


@pytest.mark.parametrize(
    ("where", "lines"),
    [
        ("city = 'oslo'", [3, 6]),
        ("try_cast(price as int) is null", [6]),
        ("raw like '%bern%'", [5]),
        ("reasons[1].rule = 'min'", [4]),
        ("record in (2, 3) and source like 'in/%' and partition = 'all'", [3, 4]),
    ],
)
def test_a_condition_sees_letter_and_record(shop: Project, where: str, lines: list[int]) -> None:
    found = replay.look(shop.processing, Replay("shop", wanted=Wanted(where=where)))
    assert [record + 1 for _, record in found.looks["all"].records] == lines
    assert (found.tried, found.letters) == (len(lines), 4)


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("nonsense", 'where: Binder Error: Referenced column "nonsense" not found'),
        ("line", "where: gives int64, not true or false"),
        ("price::int > 0", r"where: in/sales.csv:6: cannot be computed: .*try\(…\) gives null"),
        ("exists (select 1)", "where: has a subquery"),
        ("read_text('/etc/passwd') = ''", "where: "),
    ],
)
def test_a_condition_that_cannot_be_is_refused_and_nothing_is_done(shop: Project, where: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        replay.plan(shop.processing, Replay("shop", wanted=Wanted(where=where)))
    assert len(shop.batches("shop")) == 1


def test_nothing_selected_plans_nothing(shop: Project) -> None:
    planned = replay.plan(shop.processing, Replay("shop", wanted=Wanted(reason="no such")))
    assert (planned.tried, planned.planning.batch_ids) == (0, [])
    assert len(shop.batches("shop")) == 1


def test_a_corrected_record_is_written_as_corrected(shop: Project) -> None:
    (report,) = replayed(shop, reason="price", changes={"price": "abs(try_cast(price as double))"}, who="ann")
    assert str(became(report)) == "2 dead letters tried: 1 written, 1 still dead (reference: city 1)"
    assert [row for row in shop.rows("shop") if row["id"] == 3] == [{"id": 3, "city": "rome", "price": 7.0}]
    letter = next(each for each in shop.dead("shop") if each["line"] == 6)
    assert letter["raw"] == b"5,oslo,x"
    assert letter["corrected"] == [{"column": "price", "value": None}]


def test_a_correction_that_cannot_be_computed_is_the_letter_s_reason(shop: Project) -> None:
    replayed(shop, where="line = 6", changes={"price": "price::int"})
    assert (6, ["correction: price", "type: price", "reference: city"]) in dead(shop)


def test_corrections_stay_from_a_to_b_to_a(shop: Project) -> None:
    replayed(shop, where="line = 4", changes={"price": "'7'"})
    corrected, letters = shop.rows("shop"), shop.dead("shop")
    assert [row["price"] for row in corrected if row["id"] == 3] == [7.0]
    shop.one("shop", force=True)
    assert shop.rows("shop") == corrected
    assert dead(shop) == [(each["line"], reasons(each)) for each in letters]
    shop.write("in/sales.csv", "id,city,price\n3,rome,-7\n")
    assert shop.one("shop").message == "1 read, 0 written, 1 dead-lettered"
    shop.write("in/sales.csv", SALES)
    report = shop.one("shop")
    assert shop.rows("shop") == corrected
    assert report.message == "6 read, 3 written, 3 dead-lettered"
    (correction,) = shop.processing.ledger.corrections.of_pipeline("shop")
    shop.processing.ledger.corrections.discard("shop", [correction.id])
    assert shop.one("shop").message == "6 read, 2 written, 4 dead-lettered"
    assert shop.one("shop").publication == report.publication + 1


def test_a_discarded_correction_of_a_row_in_the_table_wants_the_whole_partition(shop: Project) -> None:
    replayed(shop, where="line = 4", changes={"price": "'7'"})
    shop.processing.ledger.corrections.discard("shop", [1])
    planned = replay.plan(shop.processing, Replay("shop"))
    assert planned.planning.problems == {
        "all": "corrections of 1 records that are in the table were made or discarded: "
        "process it again; bp process shop all"
    }


def test_a_letter_whose_correction_changed_is_tried_even_if_it_is_not_meant(shop: Project) -> None:
    replayed(shop, where="line = 4", changes={"price": "'-8'"})
    (report,) = replayed(shop, where="line = 5", changes={"city": "'rome'"})
    assert became(report).written == 1
    shop.processing.ledger.corrections.discard("shop", [1])
    shop.processing.ledger.corrections.add("shop", {"price": "'8'"}, [_record(shop, 3)], who="ann", note=None)
    (report,) = replayed(shop, where="line = 6")
    assert (became(report).tried, became(report).written) == (2, 1)
    assert ids(shop) == [1, 3, 4, 6]


def _record(project: Project, number: int) -> tuple[str, int]:
    return project.batches("shop")[0].plan["files"][0]["sha256"], number


def test_a_replayed_row_whose_key_is_in_the_table_stays_a_dead_letter(shop: Project) -> None:
    live = shop.live("shop")
    replayed(shop, where="line in (3, 4)", changes={"id": "6", "city": "'rome'", "price": "1"})
    assert shop.live("shop") == live
    assert [row["price"] for row in shop.rows("shop")] == [5.0, 9.0]
    letters = [each for each in shop.dead("shop") if each["line"] in (3, 4)]
    assert [each["reasons"][0]["message"] for each in letters] == [
        "is the key of in/sales.csv:7, too, which is in the table"
    ] * 2
    assert letters[0]["raw"] == b"2,oslo,6"
    assert {each["column"]: each["value"] for each in letters[0]["corrected"]} == {
        "id": "6", "city": "rome", "price": "1.0"
    }  # fmt: skip


def test_of_two_replayed_rows_with_one_key_the_first_wins(shop: Project) -> None:
    replayed(shop, where="line in (3, 4)", changes={"id": "9", "city": "'rome'", "price": "1"})
    assert ids(shop) == [1, 9, 6]
    letter = next(each for each in shop.dead("shop") if each["line"] == 4)
    assert letter["reasons"][0]["message"] == "is the key of in/sales.csv:3, too, which comes first"


def test_a_replay_of_a_replay_carries_everything_over(shop: Project) -> None:
    add_city(shop, "oslo")
    replayed(shop, where="line = 3")
    add_city(shop, "oslo", "bern")
    (report,) = replayed(shop, where="line = 5")
    assert report.message.startswith("6 read, 4 written, 2 dead-lettered")
    assert ids(shop) == [1, 2, 4, 6]
    assert dead(shop) == [(4, ["min: price"]), (6, ["type: price", "reference: city"])]


def test_changed_rules_want_the_whole_partition(shop: Project) -> None:
    shop.declare("shop", SHOP.replace("min: 0", "min: -10"))
    planned = replay.plan(shop.processing, Replay("shop"))
    assert "its rules have changed" in planned.planning.problems["all"]
    assert shop.one("shop").message == "6 read, 3 written, 3 dead-lettered"


def test_a_partition_that_is_being_processed_is_not_replayed(shop: Project) -> None:
    shop.write("in/sales.csv", f"{SALES}7,rome,1\n")
    open_batch = shop.plan("shop")
    planned = replay.plan(shop.processing, Replay("shop"))
    assert planned.planning.problems["all"].startswith("it is being processed (0 of 1 chunks are done)")
    shop.work(open_batch)
    assert shop.batches("shop")[-1].state is BatchState.PUBLISHED


def test_processing_finds_an_open_replay_of_the_same_and_leaves_it(shop: Project) -> None:
    add_city(shop, "oslo")
    planned = replay.plan(shop.processing, Replay("shop"))
    assert shop.plan("shop").current != []
    reports = shop.work(planned.planning)
    assert [report.ok for report in reports] == [True]
    assert ids(shop) == [1, 2, 6]


def test_newer_content_supersedes_a_replay(shop: Project) -> None:
    planned = replay.plan(shop.processing, Replay("shop"))
    shop.write("in/sales.csv", "id,city,price\n1,rome,5\n")
    shop.one("shop")
    (report,) = shop.work(planned.planning)
    assert (report.state, ids(shop)) == (BatchState.SUPERSEDED, [1])


def test_the_same_replay_is_resumed_and_another_is_finished_first(shop: Project) -> None:
    add_city(shop, "oslo", "bern")
    first = replay.plan(shop.processing, Replay("shop", wanted=Wanted(where="line = 3")))
    again = replay.plan(shop.processing, Replay("shop", wanted=Wanted(where="line = 3")))
    assert again.planning.batch_ids == first.planning.batch_ids
    replayed(shop, where="line = 5")
    assert ids(shop) == [1, 2, 4, 6]
    assert shop.states("shop") == [BatchState.PUBLISHED] * 3


def test_a_retry_of_the_run_does_not_try_again_what_it_has_published(shop: Project) -> None:
    first = replayed(shop, root_run="run-1")
    again = replayed(shop, root_run="run-1")
    assert [each.batch_id for each in again] == [each.batch_id for each in first]
    assert replayed(shop, root_run="run-2")[0].batch_id != first[0].batch_id


def test_accepted_letters_are_left_alone_and_do_not_count(shop: Project) -> None:
    assert replay.accept(shop.processing, Replay("shop", wanted=Wanted(reason="min"), who="ann", note="known")) == 1
    assert replay.look(shop.processing, Replay("shop")).tried == 3
    assert replay.look(shop.processing, Replay("shop", wanted=Wanted(accepted=True))).tried == 4
    (all_,) = standing.standings(shop.processing, "shop")
    assert all_.published is not None
    assert standing.accepted(shop.processing, all_.published) == 1
    assert replay.unaccept(shop.processing, Replay("shop", wanted=Wanted(accepted=True))) == 1
    assert replay.look(shop.processing, Replay("shop")).tried == 4


def test_accepted_letters_of_a_failed_batch_let_it_pass(project: Project) -> None:
    project.declare("shop", "source: in/s.csv\nmax_reject_rate: 10%\ncolumns: {id: int}")
    project.write("in/s.csv", "id\n1\nx\n3\n")
    assert "more than max_reject_rate" in project.failures("shop")
    replay.accept(project.processing, Replay("shop", wanted=Wanted(reason="type")))
    assert project.one("shop").message == "3 read, 2 written, 1 dead-lettered"


def test_several_files_and_chunks_are_replayed_where_they_are(project: Project) -> None:
    project.declare("cities", CITIES)
    project.declare("shop", SHOP.replace("sales.csv", "*.csv").replace("in/*", "sales/*") + "chunk_size: 12B\n")
    project.write("in/cities.csv", "city\nrome\n")
    for name in "ab":
        rows = "".join(f"{n}{ord(name)},{'oslo' if n % 3 else 'rome'},{n}\n" for n in range(1, 10))
        project.write(f"sales/{name}.csv", f"id,city,price\n{rows}")
    assert project.one("shop").message == "18 read, 6 written, 12 dead-lettered"
    add_city(project, "oslo")
    (report,) = replayed(project, where="source = 'sales/b.csv' and line <> 3")
    assert str(became(report)) == "5 dead letters tried: 5 written, 0 still dead"
    assert report.message.startswith("18 read, 11 written, 7 dead-lettered; ")
    replayed(project)
    whole = project.table("shop")
    project.one("shop", force=True)
    assert project.table("shop") == whole


def test_records_that_cannot_be_split_are_tried_and_stay(shop: Project) -> None:
    shop.write("in/sales.csv", f'{SALES}7,rome\n8,"rome\n')
    shop.one("shop")
    (report,) = replayed(shop, reason="co", changes={"city": "'rome'"})
    assert became(report).written == 0
    assert [each["raw"] for each in shop.dead("shop")][-2:] == [b"7,rome", b'8,"rome']


def test_a_column_that_there_is_not_is_refused(shop: Project) -> None:
    with pytest.raises(ConfigError, match="set town: there is no such column; the records have id, city, price"):
        replay.plan(shop.processing, Replay("shop", changes={"town": "'x'"}))
    assert shop.processing.ledger.corrections.of_pipeline("shop") == []


def test_an_unknown_partition_is_refused(shop: Project) -> None:
    with pytest.raises(ConfigError, match="no published partition '2013-01'; there are all to all"):
        replay.plan(shop.processing, Replay("shop", partitions=["2013-01"]))


def test_the_janitor_keeps_what_a_replay_reads_and_what_the_next_one_compares(shop: Project) -> None:
    replayed(shop, where="line = 4", changes={"price": "'7'"})
    planned = replay.plan(shop.processing, Replay("shop", wanted=Wanted(where="line = 5")))
    age(shop)
    swept(shop)
    (report,) = shop.work(planned.planning)
    assert report.ok
    swept(shop)
    assert list((shop.data / "staging").rglob("*.letters.parquet")) == []
    assert became(replayed(shop, where="line = 6")[0]).tried == 1
    assert swept(shop).files


def age(project: Project) -> None:
    for file in [*(project.data / "staging").rglob("*.parquet"), *(project.data / "corrections").rglob("*.parquet")]:
        os.utime(file, (0, 0))


def swept(project: Project) -> Swept:
    age(project)
    return sweep(project.data, project.processing.ledger, "shop")


def test_an_appended_batch_counts_once_whatever_was_corrected_in_it(shop: Project) -> None:
    shop.declare("shop", f"{SHOP}write: append\n")
    shop.write("in/sales.csv", "id,city,price\n7,rome,-1\n")
    shop.one("shop")
    replayed(shop, where="id = '7'", changes={"price": "1"})
    there = contributing(shop.processing.ledger, "shop")["all"]
    assert sum(report.rows for report in shop.processing.review([each.id for each in there])) == len(shop.rows("shop"))
    planning = shop.plan("shop")
    assert planning.current == planning.batch_ids
    assert 7 in ids(shop)
