"""What workers are made to do in these tests: user code at its worst."""

import os
import re
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from batch_pipelines.core.errors import PermanentError, SourceChanged, TransientError

Payload = Mapping[str, Any]


class Prickly(Exception):
    """Does not unpickle."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(f"{one} {two}")


class Mute(Exception):
    """Cannot say what it is."""

    def __str__(self) -> str:
        raise RuntimeError


class Word(str):
    """A str that does not pickle."""

    __slots__ = ()

    def __reduce__(self) -> NoReturn:
        raise TypeError


def echo(payload: Payload) -> Payload:
    """Give back what came, and who one is."""
    return {**payload, "pid": os.getpid()}


def waits(payload: Payload) -> Payload:
    """Come to no end, in Python."""
    _say(payload)
    threading.Event().wait(60)
    return {}


def spins(payload: Payload) -> Payload:
    """Come to no end, and let no other thread of the process run: the regular expression holds the GIL."""
    _say(payload)
    re.match(r"(a+)+$", "a" * 40 + "b")
    return {}


def ignores_limits(_payload: Payload) -> Payload:
    """Swallow the soft limit and SIGTERM."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        try:
            threading.Event().wait(60)
        except BaseException:  # noqa: BLE001, S112
            continue


def adds_up(payload: Payload) -> Payload:
    """Count the numbers of a chunk; the number 13 kills, and each takes `pause_s`."""
    numbers = range(payload["first"], payload["first"] + payload["items"])
    threading.Event().wait(payload.get("pause_s", 0))
    if 13 in numbers:
        os.kill(os.getpid(), signal.SIGKILL)
    return {"written": len(numbers), "pid": os.getpid()}


def dies(_payload: Payload) -> Payload:
    """Be killed, as by the kernel when memory is short."""
    os.kill(os.getpid(), signal.SIGKILL)
    return {}


def exits(payload: Payload) -> Payload:
    """Leave without a word."""
    os._exit(payload.get("code", 3))


def raises(payload: Payload) -> Payload:
    """Raise what the payload names."""
    errors: dict[str, BaseException] = {
        "prickly": Prickly("a", "b"),
        "mute": Mute(),
        "value": ValueError("no \udcff such value"),
        "long": ValueError("x" * 100_000),
        "exit": SystemExit(3),
        "interrupt": KeyboardInterrupt(),
        "permanent": PermanentError("never"),
        "transient": TransientError("later", delay_s=7),
        "changed": SourceChanged("a.csv", "gone"),
    }
    raise errors[payload["what"]]


def returns_unpicklable(payload: Payload) -> Any:
    """Return what must not come back as it is."""
    return {"lambda": {"f": len}, "word": {"w": Word("w")}, "set": {1, 2}}[payload["what"]]


def starts_children(payload: Payload) -> Payload:
    """Start a process that would live for a minute, then do as the payload says."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", os.environ.get("BP_MARK", "")])
    Path(payload["say"]).write_text(str(child.pid))
    if payload.get("then") == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    threading.Event().wait(60 if payload.get("then") == "wait" else 0)
    return {}


def _say(payload: Payload) -> None:
    if "say" in payload:
        Path(payload["say"]).write_text(str(os.getpid()))


def faults_of_a_second_need(payload: Payload) -> dict[str, int]:
    """Fill 20 MB of memory and free it, twice; the pages that the system had to make each time."""
    del payload
    made = []
    for _ in range(2):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        filled = b"x" * (20 << 20)
        made.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
        del filled
    return {"first": made[0], "second": made[1]}


def large_pages_of_a_need(payload: Payload) -> dict[str, int]:
    """Fill 20 MB of memory; how many MB the process has in large pages meanwhile."""
    del payload
    filled = b"x" * (20 << 20)
    lines = Path("/proc/self/smaps_rollup").read_text(encoding="ascii").splitlines()
    (line,) = (line for line in lines if line.startswith("AnonHugePages:"))
    return {"mb": int(line.split()[1]) // 1024 if filled else 0}


def loaded(payload: Payload) -> dict[str, list[str]]:
    """Which of these modules this worker has."""
    return {"loaded": [name for name in payload["modules"] if name in sys.modules]}
