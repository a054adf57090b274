"""Dead letters that come back: tried again against newer references; nothing doubled, nothing lost."""

import pytest

from batch_pipelines.core.errors import ConfigError
from batch_pipelines.core.model import BatchState
from batch_pipelines.processing.dead_letters.selection import Wanted
from batch_pipelines.processing.replaying import replay
from batch_pipelines.processing.replaying.replay import Replay
from batch_pipelines_tests.processing.datasets import Project
from batch_pipelines_tests.processing.replaying.replays import (
    CITIES,
    SALES,
    SHOP,
    add_city,
    became,
    dead,
    ids,
    replayed,
    sold,
)


@pytest.fixture
def shop(project: Project) -> Project:
    return sold(project)


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


def test_an_unknown_partition_is_refused(shop: Project) -> None:
    with pytest.raises(ConfigError, match="no published partition '2013-01'; there are all to all"):
        replay.plan(shop.processing, Replay("shop", partitions=["2013-01"]))
