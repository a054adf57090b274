"""Children of this process that are killed, stopped and woken at named points. The parent never starts a thread.

A child arms `core.faults`, plants whatever mutants it is told to, and does one thing in a data folder; what it says
goes to a file. `os.fork()` is cheap where everything is imported already: that is why the parent must not *use*
Arrow, DuckDB or Delta, which start threads that a fork would lose.
"""

import json
import os
import signal
import threading
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pyarrow.dataset

import batch_pipelines.processing.settling
import batch_pipelines.processing.work as chunk_work
from batch_pipelines.core import faults

Plant = Callable[[], object]
HUNG_S = 60


@dataclass(frozen=True, slots=True)
class Ended:
    """How a child ended: killed by its own fault, or with an answer."""

    killed: bool
    answer: Any


class Child:
    """One fork.

    Args:
        act: What it does; its answer must be JSON.
        folder: Where it writes its answer and its log of chunks.
        fault: Specification for `core.faults`.
        plants: Called first: mutants, shortened constants.
    """

    def __init__(self, act: Callable[[], Any], folder: Path, fault: str = "", plants: Sequence[Plant] = ()) -> None:
        assert threading.active_count() == 1, "a fork loses the threads of its parent"
        self._answer = folder / f"answer-{fault or 'none'}-{len(list(folder.glob('answer-*')))}"
        self._answer.touch()
        self.pid = os.fork()
        if self.pid == 0:
            self._be(act, folder, fault, plants)

    def wait(self) -> Ended:
        """Wait for its end; it must be killed by its own fault, or succeed."""
        status = self._waited(0)
        if os.WIFSIGNALED(status):
            assert os.WTERMSIG(status) == signal.SIGKILL, f"ended by signal {os.WTERMSIG(status)}"
            return Ended(killed=True, answer=None)
        text = self._answer.read_text()
        assert os.waitstatus_to_exitcode(status) == 0, text
        return Ended(killed=False, answer=json.loads(text))

    def wait_stopped(self) -> None:
        """Wait until it has stopped itself."""
        status = self._waited(os.WUNTRACED)
        assert os.WIFSTOPPED(status), f"it did not stop: {self._answer.read_text()}"

    def wake(self) -> None:
        """Let it go on."""
        os.kill(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        """End it, wherever it is."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)

    def _waited(self, options: int) -> int:
        """Wait with an alarm, so that a hang is a failure and not a hang."""
        before = signal.signal(signal.SIGALRM, self._hung)
        signal.alarm(HUNG_S)
        try:
            return os.waitpid(self.pid, options)[1]
        finally:
            signal.alarm(0)
            signal.signal(signal.SIGALRM, before)

    def _hung(self, _number: int, _frame: object) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        raise AssertionError(f"the child did not end in {HUNG_S} s: {self._answer.name}")

    def _be(self, act: Callable[[], Any], folder: Path, fault: str, plants: Sequence[Plant]) -> NoReturn:
        try:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            _log_chunks(folder / "chunks.log")
            for plant in plants:
                plant()
            passed = faults.count_points()
            if fault:
                faults.arm(fault)
            answer = act()
            self._answer.write_text(json.dumps(answer if answer is not None else dict(passed)))
            code = 0
        except BaseException:  # noqa: BLE001  told to the parent
            self._answer.write_text(traceback.format_exc())
            code = 9
        os._exit(code)


def _log_chunks(log: Path) -> None:
    """Note every chunk that is begun, in a file that outlives the child."""
    work_chunk = chunk_work.work_chunk

    def logged(payload: dict[str, Any]) -> dict[str, Any]:
        with log.open("a") as file:
            file.write(f"{payload['dataset']}/{payload['partition']} {payload['chunk']['start']} {payload['items']}\n")
        return work_chunk(payload)

    chunk_work.work_chunk = logged


def chunks_begun(folder: Path) -> list[str]:
    """The chunks that children of this folder began, in order."""
    log = folder / "chunks.log"
    return log.read_text().splitlines() if log.exists() else []


PRELOADED = (batch_pipelines.processing.settling, chunk_work, pyarrow.dataset)
