"""The mail sweep at full counts, on both ledgers: kills at every named point and at random ones."""

import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from batch_pipelines_tests.ledgers import made
from batch_pipelines_tests.servers import postgres_server
from batch_pipelines_tests.system.forks import forks
from batch_pipelines_tests.system.mail_sweep import (
    PREPARING,
    RECOVERING,
    MailFigures,
    MailSweep,
    as_json,
    mail_points,
    sending_kills,
    swept,
)

RECIPIENTS = 50_000
KILLS = 1_000
SPREAD = 130
WIDE_SPREAD = 250  # three points a message
MOST_SHARE = 0.3


def run_mail_kills(folder: Path, seed: int, recipients: int = RECIPIENTS, kills: int = KILLS) -> dict[str, Any]:
    """Sweep two occurrences on SQLite and two on PostgreSQL: one at points and moments, one at moments alone.

    Raises:
        AssertionError: Something is not as it must be.
    """
    figures: dict[str, Any] = {}
    (folder / "blank").mkdir()
    blank = made(folder / "blank")
    with ExitStack() as stack:
        children = stack.enter_context(forks())
        server = stack.enter_context(postgres_server())
        for name in ("sqlite", "postgresql"):
            for sweep in (_at_points, _at_random):
                url = None if name == "sqlite" else stack.enter_context(server.database()).url
                called = f"{name}, {sweep.__name__.strip('_').replace('_', ' ')}"
                (folder / called).mkdir()
                found = MailSweep(
                    children, folder / called, recipients, seed=seed + len(figures), ledger=blank, ledger_url=url
                )
                figures[called] = as_json(_judged(found, sweep, kills))
    return figures


def _at_points(sweep: MailSweep, kills: int) -> None:
    """Three of four kills at the named points in turn, claims of 20: so many kills need small ones."""
    sweep.sweep([f"kill@{point}:1" for point in PREPARING], "prepare")
    sending = sorted(mail_points() - {*PREPARING, *RECOVERING})
    recovering = [f"kill@{point}:1" for point in RECOVERING for _ in range(max(1, kills // 50))]
    sweep.sweep(_mixed(sending_kills(sweep.dice, kills, sending, SPREAD), recovering))


def _at_random(sweep: MailSweep, kills: int) -> None:
    """Half as many kills, all at random, claims of 200."""
    sweep.child("prepare").wait()
    sweep.sweep([f"kill@any:{sweep.dice.randint(1, WIDE_SPREAD)}" for _ in range(kills // 2)], plants=())


def _judged(sweep: MailSweep, kill: Callable[[MailSweep, int], None], kills: int) -> MailFigures:
    with swept(sweep):
        kill(sweep, kills)
        figures = sweep.judge()
    print(figures, file=sys.stderr)  # noqa: T201
    assert figures.wrong == [], figures.wrong[:5]
    assert figures.kills.total() >= (kills if kill is _at_points else kills // 2), figures
    assert figures.share <= MOST_SHARE, figures
    return figures


def _mixed(kills: Sequence[str], others: Sequence[str]) -> list[str]:
    """The others in between: a recovery is only reached after a kill that left a claim."""
    every = max(1, len(kills) // (len(others) + 1))
    mixed: list[str] = []
    left = list(others)
    for number, kill in enumerate(kills):
        mixed.append(kill)
        if number % every == every - 1 and left:
            mixed += ["kill@mail.intended:3", left.pop()]
    return mixed
