"""What earlier attempts of a chunk have got done: an item that came back is never handed to the function again.

One file a chunk, a line an event, appended as it happens: `b` an item is begun, `r` it came back, `f` it failed, `e`
it is a dead letter. A line that a crash cut short is passed over. No fsync: after a loss of power, functions may be
called again.
"""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from batch_pipelines.core.errors import PermanentError
from batch_pipelines.items.sources import as_line


@dataclass
class Tries:
    """What is known of a chunk's items, by number.

    Attributes:
        results: What came back.
        errors: Why an item is a dead letter.
        begun: How often an item was begun and nothing came back: its worker was killed, or ran out of time.
    """

    results: dict[int, Any] = field(default_factory=dict)
    errors: dict[int, str] = field(default_factory=dict)
    begun: Counter[int] = field(default_factory=Counter)
    _log: IO[bytes] | None = None

    def is_done(self, number: int) -> bool:
        """Whether an item needs no further try."""
        return number in self.results or number in self.errors

    def begin(self, number: int) -> None:
        """Record that an item is handed to the function."""
        self.begun[number] += 1
        self._append({"b": number})

    def end(self, number: int, result: object) -> None:
        """Record what came back.

        Raises:
            PermanentError: It is no JSON value.
        """
        try:
            self._append({"r": number, "v": result})
        except (TypeError, ValueError) as error:
            raise PermanentError(f"its result is no JSON value: {error}") from error
        self.results[number] = result

    def fail(self, number: int) -> None:
        """Record that the function failed, and may be tried again."""
        self.begun[number] = 0
        self._append({"f": number})

    def bury(self, number: int, why: str) -> None:
        """Record that an item is a dead letter."""
        self.errors[number] = why
        self._append({"e": number, "v": why})

    def _append(self, event: dict[str, Any]) -> None:
        line = as_line(event, allow_nan=False)
        if self._log is not None:
            self._log.write(line)


@contextmanager
def tries_of(file: Path) -> Iterator[Tries]:
    """Read what is known of a chunk, and record more.

    Args:
        file: The chunk's file; it need not be there.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    tries = Tries()
    with file.open("a+b", buffering=0) as log:
        log.seek(0)
        content = log.read()
        for line in content.split(b"\n"):
            _take(tries, line)
        if content and not content.endswith(b"\n"):
            log.write(b"\n")
        tries._log = log  # noqa: SLF001  its own
        yield tries


def _take(tries: Tries, line: bytes) -> None:
    try:
        event = json.loads(line)
    except ValueError:
        return
    if "b" in event:
        tries.begun[event["b"]] += 1
    elif "f" in event:
        tries.begun[event["f"]] = 0
    elif "r" in event:
        tries.results[event["r"]] = event["v"]
    else:
        tries.errors[event["e"]] = event["v"]
