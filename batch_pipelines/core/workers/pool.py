"""The worker-pool protocol, and the ways a task can end. What an ending means is decided in lane.py."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from batch_pipelines.core.model import Task


@dataclass(frozen=True, slots=True)
class Returned:
    """The task came to its end. `value` is what it returned, `seconds` what it took."""

    value: Mapping[str, Any]
    seconds: float


@dataclass(frozen=True, slots=True)
class Raised:
    """The task raised. `kind` is the base of core/errors.py that it falls under."""

    kind: str
    message: str
    delay_s: float | None = None


@dataclass(frozen=True, slots=True)
class Died:
    """The task's worker is gone: killed, out of memory, crashed. Evidence against the task."""

    exit_code: int


@dataclass(frozen=True, slots=True)
class TimedOut:
    """The task ran past its hard limit and its worker was killed."""

    hard_s: float


@dataclass(frozen=True, slots=True)
class Lost:
    """The pool broke before the task ended. No evidence against the task."""

    message: str


Ending = Returned | Raised | Died | TimedOut | Lost


class WorkerPool(Protocol):
    """Where tasks are worked on.

    Attributes:
        workers: Tasks that are worked on at the same time.
    """

    workers: int

    def submit(self, ticket: int, task: Task) -> None:
        """Queue `task`; its ending comes back under `ticket`."""
        ...

    def wait(self, timeout_s: float) -> list[tuple[int, Ending]]:
        """Endings that have come since the last call; waits up to `timeout_s` for the first."""
        ...

    def stop(self) -> None:
        """Kill what still runs. The pool may not be used again."""
        ...
