"""The mail sweep at full counts, on both ledgers: kills at every named point and at random ones."""

import sys
from collections.abc import Sequence
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
MOST_SHARE = 0.3


def run_mail_kills(folder: Path, seed: int, recipients: int = RECIPIENTS, kills: int = KILLS) -> dict[str, Any]:
    """Sweep one occurrence on SQLite, then one on PostgreSQL.

    Raises:
        AssertionError: Something is not as it must be.
    """
    figures: dict[str, Any] = {}
    (folder / "blank").mkdir()
    blank = made(folder / "blank")
    with ExitStack() as stack:
        children = stack.enter_context(forks())
        (folder / "sqlite").mkdir()
        first = MailSweep(children, folder / "sqlite", recipients, seed=seed, ledger=blank)
        figures["sqlite"] = as_json(_swept(first, kills))
        server = stack.enter_context(postgres_server())
        database = stack.enter_context(server.database())
        (folder / "postgres").mkdir()
        second = MailSweep(children, folder / "postgres", recipients, seed=seed + 1, ledger_url=database.url)
        figures["postgresql"] = as_json(_swept(second, kills))
    return figures


def _swept(sweep: MailSweep, kills: int) -> MailFigures:
    with swept(sweep):
        sweep.sweep([f"kill@{point}:1" for point in PREPARING], "prepare")
        sending = sorted(mail_points() - {*PREPARING, *RECOVERING})
        recovering = [f"kill@{point}:1" for point in RECOVERING for _ in range(max(1, kills // 50))]
        sweep.sweep(_mixed(sending_kills(sweep.dice, kills, sending, SPREAD), recovering))
        figures = sweep.judge()
    print(figures, file=sys.stderr)  # noqa: T201
    assert figures.wrong == [], figures.wrong[:5]
    assert figures.kills.total() >= kills, figures
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
