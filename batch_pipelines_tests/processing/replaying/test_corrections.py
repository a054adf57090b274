"""Corrections of dead letters are remembered by content and record; accepted letters are left alone."""

import os

import pytest

from batch_pipelines.core.errors import ConfigError
from batch_pipelines.processing import standing
from batch_pipelines.processing.dead_letters.selection import Wanted
from batch_pipelines.processing.replaying import replay
from batch_pipelines.processing.replaying.replay import Replay
from batch_pipelines.processing.tables.contributing import contributing
from batch_pipelines.processing.tables.janitor import Swept, sweep
from batch_pipelines_tests.processing.datasets import Project, reasons
from batch_pipelines_tests.processing.replaying.replays import SALES, SHOP, became, dead, ids, replayed, sold


@pytest.fixture
def shop(project: Project) -> Project:
    return sold(project)


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
