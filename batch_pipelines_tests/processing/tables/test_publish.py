"""Publishing: exactly the committed parts, once, by the newest; anything odd is refused and leaves the table alone."""

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from batch_pipelines.core.errors import ConfigError, IntegrityError
from batch_pipelines.core.faults import arm
from batch_pipelines.core.model import Batch, BatchState, Chunk
from batch_pipelines.core.workload import Verdict
from batch_pipelines.lake.delta import table_path, version
from batch_pipelines.lake.parts import schema_from_text
from batch_pipelines.processing.tables import publish as publishing
from batch_pipelines.processing.tables.publish import publish
from batch_pipelines_tests.processing.datasets import Project

OLD, NEW = [{"id": 1}, {"id": 2}], [{"id": 3}, {"id": 4}]


def ready(project: Project, content: str) -> Batch:
    """A batch whose chunks are all done, and which nobody has published."""
    project.write("in/shop.csv", content)
    planning = project.plan("shop", force=True, root_run=content)
    arm("raise@publish.leased:1")
    with pytest.raises(OSError, match="Input/output"):
        project.work(planning)
    arm("")
    (batch,) = project.processing.ledger.batches.get(planning.batch_ids)
    return batch


def published(project: Project, batch: Batch, chunks: list[Chunk] | None = None) -> Verdict:
    chunks = project.chunks(batch.id) if chunks is None else chunks
    return publish(project.data, batch, chunks, schema_from_text(batch.plan["schema"]))


def with_part(chunk: Chunk, **changes: Any) -> Chunk:
    assert chunk.result is not None
    part = {**chunk.result.detail["part"], **changes}
    return replace(chunk, result=replace(chunk.result, detail={**chunk.result.detail, "part": part}))


def part_file(project: Project, chunk: Chunk) -> Path:
    assert chunk.result is not None
    return table_path(project.data, "shop") / str(chunk.result.detail["part"]["path"])


@pytest.fixture
def shop(project: Project) -> Project:
    """A published table of two rows."""
    project.declare("shop", "source: in/shop.csv\nchunk_size: 2B\ncolumns: {id: int}")
    project.write("in/shop.csv", "id\n1\n2\n")
    project.one("shop")
    return project


def test_publishing_again_acknowledges_and_adds_nothing(shop: Project) -> None:
    batch = ready(shop, "id\n3\n4\n")
    assert published(shop, batch) == Verdict(BatchState.PUBLISHED)
    at = version(table_path(shop.data, "shop"))
    assert published(shop, batch) == Verdict(BatchState.PUBLISHED)
    assert version(table_path(shop.data, "shop")) == at
    assert shop.rows("shop") == NEW


def test_the_commit_says_which_batch_it_is(shop: Project) -> None:
    batch = ready(shop, "id\n3\n4\n")
    published(shop, batch)
    log = max((table_path(shop.data, "shop") / "_delta_log").glob("*.json")).read_text()
    assert f'"batch":"{batch.key}"' in log
    assert '"partition":"all"' in log


def test_an_older_batch_is_superseded(shop: Project) -> None:
    older = ready(shop, "id\n8\n")
    newer = ready(shop, "id\n3\n4\n")
    assert published(shop, newer).state is BatchState.PUBLISHED
    verdict = published(shop, older)
    assert verdict == Verdict(
        BatchState.SUPERSEDED, f"publication {newer.publication} is newer than {older.publication}"
    )
    assert shop.rows("shop") == NEW


