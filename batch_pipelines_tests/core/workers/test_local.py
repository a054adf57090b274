"""Worker processes for real: limits, deaths, recycling, and nothing left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from batch_pipelines.core.model import Task
from batch_pipelines.core.workers.local import LocalPool
from batch_pipelines.core.workers.pool import Died, Ending, Lost, Raised, Returned, TimedOut
from batch_pipelines_tests.processes import eventually, is_alive, marked

TASKS = "batch_pipelines_tests.core.workers.tasks"


@pytest.fixture(scope="module")
def shared() -> Iterator[LocalPool]:
    """One pool for all tests that leave it as good as new."""
    pool = LocalPool(2)
    yield pool
    pool.stop()


def ending_of(pool: LocalPool, name: str, *, soft_s: float | None = None, hard_s: float = 30, **payload: Any) -> Ending:
    """Have one task worked and wait for its ending."""
    pool.submit(1, Task(f"{TASKS}:{name}", payload, soft_s, hard_s))
    endings: list[tuple[int, Ending]] = []
    while not endings:  # what a pool says late of a task that was given up wakes the wait, and is nothing
        endings = pool.wait(60)
    assert [ticket for ticket, _ in endings] == [1]
    return endings[0][1]


def assert_it_still_works(pool: LocalPool) -> None:
    ending = ending_of(pool, "echo", n=1)
    assert isinstance(ending, Returned)
    assert ending.value["n"] == 1


def test_tasks_are_worked_side_by_side_in_other_processes(shared: LocalPool) -> None:
    for ticket in range(6):
        shared.submit(ticket, Task(f"{TASKS}:echo", {"n": ticket}))
    got: dict[int, Any] = {}
    while len(got) < 6:
        got |= dict(shared.wait(30))
    assert all(isinstance(ending, Returned) and ending.value["n"] == n for n, ending in got.items())
    assert os.getpid() not in {ending.value["pid"] for ending in got.values()}


def test_waiting_for_nothing_ends_in_time(shared: LocalPool) -> None:
    assert shared.wait(0.01) == []


@pytest.mark.parametrize("name", ["waits", "spins"])
def test_the_hard_limit_kills_even_what_holds_the_interpreter(shared: LocalPool, name: str) -> None:
    began = time.monotonic()
    ending = ending_of(shared, name, hard_s=0.4)
    assert ending == TimedOut(0.4)
    assert time.monotonic() - began < 8
    assert_it_still_works(shared)


def test_the_soft_limit_comes_first(shared: LocalPool) -> None:
    ending = ending_of(shared, "waits", soft_s=0.1, hard_s=10)
    assert isinstance(ending, Raised)
    assert ending.kind == "TimeLimitExceeded"


@pytest.mark.parametrize(("name", "code"), [("dies", -signal.SIGKILL), ("exits", 3)])
def test_a_worker_that_dies_is_told_and_replaced(shared: LocalPool, name: str, code: int) -> None:
    assert ending_of(shared, name) == Died(code)
    assert_it_still_works(shared)


def test_a_worker_that_leaves_politely_is_noticed_at_the_hard_limit(shared: LocalPool) -> None:
    assert isinstance(ending_of(shared, "exits", code=0, hard_s=0.5), Died | TimedOut)
    assert_it_still_works(shared)


@pytest.mark.parametrize("what", ["prickly", "mute", "exit", "interrupt", "long"])
def test_no_exception_breaks_the_pool(shared: LocalPool, what: str) -> None:
    assert isinstance(ending_of(shared, "raises", what=what), Raised)
    assert_it_still_works(shared)


@pytest.mark.parametrize("what", ["lambda", "word", "set"])
def test_no_result_breaks_the_pool(shared: LocalPool, what: str) -> None:
    assert isinstance(ending_of(shared, "returns_unpicklable", what=what), Returned | Raised)
    assert_it_still_works(shared)


@pytest.mark.parametrize("then", ["die", "wait"])
def test_children_of_user_code_die_with_the_worker(shared: LocalPool, then: str, tmp_path: Path) -> None:
    said = tmp_path / "pid"
    assert isinstance(ending_of(shared, "starts_children", say=str(said), then=then, hard_s=2), Died | TimedOut)
    child = int(said.read_text())
    eventually(lambda: not is_alive(child))
    assert_it_still_works(shared)


def test_workers_are_replaced_after_so_many_tasks() -> None:
    pool = LocalPool(1, recycle_after=2)
    try:
        pids = [getattr(ending_of(pool, "echo"), "value", {}).get("pid") for _ in range(5)]
    finally:
        pool.stop()
    assert [pids[0] == pids[1], pids[1] == pids[2], pids[2] == pids[3]] == [True, False, True]
    assert len(set(pids)) == 3


def test_a_broken_pool_is_made_anew(shared: LocalPool) -> None:
    ending_of(shared, "echo")
    for server in psutil.Process().children():
        for idle in server.children():
            with suppress(psutil.NoSuchProcess):  # a warden ends with its worker
                idle.kill()  # with nothing to do, so that nobody is told: the pool may break by it
    eventually(lambda: isinstance(ending_of(shared, "echo"), Returned))


def test_stopping_does_not_wait_for_those_who_will_not_hear() -> None:
    pool = LocalPool(2)
    for ticket in range(2):
        pool.submit(ticket, Task(f"{TASKS}:ignores_limits", {}))
    assert pool.wait(0.5) == []
    began = time.monotonic()
    pool.stop()
    assert time.monotonic() - began < 2.5


def test_a_pool_that_got_stuck_is_given_up_and_its_tasks_are_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("batch_pipelines.core.workers.local.BEGUN_AFTER_S", 1.5)
    pool = LocalPool(1)
    try:
        ending_of(pool, "echo")
        channel = pool._pool._pool_manager.worker_manager.workers_channel  # noqa: SLF001
        assert channel is not None
        assert channel.mutex.acquire()  # as if a worker had died with it
        pool.submit(5, Task(f"{TASKS}:waits", {}, None, 300))
        endings: list[tuple[int, Ending]] = []
        while not endings:
            endings = pool.wait(0.1)
        assert [(ticket, type(ending)) for ticket, ending in endings] == [(5, Lost)]
        assert_it_still_works(pool)
    finally:
        pool.stop()


LANE = f"""
import os, sys
from batch_pipelines.core.model import Task
from batch_pipelines.core.workers.local import LocalPool
pool = LocalPool(2)
for ticket, name in enumerate(sys.argv[2:]):
    pool.submit(ticket, Task("{TASKS}:" + name, {{"say": sys.argv[1] + "/" + str(ticket), "then": "wait"}}, None, None))
