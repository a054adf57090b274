"""Campaigns under SIGKILL, SIGSTOP, pause, and beside each other: nobody twice, nobody lost. The soak does more."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from batch_pipelines_tests.system.forks import Forks, forks
from batch_pipelines_tests.system.mail_sweep import (
    PREPARING,
    RECOVERING,
    MailSweep,
    mail_points,
    sending_kills,
    swept,
)
from batch_pipelines_tests.system.memory_folder import memory_folder

SEED = 20261124
RECIPIENTS = 5_000
KILLS = 104
FEW = 300
SPREAD = 130  # crash points passed, at most, before a random kill
RANDOM_KILLS, WIDE_SPREAD = 30, 400  # three points a message


@pytest.fixture(scope="module")
def children() -> Iterator[Forks]:
    with forks() as started:
        yield started


@pytest.fixture
def folder() -> Iterator[Path]:
    with memory_folder() as made:
        yield made


@pytest.fixture
def few(children: Forks, folder: Path, blank_ledger: Path) -> Iterator[MailSweep]:
    """An occurrence of a few hundred people."""
    with swept(MailSweep(children, folder, FEW, connections=2, seed=SEED, ledger=blank_ledger)) as sweep:
        yield sweep


def test_killed_anywhere_and_sent_on_nobody_is_lost_and_nobody_gets_two(
    children: Forks, folder: Path, blank_ledger: Path
) -> None:
    with swept(MailSweep(children, folder, RECIPIENTS, seed=SEED, ledger=blank_ledger)) as sweep:
        sweep.sweep([f"kill@{point}:1" for point in PREPARING], "prepare")
        sending = sorted(mail_points() - {*PREPARING, *RECOVERING})
        recovering = [f"kill@{point}:1" for point in RECOVERING for _ in range(2)]
        sweep.sweep([*sending_kills(sweep.dice, KILLS, sending, SPREAD), "kill@mail.intended:9", *recovering])
        figures = sweep.judge()
    print(figures)  # noqa: T201
    assert figures.wrong == [], figures
    assert figures.kills.total() >= 100
    assert set(figures.kills) - {"any"} == mail_points()
    assert figures.share <= 0.3


def test_killed_at_random_with_claims_of_200_few_are_in_doubt(
    children: Forks, folder: Path, blank_ledger: Path
) -> None:
    with swept(MailSweep(children, folder, RECIPIENTS, seed=SEED, ledger=blank_ledger)) as sweep:
        sweep.child("prepare").wait()
        sweep.sweep([f"kill@any:{sweep.dice.randint(1, WIDE_SPREAD)}" for _ in range(RANDOM_KILLS)], plants=())
        figures = sweep.judge()
    print(figures)  # noqa: T201
    assert (figures.wrong, figures.kills.total()) == ([], RANDOM_KILLS)
    assert figures.share <= 0.3


def test_in_the_same_sweep_a_cursor_that_moves_at_the_fetch_loses_people(few: MailSweep) -> None:
    few.sweep([f"kill@mail.intended:{n}" for n in (20, 50)], "send_by_cursor")
    assert max(few.tally.values()) == 1
    assert len(few.people) - len(few.tally) >= 100


def test_in_the_same_sweep_a_chunk_marked_when_it_is_sent_doubles_people(few: MailSweep) -> None:
    few.sweep([f"kill@mail.intended:{n}" for n in (20, 50)], "send_acked_late")
    assert len(few.tally) == len(few.people)
    assert sum(count > 1 for count in few.tally.values()) >= 40


def test_the_sweep_notices_a_recovery_that_forgets_intents(few: MailSweep) -> None:
    few.sweep(["kill@mail.replied:1", "kill@mail.replied:5"])
    assert few.judge().wrong == []
    few.tally.clear()
    few.shop.declare("other")
    (few.shop.home / "data" / "ledger.db").unlink()
    for number in (1, 30, 60):
        few.child("send", f"kill@mail.replied:{number}", ["forgets_intents"]).wait()
    few.child("send", plants=["forgets_intents"]).wait()
    assert any("got 2" in what for what in few.judge().wrong)


def test_two_runs_at_once_share_the_work(few: MailSweep) -> None:
    few.child("prepare").wait()
    both = [few.child("send"), few.child("send")]
    for each in both:
        each.wait()
    figures = few.judge()
    assert (figures.wrong, figures.ambiguous) == ([], 0)


def test_a_frozen_sender_is_ended_before_its_claim_is_taken_over(few: MailSweep) -> None:
    frozen = few.child("send", "stop@mail.intended:20")
    frozen.wait_stopped()
    few.child("send", plants=["impatience"]).wait()
    frozen.wake()
    assert frozen.wait().killed
    figures = few.judge(held=False)
    assert figures.wrong == []
    assert figures.ambiguous <= 2


@pytest.mark.parametrize("point", ["mail.claimed:1", "mail.noted:20"])
def test_a_frozen_sender_of_another_machine_that_wakes_up_sends_nothing_more(few: MailSweep, point: str) -> None:
    frozen = few.child("send", f"stop@{point}", ["elsewhere", "stops_itself"])
    frozen.wait_stopped()
    few.child("send", plants=["impatience"]).wait()
    before = few.tally.total()
    frozen.wake()
    with pytest.raises(AssertionError, match="LeaseLost"):
        frozen.wait()
    assert few.tally.total() == before
    figures = few.judge(held=False)
    assert figures.wrong == []
    assert figures.ambiguous > 2  # of a machine that is gone, nobody can say more


def test_paused_in_the_middle_it_goes_on_where_it_stopped(few: MailSweep) -> None:
    sender = few.child("send", "stop@mail.noted:50", ["small_claims"])
    sender.wait_stopped()
    few.child("pause").wait()
    sender.wake()
    assert sender.wait().answer["pending"] > 0
    before = few.tally.total()
    few.child("send").wait()
    assert few.tally.total() == before
    few.child("resume").wait()
    few.child("send").wait()
    figures = few.judge()
    assert (figures.wrong, figures.ambiguous) == ([], 0)