def test_a_publisher_that_was_stopped_after_its_decision_does_not_overwrite_a_newer_one(
    shop: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = ready(shop, "id\n8\n")
    newer = ready(shop, "id\n3\n4\n")

    def overtake(point: str) -> None:
        if point == "publish.checked":
            monkeypatch.undo()
            assert published(shop, newer).state is BatchState.PUBLISHED

    monkeypatch.setattr(publishing, "fault", overtake)
    assert published(shop, older).state is BatchState.SUPERSEDED
    assert shop.rows("shop") == NEW


def test_two_publishers_of_one_batch_publish_it_once(shop: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = ready(shop, "id\n3\n4\n")

    def overtake(point: str) -> None:
        if point == "publish.checked":
            monkeypatch.undo()
            assert published(shop, batch).state is BatchState.PUBLISHED

    monkeypatch.setattr(publishing, "fault", overtake)
    assert published(shop, batch).state is BatchState.PUBLISHED
    assert shop.rows("shop") == NEW
    assert len(shop.live("shop")) == 2


@pytest.mark.parametrize("first_publication", [True, False])
def test_racing_publishers_leave_exactly_the_newest(project: Project, *, first_publication: bool) -> None:
    """Threads without a lease, on a table that is there or not: whoever comes first, the newest number stays."""
    project.declare("shop", "source: in/shop.csv\ncolumns: {id: int}")
    if not first_publication:
        project.write("in/shop.csv", "id\n0\n")
        project.one("shop")
    racers = [ready(project, f"id\n{n}\n") for n in range(1, 5)]
    jobs = [(batch, project.chunks(batch.id)) for batch in racers]
    start, verdicts = threading.Barrier(len(jobs)), dict[int, BatchState]()

    def race(batch: Batch, chunks: list[Chunk]) -> None:
        start.wait()
        verdicts[batch.id] = published(project, batch, chunks).state

    threads = [threading.Thread(target=race, args=job) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert verdicts[racers[-1].id] is BatchState.PUBLISHED
    assert set(verdicts.values()) <= {BatchState.PUBLISHED, BatchState.SUPERSEDED}
    assert project.rows("shop") == [{"id": 4}]
    assert len(project.live("shop")) == 1


def missing(project: Project, chunks: list[Chunk]) -> list[Chunk]:
    part_file(project, chunks[0]).unlink()
    return chunks


def cut_short(project: Project, chunks: list[Chunk]) -> list[Chunk]:
    file = part_file(project, chunks[0])
    file.write_bytes(file.read_bytes()[:-1])
    return chunks


def overwritten(project: Project, chunks: list[Chunk]) -> list[Chunk]:
    file = part_file(project, chunks[0])
    file.write_bytes(b"x" * file.stat().st_size)
    return chunks


def of_other_columns(project: Project, chunks: list[Chunk]) -> list[Chunk]:
    file = part_file(project, chunks[0])
    pq.write_table(pa.table({"idd": [1]}), file)
    return [with_part(chunks[0], bytes=file.stat().st_size), chunks[1]]


def of_more_rows(project: Project, chunks: list[Chunk]) -> list[Chunk]:
    return [with_part(chunks[0], rows=2), chunks[1]]


def named_twice(project: Project, chunks: list[Chunk]) -> list[Chunk]:
    return [chunks[0], chunks[0]]


def of_another_partition(project: Project, chunks: list[Chunk]) -> list[Chunk]:
    file = part_file(project, chunks[0])
    other = file.parents[1] / "other" / file.name
    other.parent.mkdir()
    file.rename(other)
    return [with_part(chunks[0], path=f"other/{file.name}"), chunks[1]]


TAMPERINGS: dict[Callable[[Project, list[Chunk]], list[Chunk]], str] = {
    missing: "is missing or not of .* bytes; process with force",
    cut_short: "is missing or not of .* bytes; process with force",
    overwritten: "cannot be read: .*; process with force",
    of_other_columns: "has other rows or columns than were committed; process with force",
    of_more_rows: "has other rows or columns than were committed; process with force",
    named_twice: "shop/all: a part is named twice",
    of_another_partition: "is another partition's",
}


@pytest.mark.parametrize("tamper", TAMPERINGS, ids=lambda tamper: tamper.__name__)
def test_a_part_that_is_not_as_it_was_committed_is_refused_and_the_table_untouched(
    shop: Project, tamper: Callable[[Project, list[Chunk]], list[Chunk]]
) -> None:
    batch = ready(shop, "id\n3\n4\n")
    chunks = tamper(shop, shop.chunks(batch.id))
    at = version(table_path(shop.data, "shop"))
    with pytest.raises(IntegrityError, match=TAMPERINGS[tamper]):
        published(shop, batch, chunks)
    assert version(table_path(shop.data, "shop")) == at
    assert shop.rows("shop") == OLD


def test_a_batch_with_a_missing_part_fails_and_force_cures_it(shop: Project) -> None:
    batch = ready(shop, "id\n3\n4\n")
    part_file(shop, shop.chunks(batch.id)[0]).unlink()
    report = shop.one("shop", root_run="run-1")
    assert report.state is BatchState.FAILED
    assert "is missing or not of" in report.message
    assert shop.one("shop", force=True, root_run="run-2").ok
    assert shop.rows("shop") == NEW


def test_a_column_of_another_type_is_refused(shop: Project) -> None:
    batch = ready(shop, "id\n3\n4\n")
    schema = schema_from_text(batch.plan["schema"])
    texts = schema.set(0, pa.field("id", pa.string()))
    for chunk in (chunks := shop.chunks(batch.id)):
        file = part_file(shop, chunk)
        table = pq.read_table(file, partitioning=None)
        pq.write_table(table.set_column(0, "id", table.column(0).cast(pa.string())), file)
    chunks = [with_part(chunk, bytes=part_file(shop, chunk).stat().st_size) for chunk in chunks]
    with pytest.raises(ConfigError, match="column 'id' of table 'shop' is int, the declaration makes it string"):
        publish(shop.data, batch, chunks, texts)
    assert shop.rows("shop") == OLD


def test_somebody_who_commits_all_the_time_is_named_in_the_end(shop: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = ready(shop, "id\n3\n4\n")
    monkeypatch.setattr(publishing, "commit_parts", lambda *args, **kwargs: False)
    with pytest.raises(IntegrityError, match="50 commits in a row were overtaken by others; something else writes to"):
        published(shop, batch)


def ids(project: Project) -> list[int]:
    return sorted(row["id"] for row in project.rows("shop"))


def last_commit(project: Project) -> list[dict[str, Any]]:
    log = max((table_path(project.data, "shop") / "_delta_log").glob("*.json"))
    return [json.loads(line) for line in log.read_text().splitlines()]


def test_only_the_difference_is_committed_parts_that_are_there_already_stay(shop: Project) -> None:
    (first,) = shop.batches("shop")
    kept, gone = shop.chunks(first.id)
    batch = ready(shop, "id\n3\n")
    before, carried = shop.live("shop"), [kept, *shop.chunks(batch.id)]
    assert published(shop, batch, carried) == Verdict(BatchState.PUBLISHED)
    assert ids(shop) == [1, 3]
    actions = last_commit(shop)
    assert [each["remove"]["path"] for each in actions if "remove" in each] == [part_name(gone)]
    assert {each["add"]["path"] for each in actions if "add" in each} == shop.live("shop") - before
    assert published(shop, batch, carried) == Verdict(BatchState.PUBLISHED)
    assert ids(shop) == [1, 3]


def test_parts_that_are_carried_over_come_back_if_another_batch_took_their_place(shop: Project) -> None:
    (first,) = shop.batches("shop")
    other, batch = ready(shop, "id\n8\n"), ready(shop, "id\n3\n")
    carried = [*shop.chunks(first.id), *shop.chunks(batch.id)]
    assert published(shop, other) == Verdict(BatchState.PUBLISHED)
    assert published(shop, batch, carried) == Verdict(BatchState.PUBLISHED)
    assert ids(shop) == [1, 2, 3]


@pytest.mark.parametrize("overtaken_by", ["the same", "a newer"])
def test_two_publishers_that_only_add_do_not_both_add(
    shop: Project, monkeypatch: pytest.MonkeyPatch, overtaken_by: str
) -> None:
    """Delta takes two commits that only add; that both carry a number of one partition stops the second."""
    (first,) = shop.batches("shop")
    batch = ready(shop, "id\n3\n")
    chunks = [*shop.chunks(first.id), *shop.chunks(batch.id)]
    rival = batch if overtaken_by == "the same" else ready(shop, "id\n4\n")
    rivals = chunks if rival is batch else [*shop.chunks(first.id), *shop.chunks(rival.id)]

    def overtake(point: str) -> None:
        if point == "publish.checked":
            monkeypatch.undo()
            assert published(shop, rival, rivals).state is BatchState.PUBLISHED

    monkeypatch.setattr(publishing, "fault", overtake)
    assert published(shop, batch, chunks).state is (BatchState.PUBLISHED if rival is batch else BatchState.SUPERSEDED)
    assert ids(shop) == [1, 2, 3 if rival is batch else 4]


def part_name(chunk: Chunk) -> str:
    assert chunk.result is not None
    return str(chunk.result.detail["part"]["path"])