while True:
    print(pool.wait(1), flush=True)
"""


@pytest.mark.parametrize("victim", ["parent", "fork server"])
def test_a_killed_parent_or_fork_server_leaves_nothing_behind(victim: str, tmp_path: Path) -> None:
    mark = f"bp-test-{os.getpid()}-{victim[:4]}"
    argv = [sys.executable, "-c", LANE, str(tmp_path), "spins", "starts_children"]
    lane = subprocess.Popen(argv, env={**os.environ, "BP_MARK": mark}, stdout=subprocess.DEVNULL)
    eventually(lambda: all((tmp_path / name).exists() and (tmp_path / name).read_text() for name in "01"))
    before = marked("BP_MARK", mark)
    assert len(before) >= 7  # lane, fork server, resource tracker, two workers, their wardens, the child
    if victim == "parent":
        lane.kill()
    else:
        server = psutil.Process(int((tmp_path / "0").read_text())).ppid()
        os.kill(server, signal.SIGKILL)
        others = {int((tmp_path / name).read_text()) for name in "01"} | {server}
        eventually(lambda: not any(is_alive(pid) for pid in others))
        lane.kill()
    lane.wait()
    eventually(lambda: marked("BP_MARK", mark) == [])


@pytest.mark.skipif(os.getuid() != 0, reason="only root may make a PID namespace")
def test_a_pool_works_where_its_process_is_number_one() -> None:
    script = LANE.replace("while True:\n    print(pool.wait(1), flush=True)", "print(pool.wait(30)); pool.stop()")
    argv = ["unshare", "--pid", "--fork", "--mount-proc", sys.executable, "-c", script, "/tmp", "echo"]  # noqa: S108
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    if "unshare" in done.stderr:
        pytest.skip(f"no PID namespace here: {done.stderr}")
    assert "Returned" in done.stdout, done.stderr


def test_a_fork_server_that_is_still_importing_does_not_mind_ctrl_c() -> None:
    line = (
        "import multiprocessing.forkserver, signal, batch_pipelines.core.workers.preload; "
        "print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)"
    )
    done = subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"
