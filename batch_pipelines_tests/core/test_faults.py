"""Named crash points: nothing happens unless armed, and then exactly there."""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from batch_pipelines.core import faults
from batch_pipelines.core.faults import arm, count_points, fault


@pytest.fixture(autouse=True)
def _disarmed() -> Iterator[None]:
    yield
    arm("")


def test_points_do_nothing_unarmed() -> None:
    arm("")
    for _ in range(3):
        fault("chunk.read")
    assert faults._plan.passed == {}  # noqa: SLF001


def test_points_are_counted_by_name_and_together() -> None:
    passed = count_points()
    for point in ("a", "b", "a"):
        fault(point)
    assert passed == {"a": 2, "b": 1, "any": 3}


@pytest.mark.parametrize(("action", "code"), [("raise", errno.EIO), ("enospc", errno.ENOSPC)])
def test_an_armed_point_raises_the_nth_time_only(action: str, code: int) -> None:
    arm(f"{action}@a:2")
    fault("a")
    fault("b")
    with pytest.raises(OSError, match=os.strerror(code)):
        fault("a")
    fault("a")


def test_any_counts_points_of_all_names() -> None:
    arm("raise@any:3,raise@z:1")
    fault("a")
    fault("b")
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        fault("c")


@pytest.mark.parametrize(("action", "number"), [("kill", signal.SIGKILL), ("stop", signal.SIGSTOP)])
def test_an_armed_point_kills_or_stops_its_own_process(action: str, number: signal.Signals) -> None:
    script = "from batch_pipelines.core.faults import fault; fault('a'); fault('b'); fault('a')"
    process = subprocess.Popen([sys.executable, "-c", script], env={**os.environ, "BP_FAULTS": f"{action}@a:2"})
    _, status = os.waitpid(process.pid, os.WUNTRACED)
    assert (os.WSTOPSIG(status) if action == "stop" else os.WTERMSIG(status)) == number
    if action == "stop":
        process.kill()
    process.wait()


@pytest.mark.parametrize("text", ["kill", "explode@a:1", "kill@:1", "kill@a:x", "kill@a"])
def test_what_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"fault|literal"):
        arm(text)
