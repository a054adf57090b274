"""`write: append` and `write: upsert`: what is added once, what is replaced, what is refused."""

import pytest

from batch_pipelines.components.dataset.checks import check_dataset, row_count
from batch_pipelines.core.errors import ConfigError
from batch_pipelines.core.faults import arm
from batch_pipelines.core.model import BatchState
from batch_pipelines.lake import commits
from batch_pipelines.lake.delta import table_path, version
from batch_pipelines.processing.reports import Planning
from batch_pipelines.processing.standing import dead_letters, standings
from batch_pipelines.processing.tables import publish as publishing
from batch_pipelines.processing.tables.contributing import contributing
from batch_pipelines.processing.tables.janitor import sweep
from batch_pipelines.processing.workload import DatasetWorkload
from batch_pipelines_tests.processing.datasets import Project, reasons

EVENTS = "source: in/*.csv\nwrite: append\ncolumns: {id: {type: int, required: true}, city: string}"
STOCK = "source: in/stock.csv\nwrite: upsert\nkey: id\ncolumns: {id: {type: int, required: true}, city: string}"
A, B = "id,city\n1,a\n2,a\n", "id,city\n2,b\n3,b\n"
Pairs = list[tuple[int, str]]


def pairs(project: Project, dataset: str = "shop") -> Pairs:
    return sorted((row["id"], row["city"]) for row in project.rows(dataset))


def given(project: Project, content: str, name: str = "shop.csv") -> None:
    project.write(f"in/{name}", content)
    assert project.one("shop").ok


@pytest.fixture
def shop(project: Project) -> Project:
    project.declare("shop", EVENTS)
    return project


@pytest.fixture
def stock(project: Project) -> Project:
    project.declare("stock", STOCK)
    return project


def stocked(project: Project, content: str) -> None:
    project.write("in/stock.csv", content)
    assert project.one("stock").ok


def test_a_batch_adds_to_its_partition(shop: Project) -> None:
    given(shop, A)
    before = shop.live("shop")
    given(shop, B)
    assert pairs(shop) == [(1, "a"), (2, "a"), (2, "b"), (3, "b")]
    assert before < shop.live("shop")


def test_the_same_content_is_added_once_whatever_was_added_in_between(shop: Project) -> None:
    for content in (A, B, A, B):
        given(shop, content)
    assert pairs(shop) == [(1, "a"), (2, "a"), (2, "b"), (3, "b")]
    assert len(shop.batches("shop")) == 2


def test_of_several_files_only_those_with_new_content_are_processed(shop: Project) -> None:
    given(shop, A, "a.csv")
    given(shop, B, "b.csv")
    given(shop, A, "copy.csv")
    assert pairs(shop) == [(1, "a"), (2, "a"), (2, "b"), (3, "b")]
    assert [[file["name"] for file in batch.plan["files"]] for batch in shop.batches("shop")] == [
        ["in/a.csv"],
        ["in/b.csv"],
    ]
    assert shop.processing.current("shop")["all"] is not None


def test_a_file_that_comes_twice_at_once_is_added_once(shop: Project) -> None:
    shop.write("in/a.csv", A)
    given(shop, A, "b.csv")
    assert pairs(shop) == [(1, "a"), (2, "a")]


def test_content_is_the_same_under_another_declaration(shop: Project) -> None:
    given(shop, A)
    shop.declare("shop", EVENTS + "\nwhere: id > 1")
    given(shop, A)
    assert pairs(shop) == [(1, "a"), (2, "a")]


def test_force_does_not_add_content_twice_and_says_what_to_do(shop: Project) -> None:
    given(shop, A)
    planning = shop.plan("shop", force=True, root_run="run-1")
    assert "`write: append` adds no content twice, not even with force" in planning.problems["all"]
    given(shop, B)
    assert pairs(shop) == [(1, "a"), (2, "a"), (2, "b"), (3, "b")]


def test_a_forced_run_that_is_retried_finds_what_it_added(shop: Project) -> None:
    shop.write("in/shop.csv", A)
    assert shop.one("shop", force=True, root_run="run-1").ok
    assert shop.one("shop", force=True, root_run="run-1").ok
    assert pairs(shop) == [(1, "a"), (2, "a")]


def test_what_was_added_stands_in_the_table_not_in_the_ledger(shop: Project) -> None:
    given(shop, A)
    given(shop, B)
    shop.processing.close()
    for file in shop.data.glob("ledger.db*"):
        file.unlink()
    shop.reopen()
    given(shop, A)
    assert pairs(shop) == [(1, "a"), (2, "a"), (2, "b"), (3, "b")]


