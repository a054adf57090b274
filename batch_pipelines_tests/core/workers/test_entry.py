"""What runs inside a worker: plain data comes back, whatever user code does."""

import pytest

from batch_pipelines.core.model import Task
from batch_pipelines.core.workers import entry
from batch_pipelines.core.workers.inline import InlinePool
from batch_pipelines.core.workers.pool import Raised, Returned

TASKS = "batch_pipelines_tests.core.workers.tasks"


def raised(what: str) -> Raised:
    ending = entry.run(f"{TASKS}:raises", {"what": what}, None)
    assert isinstance(ending, Raised)
    return ending


def test_a_result_comes_back_with_its_seconds() -> None:
    ending = entry.run(f"{TASKS}:echo", {"x": [1, None, "é"]}, 10)
    assert isinstance(ending, Returned)
    assert ending.value["x"] == [1, None, "é"]
    assert ending.seconds >= 0


@pytest.mark.parametrize(
    ("what", "kind", "said"),
    [
        ("value", "TransientError", "ValueError: no \udcff such value (tasks.py:"),
        ("exit", "TransientError", "SystemExit: 3"),
        ("interrupt", "TransientError", "KeyboardInterrupt"),
        ("prickly", "TransientError", "Prickly: a b"),
        ("mute", "TransientError", "Mute: no message"),
        ("permanent", "PermanentError", "never"),
        ("changed", "SourceChanged", "a.csv: gone"),
    ],
)
def test_whatever_is_raised_is_described(what: str, kind: str, said: str) -> None:
    ending = raised(what)
    assert ending.kind == kind
    assert ending.message.startswith(said)
    assert type(ending.message) is str


def test_an_error_may_say_when_to_try_again() -> None:
    assert (raised("transient").kind, raised("transient").delay_s) == ("TransientError", 7)


def test_long_messages_are_cut() -> None:
    assert len(raised("long").message) < 5000


@pytest.mark.parametrize("what", ["lambda", "set"])
def test_a_result_that_is_not_plain_data_is_refused(what: str) -> None:
    ending = entry.run(f"{TASKS}:returns_unpicklable", {"what": what}, None)
    assert isinstance(ending, Raised)
    assert "JSON" in ending.message


def test_a_result_is_plain_data_even_where_it_only_looks_like_it() -> None:
    ending = entry.run(f"{TASKS}:returns_unpicklable", {"what": "word"}, None)
    assert isinstance(ending, Returned)
    assert type(ending.value["w"]) is str


@pytest.mark.parametrize("function", ["nowhere:x", f"{TASKS}:nothing", "no colon"])
def test_a_function_that_is_not_there_is_an_error_of_the_task(function: str) -> None:
    assert isinstance(entry.run(function, {}, None), Raised)


def test_the_soft_limit_is_raised_inside_the_task() -> None:
    ending = entry.run(f"{TASKS}:waits", {}, 0.05)
    assert isinstance(ending, Raised)
    assert (ending.kind, ending.message) == ("TimeLimitExceeded", "ran past its soft limit of 0.05 s")


def test_the_inline_pool_works_one_task_at_each_asking() -> None:
    pool = InlinePool()
    assert pool.wait(1) == []
    for ticket in (7, 8):
        pool.submit(ticket, Task(f"{TASKS}:echo", {"n": ticket}))
    for ticket in (7, 8):
        [(got, ending)] = pool.wait(1)
        assert got == ticket
        assert isinstance(ending, Returned)
        assert ending.value["n"] == ticket
    pool.submit(9, Task(f"{TASKS}:echo", {}))
    pool.stop()
    assert pool.wait(1) == []
