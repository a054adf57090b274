"""Bundles: short tasks go several at a time, long ones alone, and a worker's death is never blamed on a neighbour."""

import pytest

from batch_pipelines.core.model import Task
from batch_pipelines.core.workers.bundles import LARGEST, ONE_BY_ONE, SHORT_S, Bundles
from batch_pipelines.core.workers.local import LocalPool
from batch_pipelines.core.workers.pool import Died, Ending, Lost, Returned

TASKS = "batch_pipelines_tests.core.workers.tasks"


def after(*seconds: float) -> Bundles:
    bundles = Bundles()
    bundles.ended([Returned({}, each) for each in seconds])
    return bundles


def test_nothing_is_bundled_before_it_is_known_how_long_tasks_take() -> None:
    assert Bundles().size(100, 2) == 1


def test_short_tasks_are_bundled_so_that_each_worker_finds_a_second_bundle() -> None:
    assert after(SHORT_S / 10).size(32, 2) == 8
    assert after(SHORT_S / 10).size(10_000, 2) == LARGEST


def test_without_prefetch_every_task_goes_alone() -> None:
    assert [after(0.0).size(unfinished, 4) for unfinished in (0, 1, 4)] == [1, 1, 1]


def test_long_tasks_go_alone_and_so_do_short_ones_that_grow_long() -> None:
    assert after(SHORT_S * 2).size(100, 2) == 1
    assert after(0.0, *[SHORT_S * 4] * 10).size(100, 2) == 1


def test_after_an_accident_tasks_go_alone_for_a_while() -> None:
    bundles = after(0.0)
    bundles.met_an_accident()
    for _ in range(ONE_BY_ONE):
        assert bundles.size(100, 2) == 1
        bundles.handed_out(1)
    assert bundles.size(100, 2) > 1


def test_a_death_in_a_bundle_is_blamed_on_nobody_and_then_on_the_guilty_task_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("batch_pipelines.core.workers.bundles.SHORT_S", 60)  # however slow the machine is
    pool = LocalPool(1)
    try:
        for ticket in range(4):
            pool.submit(ticket, Task(f"{TASKS}:echo", {"n": ticket}))
        assert all(isinstance(ending, Returned) for ending in endings_of(pool, 4).values())
        names = ["echo", "dies", "echo", "echo"]
        for round_ in range(2):
            for ticket, name in enumerate(names):
                pool.submit(ticket, Task(f"{TASKS}:{name}", {"n": ticket}))
            kinds = [type(ending) for _, ending in sorted(endings_of(pool, 4).items())]
            assert kinds == ([Lost, Lost, Returned, Returned] if round_ == 0 else [Returned, Died, Returned, Returned])
    finally:
        pool.stop()


def endings_of(pool: LocalPool, count: int) -> dict[int, Ending]:
    endings: dict[int, Ending] = {}
    while len(endings) < count:
        endings |= dict(pool.wait(30))
    return endings