def test_a_replaced_partition_can_be_appended_to_and_again_after_being_replaced(shop: Project) -> None:
    shop.declare("shop", EVENTS.replace("append", "replace"))
    given(shop, A)
    shop.declare("shop", EVENTS)
    given(shop, A)
    assert pairs(shop) == [(1, "a"), (2, "a")]
    given(shop, B)
    given(shop, A)
    assert pairs(shop) == [(1, "a"), (2, "a"), (2, "b"), (3, "b")]
    shop.declare("shop", EVENTS.replace("append", "replace"))
    given(shop, B)
    assert pairs(shop) == [(2, "b"), (3, "b")]
    shop.declare("shop", EVENTS)
    given(shop, A)
    assert pairs(shop) == [(1, "a"), (2, "a"), (2, "b"), (3, "b")]


def test_keys_that_the_partition_holds_make_dead_letters_of_what_is_appended(shop: Project) -> None:
    shop.declare("shop", EVENTS + "\nkey: id")
    given(shop, A)
    given(shop, B)
    assert pairs(shop) == [(1, "a"), (2, "a"), (3, "b")]
    (letter,) = shop.dead("shop")
    assert reasons(letter) == ["duplicate: id"]
    assert letter["reasons"][0]["message"] == "is the key of in/shop.csv:3, too, which is in the table"
    given(shop, "id,city\n1,c\n2,c\n")
    assert pairs(shop) == [(1, "a"), (2, "a"), (3, "b")]


@pytest.mark.parametrize("key", [[], ["key: id"]])
def test_content_that_another_batch_added_meanwhile_is_not_added_again(shop: Project, key: list[str]) -> None:
    """A batch that was thought superseded gets to the table while the newer one is worked on."""
    shop.declare("shop", "\n".join([EVENTS, *key]))
    shop.write("in/a.csv", A)
    older = stopped_before_publishing(shop)
    shop.write("in/b.csv", B)
    newer = stopped_before_publishing(shop)
    wake(shop, older)
    assert pairs(shop) == [(1, "a"), (2, "a")]
    (report,) = shop.work(newer)
    assert report.state is BatchState.SUPERSEDED
    assert "added the same content while this one was worked on; run again" in report.message
    assert shop.one("shop").ok
    assert pairs(shop) == [(1, "a"), (2, "a"), *([] if key else [(2, "b")]), (3, "b")]


def test_keys_that_came_into_the_partition_after_they_were_looked_for_stop_the_publication(shop: Project) -> None:
    shop.declare("shop", f"{EVENTS}\nkey: id\nchunk_size: 8B")
    shop.write("in/a.csv", A)
    older = stopped_before_publishing(shop)
    (shop.home / "in" / "a.csv").unlink()
    shop.write("in/b.csv", "id,city\n2,b\n3,b\n3,c\n")
    newer = stopped_before_publishing(shop)
    assert shop.batches("shop")[1].settled
    wake(shop, older)
    (report,) = shop.work(newer)
    assert "added rows, whose keys were not looked at, while this one" in report.message
    assert shop.one("shop").ok
    assert pairs(shop) == [(1, "a"), (2, "a"), (3, "b")]


def stopped_before_publishing(project: Project) -> Planning:
    planning = project.plan("shop")
    arm("raise@publish.leased:1")
    with pytest.raises(OSError, match="Input/output"):
        project.work(planning)
    arm("")
    return planning


def wake(project: Project, planning: Planning) -> None:
    """Publish a batch as its lane would, had it been stopped just before that and woken now."""
    ledger = project.processing.ledger
    (batch,) = ledger.batches.get(planning.batch_ids)
    verdict = DatasetWorkload(project.home, project.data).publish(batch, project.chunks(batch.id))
    assert verdict.state is BatchState.PUBLISHED
    ledger.batches.finish(batch.id, verdict.state)


def test_an_upsert_replaces_rows_of_the_same_key_and_keeps_the_others(stock: Project) -> None:
    stocked(stock, A)
    stocked(stock, B)
    assert pairs(stock, "stock") == [(1, "a"), (2, "b"), (3, "b")]


def test_in_an_upsert_of_a_b_a_the_newest_wins_each_time(stock: Project) -> None:
    for content in (A, B, A):
        stocked(stock, content)
    assert pairs(stock, "stock") == [(1, "a"), (2, "a"), (3, "b")]
    assert [batch.generation for batch in stock.batches("stock")] == [1, 1, 2]


