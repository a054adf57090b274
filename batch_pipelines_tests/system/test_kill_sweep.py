"""A bounded kill sweep: every named point, and random ones. The soak does the same for longer."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from batch_pipelines_tests.system.forks import forks
from batch_pipelines_tests.system.kill_sweep import ELSEWHERE, SWEPT, KillSweep, first_word, named_points
from batch_pipelines_tests.system.memory_folder import memory_folder

SEED = 20261124
KILLS = 64


@pytest.fixture(scope="module")
def sweep(blank_ledger: Path) -> Iterator[KillSweep]:
    with memory_folder() as folder, forks() as children:
        yield KillSweep(children, folder, SEED, ledger=blank_ledger)


def test_killed_anywhere_and_resumed_it_comes_to_the_same_table(sweep: KillSweep) -> None:
    points = sweep.every_point()
    firsts = [kill for kill in points if kill.endswith(":1")]
    others = [kill for kill in points if kill not in firsts]
    sweep.sweep(firsts)
    sweep.sweep(others[:: max(1, len(others) // 14)])
    figures = sweep.sweep(sweep.anywhere(max(0, KILLS - sweep.figures.kills.total())))
    print(figures)  # noqa: T201
    assert figures.wrong == [], figures
    assert figures.kills.total() >= KILLS
    assert set(figures.kills) - {"any"} == {point for point in named_points() if first_word(point) in SWEPT}


def test_every_point_is_killed_at_here_or_in_another_test() -> None:
    assert {first_word(point) for point in named_points()} == {*SWEPT, *ELSEWHERE}
    assert [test for test in ELSEWHERE.values() if not (Path(__file__).parents[1] / test).is_file()] == []
