"""A bounded trial of kills between "written" and "delivered". The soak does 200."""

from pathlib import Path

from batch_pipelines_tests.system.delivery_kills import DeliveryKills
from batch_pipelines_tests.system.forks import forks
from batch_pipelines_tests.system.memory_folder import memory_folder

KILLS = 24


def test_killed_anywhere_nobody_gets_a_mail_twice_and_nobody_is_forgotten(blank_ledger: Path) -> None:
    with memory_folder() as folder, forks() as children:
        kills = DeliveryKills(children, folder, blank_ledger, seed=7)
        kills.sweep(kills.at_every_point())
        figures = kills.sweep(kills.anywhere(KILLS - figures_so_far(kills)))
    assert figures.wrong == [], figures
    assert figures.kills.total() == KILLS
    assert 1 <= figures.ambiguous <= KILLS
    assert 0 < figures.ambiguous_that_had_arrived < figures.ambiguous, "both kinds of doubt were met"


def figures_so_far(kills: DeliveryKills) -> int:
    """How many kills were done."""
    return kills.figures.kills.total()