def test_only_parts_that_hold_replaced_rows_are_written_anew(stock: Project) -> None:
    stock.declare("stock", f"{STOCK}\nchunk_size: 8B")
    stocked(stock, "id,city\n1,abc\n2,abc\n3,abc\n4,abc\n")
    before = stock.live("stock")
    assert len(before) == 4
    stocked(stock, "id,city\n3,xyz\n")
    assert len(stock.live("stock") & before) == 3
    assert len(stock.live("stock")) == 4
    assert pairs(stock, "stock") == [(1, "abc"), (2, "abc"), (3, "xyz"), (4, "abc")]


def test_within_a_batch_the_first_of_a_key_wins_and_the_others_are_dead_letters(stock: Project) -> None:
    stocked(stock, A)
    stocked(stock, "id,city\n2,x\n2,y\n")
    assert pairs(stock, "stock") == [(1, "a"), (2, "x")]
    assert [reasons(row) for row in stock.dead("stock")] == [["duplicate: id"]]


def test_an_upsert_again_with_force_changes_nothing(stock: Project) -> None:
    stocked(stock, A)
    stocked(stock, B)
    assert stock.one("stock", force=True, root_run="x").ok
    assert pairs(stock, "stock") == [(1, "a"), (2, "b"), (3, "b")]


def test_an_empty_upsert_and_one_of_dead_letters_leave_the_rows_alone(stock: Project) -> None:
    stocked(stock, A)
    stocked(stock, "id,city\n")
    stocked(stock, "id,city\nx,y\n")
    assert pairs(stock, "stock") == [(1, "a"), (2, "a")]


def test_an_upsert_into_parts_that_lack_a_column(stock: Project) -> None:
    stocked(stock, A)
    stock.declare("stock", STOCK.replace("city: string", "city: string, zip: int"))
    stocked(stock, "id,city,zip\n2,b,9\n")
    assert sorted(tuple(row.values()) for row in stock.rows("stock")) == [(1, "a", None), (2, "b", 9)]


def test_an_upsert_that_was_overtaken_by_another_partition_does_not_work_twice(
    stock: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    stocked(stock, A)
    stock.write("in/stock.csv", B)
    commit, refused = commits.commit_parts, iter([True])
    monkeypatch.setattr(
        publishing, "commit_parts", lambda *args, **named: not next(refused, False) and commit(*args, **named)
    )
    before = stock.parts("stock")
    assert stock.one("stock").ok
    assert len(stock.parts("stock") - before) == 2
    assert pairs(stock, "stock") == [(1, "a"), (2, "b"), (3, "b")]


def test_the_number_of_replaced_rows_is_kept_with_the_commit(stock: Project) -> None:
    stocked(stock, A)
    stocked(stock, B)
    path = table_path(stock.data, "stock")
    log = max((path / "_delta_log").glob("*.json")).read_text()
    assert '"replaced_rows":"1"' in log
    assert version(path)


def test_upsert_needs_a_key_that_is_never_null(project: Project) -> None:
    project.declare("stock", STOCK.replace("key: id", "key: city"))
    with pytest.raises(ConfigError, match="upsert needs a value of key column 'city' in every row"):
        project.plan("stock")


def test_dead_letters_of_all_that_was_appended_stay_also_after_a_sweep(shop: Project) -> None:
    for n in range(3):
        given(shop, f"id,city\n{n},a\nx{n},b\n")
    sweep(shop.data, shop.processing.ledger, "shop")
    (standing,) = standings(shop.processing, "shop")
    found = [row["raw"] for table in dead_letters(shop.processing, standing) for row in table.to_pylist()]
    assert found == [b"x0,b", b"x1,b", b"x2,b"]
    assert len(contributing(shop.processing.ledger, "shop")["all"]) == 3


def test_a_partition_that_was_replaced_has_but_one_batch_in_it(shop: Project) -> None:
    given(shop, A)
    shop.declare("shop", EVENTS.replace("append", "replace"))
    given(shop, B)
    assert [batch.publication for batch in contributing(shop.processing.ledger, "shop")["all"]] == [2]


def test_the_checks_know_what_was_added_and_what_was_replaced(shop: Project) -> None:
    for content in (A, B):
        given(shop, content)
    shop.declare("stock", STOCK)
    for content in (A, B, A):
        stocked(shop, content)
    for name in ("shop", "stock"):
        results = check_dataset(shop.processing, shop.processing.catalog.entry(name).declaration)
        assert all(result.passed for result in results.values()), results
    reports = shop.processing.review([batch.id for batch in contributing(shop.processing.ledger, "shop")["all"]])
    assert row_count(reports, shop.data, "shop").wrong == []
    assert row_count(reports[1:], shop.data, "shop").wrong == [{"partition": "all", "ledger": 2, "table": 4}]
    assert row_count(reports, shop.data, "stock", {"all"}).wrong == []
    assert row_count(reports[:1], shop.data, "stock", {"all"}).wrong != []
