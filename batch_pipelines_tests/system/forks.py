"""Children that are killed, stopped and woken at named points: forked by a zygote, asked for and judged from here."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Ended:
    """How a child ended: killed by its own fault, or with an answer."""

    killed: bool
    answer: Any


class Forks:
    """A zygote and its children."""

    def __init__(self, zygote: "subprocess.Popen[str]") -> None:
        self._zygote = zygote

    def child(self, act: str, *arguments: Path, folder: Path, fault: str = "", plants: Sequence[str] = ()) -> "Child":
        """Fork a child.

        Args:
            act: Name of a function of acts.py.
            arguments: Its arguments.
            folder: Where the child writes its answer and its log of chunks.
            fault: Specification for `core.faults`.
            plants: Names of functions of mutants.py, called first.
        """
        texts = [str(argument) for argument in arguments]
        asked = {"act": act, "arguments": texts, "folder": str(folder), "fault": fault, "plants": list(plants)}
        said = self.ask({"fork": asked})
        return Child(self, said["pid"], Path(said["answer"]))

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """One request to the zygote."""
        assert self._zygote.stdin
        assert self._zygote.stdout
        self._zygote.stdin.write(json.dumps(request) + "\n")
        self._zygote.stdin.flush()
        said: dict[str, Any] = json.loads(self._zygote.stdout.readline())
        return said


@dataclass(frozen=True, slots=True)
class Child:
    """One fork."""

    forks: Forks
    pid: int
    answer: Path

    def wait(self) -> Ended:
        """Wait for its end; it must be killed by its own fault, or succeed."""
        status = self._status(stopped=False)
        if os.WIFSIGNALED(status):
            assert os.WTERMSIG(status) == signal.SIGKILL, f"ended by signal {os.WTERMSIG(status)}"
            return Ended(killed=True, answer=None)
        text = self.answer.read_text()
        assert os.waitstatus_to_exitcode(status) == 0, text
        return Ended(killed=False, answer=json.loads(text))

    def wait_stopped(self) -> None:
        """Wait until it has stopped itself."""
        assert os.WIFSTOPPED(self._status(stopped=True)), f"it did not stop: {self.answer.read_text()}"

    def wake(self) -> None:
        """Let it go on."""
        os.kill(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        """End it, wherever it is."""
        os.kill(self.pid, signal.SIGKILL)
        self._status(stopped=False)

    def _status(self, *, stopped: bool) -> int:
        return int(self.forks.ask({"wait": self.pid, "stopped": stopped})["status"])


@contextmanager
def forks() -> Iterator[Forks]:
    """Forks, until the block ends."""
    argv = [sys.executable, "-m", "batch_pipelines_tests.system.zygote"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as zygote:
        yield Forks(zygote)
