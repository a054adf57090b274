"""Named crash points, so that tests can kill the product exactly where it hurts.

`fault("chunk.committed")` does nothing unless armed, by `arm()` or the environment variable `BP_FAULTS`:

    kill@chunk.committed:2      SIGKILL this process the second time it gets there
    kill@any:17                 ... at the 17th point of any name
    stop@lane.claimed:1         SIGSTOP (another process may wake it later)
    raise@publish.committed:1   raise OSError(EIO)
    enospc@chunk.part_written:1 raise OSError(ENOSPC)

Several, separated by commas. What must not live here: behaviour; the product acts the same armed or not.
"""

import errno
import os
import signal
from collections import Counter
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class _Fault:
    action: str
    point: str
    nth: int


class _Plan:
    """What is armed in this process, and which points it has passed."""

    def __init__(self) -> None:
        self.faults: tuple[_Fault, ...] = ()
        self.passed: Counter[str] = Counter()
        self.counting = False


_plan = _Plan()


def arm(specification: str) -> None:
    """Arm the faults of `specification` in this process; an empty text disarms.

    Raises:
        ValueError: The specification cannot be read.
    """
    faults = []
    for text in filter(None, specification.split(",")):
        action, _, place = text.partition("@")
        point, _, nth = place.rpartition(":")
        if action not in _ACTIONS or not point:
            msg = f"cannot read the fault {text!r}; it looks like kill@chunk.committed:1"
            raise ValueError(msg)
        faults.append(_Fault(action, point, int(nth)))
    _plan.faults = tuple(faults)
    _plan.passed.clear()
    _plan.counting = bool(faults)


def count_points() -> Counter[str]:
    """Start counting the points this process passes; the counter returned is live."""
    _plan.counting = True
    _plan.passed.clear()
    return _plan.passed


def fault(point: str) -> None:
    """Pass the crash point `point`: nothing happens unless it is armed."""
    if not _plan.counting:
        return
    _plan.passed[point] += 1
    _plan.passed["any"] += 1
    for armed in _plan.faults:
        if armed.point in (point, "any") and _plan.passed[armed.point] == armed.nth:
            _ACTIONS[armed.action]()


def _send(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)


def _fail(code: int) -> None:
    raise OSError(code, os.strerror(code))


_ACTIONS = {
    "kill": lambda: _send(signal.SIGKILL),
    "stop": lambda: _send(signal.SIGSTOP),
    "raise": lambda: _fail(errno.EIO),
    "enospc": lambda: _fail(errno.ENOSPC),
}

arm(os.environ.get("BP_FAULTS", ""))
