"""Progress: what the ledger says of a run, and how it is shown without a terminal."""

from pathlib import Path

import pytest

from batch_pipelines.cli.progress_bar import PlainLines, showing_meanwhile
from batch_pipelines.cli.watching import MailWatch, Stage, Watch
from batch_pipelines.core.clock import FakeClock
from batch_pipelines.core.ledger.ledger import Ledger, open_ledger
from batch_pipelines.core.mailings import Occurrence
from batch_pipelines.core.model import BatchPlan, BatchState, ChunkPlan, ChunkResult
from batch_pipelines_tests.contracts.mail_acts import all_sent, claimed, sender, sending


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}", FakeClock())


def planned(ledger: Ledger, partition: str, *, dataset: str = "orders", items: int = 100) -> int:
    chunks = [ChunkPlan(items, {}), ChunkPlan(items, {})]
    return ledger.batches.open(BatchPlan(dataset, partition, f"key of {partition}", {}, chunks)).id


def work(ledger: Ledger, batch_id: int, chunks: int) -> None:
    claims = ledger.chunks.claim("me", [batch_id], limit=chunks, now=0.0)
    assert len(claims) == chunks
    ledger.chunks.commit("me", [(claim, ChunkResult(claim.items, 0, 0), 0.1) for claim in claims])


def test_a_run_is_followed_from_its_start_to_its_end(ledger: Ledger) -> None:
    ledger.batches.finish(planned(ledger, "2023-12"), BatchState.PUBLISHED)
    watch = Watch(ledger, "orders", ["customers"], 2)
    assert str(watch.look()) == "starting Dagster"

    planned(ledger, "all", dataset="customers")
    assert str(watch.look()) == "preparing references"

    first = planned(ledger, "2024-01")
    assert str(watch.look()) == "planning: 50% · 1 of 2 partitions"

    second = planned(ledger, "2024-02")
    assert str(watch.look()) == "processing: 0% · 0 of 400 items"

    work(ledger, first, 2)
    work(ledger, second, 1)
    assert str(watch.look()) == "processing: 75% · 300 of 400 items"

    work(ledger, second, 1)
    ledger.batches.finish(first, BatchState.PUBLISHED)
    assert str(watch.look()) == "publishing: 50% · 1 of 2 partitions"

    ledger.batches.finish(second, BatchState.FAILED, "no")
    assert str(watch.look()) == "recording in Dagster"


def test_what_another_run_left_unfinished_is_counted_too(ledger: Ledger) -> None:
    planned(ledger, "2024-01")

    assert str(Watch(ledger, "orders", [], 1).look()) == "processing: 0% · 0 of 200 items"


def test_a_campaign_is_followed_from_its_start_to_its_end(ledger: Ledger) -> None:
    watch = MailWatch(ledger, "news", "2024-01-01")
    assert str(watch.look()) == "starting Dagster"

    ledger.occurrences.open("news", "2024-01-01")
    assert str(watch.look()) == "choosing recipients"

    occurrence = sending(ledger, 4, partition="2024-01-01")
    assert str(watch.look()) == "sending: 0% · 0 of 4 recipients"

    settle(ledger, occurrence, 3)
    assert str(watch.look()) == "sending: 75% · 3 of 4 recipients"

    settle(ledger, occurrence, 1)
    assert str(watch.look()) == "recording in Dagster"


def settle(ledger: Ledger, occurrence: Occurrence, recipients: int) -> None:
    owner = sender(ledger)
    claim = claimed(ledger, owner, occurrence, limit=recipients)
    assert ledger.recipients.settle(owner.id, claim, all_sent(claim))


def test_in_a_log_a_stage_is_said_when_it_begins_and_then_every_three_seconds(
    capsys: pytest.CaptureFixture[str],
) -> None:
    clock = FakeClock()
    show = PlainLines(clock)

    for done in range(0, 100, 10):
        show(Stage("processing", done, 100, "items"))
        clock.advance(1)
    show(Stage("recording in Dagster"))

    assert capsys.readouterr().err.splitlines() == [
        "  0.0 s  processing: 0% · 0 of 100 items",
        "  3.0 s  processing: 30% · 30 of 100 items",
        "  6.0 s  processing: 60% · 60 of 100 items",
        "  9.0 s  processing: 90% · 90 of 100 items",
        " 10.0 s  recording in Dagster",
    ]


def test_in_a_log_the_end_of_a_stage_is_said_at_once_and_once(capsys: pytest.CaptureFixture[str]) -> None:
    clock = FakeClock()
    show = PlainLines(clock)

    for done in (0, 90, 100, 100):
        show(Stage("processing", done, 100, "items"))
        clock.advance(0.5)

    assert capsys.readouterr().err.splitlines() == [
        "  0.0 s  processing: 0% · 0 of 100 items",
        "  1.0 s  processing: 100% · 100 of 100 items",
    ]


def test_it_is_100_percent_only_when_all_is_done() -> None:
    assert Stage("x", 999, 1000, "items").percent == 99
    assert Stage("x", 1000, 1000, "items").percent == 100


def test_progress_is_shown_while_this_thread_works(capsys: pytest.CaptureFixture[str]) -> None:
    looked: list[int] = []

    def look() -> Stage:
        looked.append(1)
        return Stage("working")

    with showing_meanwhile(look, every_s=0.001):
        while len(looked) < 3:
            pass

    assert capsys.readouterr().err == "  0.0 s  working\n"
