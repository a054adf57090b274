"""The worker's function: every item of a chunk is handed to the processor; each comes back, or is a dead letter.

An error that is permanent makes its item a dead letter at once; any other fails the attempt, after all other items had
their turn, and the next attempt tries only what is left. The last attempt makes dead letters of what still fails.
"""

import json
import os
import traceback
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from batch_pipelines.core.errors import (
    ConfigError,
    InputError,
    IntegrityError,
    PermanentError,
    SourceChanged,
    TimeLimitExceeded,
    TransientError,
)
from batch_pipelines.core.faults import fault
from batch_pipelines.items.processors import Processor, find, takes_key
from batch_pipelines.items.sources import as_line
from batch_pipelines.items.tries import Tries, tries_of

HOPELESS = (PermanentError, ConfigError, InputError, IntegrityError)
SAMPLES = 5
WORDS = 2000


@dataclass(frozen=True, slots=True)
class _Call:
    """How items of one chunk are handed over."""

    function: Processor
    batch_key: str
    takes_key: bool
    is_last: bool

    def __call__(self, number: int, item: object) -> Any:
        return self.function(item, key=f"{self.batch_key[:24]}-{number}") if self.takes_key else self.function(item)


def work_chunk(payload: dict[str, Any]) -> dict[str, Any]:
    """Work one chunk: call the function for each item, write what came back.

    Returns:
        `written`, `dead`, and `detail` with the chunk's file and a few samples of what is dead.

    Raises:
        SourceChanged: The items are not the ones that were planned.
        TransientError: Some items failed, and there are attempts left.
    """
    chunk = payload["chunk"]
    lines = read_lines(chunk)
    fault("items.read")
    function = find(payload["processor"], Path(payload["home"]))
    call = _Call(function, payload["key"], takes_key(function), payload["attempt"] >= payload["attempts"])
    with tries_of(Path(payload["folder"]) / f"{chunk['origin']:09d}.tries") as tries:
        failed = _try_all(call, tries, chunk["first"], lines, payload["attempts"])
    if failed:
        number, why = next(iter(failed.items()))
        raise TransientError(f"{len(failed)} of {len(lines)} items failed, first item {number}: {why}")
    fault("items.tried")
    return _written(payload, tries, lines)


def bury(payload: dict[str, Any], reason: str) -> dict[str, Any]:
    """Make the one item of a chunk a dead letter: it has killed its worker too often.

    Raises:
        IntegrityError: The chunk has more than one item.
    """
    lines = read_lines(payload["chunk"])
    if len(lines) != 1:
        raise IntegrityError(f"a chunk of {len(lines)} items is not one dead letter; split it first")
    return _written(payload, Tries(errors={payload["chunk"]["first"]: reason}), lines)


def read_lines(chunk: Mapping[str, Any]) -> list[bytes]:
    """Return the lines of a chunk, an item each.

    Raises:
        SourceChanged: They are not the ones that were planned.
    """
    path = Path(chunk["path"])
    try:
        with path.open("rb") as stream:
            stream.seek(chunk["start"])
            data = stream.read(chunk["end"] - chunk["start"])
    except OSError as error:
        raise SourceChanged(path.name, f"cannot be read any more: {error.strerror}") from error
    if zlib.crc32(data) != chunk["crc32"]:
        raise SourceChanged(path.name, "is not what was planned; give the items again")
    return data.splitlines(keepends=True)


def _try_all(call: _Call, tries: Tries, first: int, lines: list[bytes], attempts: int) -> dict[int, str]:
    """Give every item that is not done a try; return those that failed and may be tried again."""
    failed: dict[int, str] = {}
    for number, line in enumerate(lines, first):
        if tries.is_done(number):
            continue
        if call.is_last and tries.begun[number] >= max(attempts - 1, 1):
            tries.bury(number, f"did not come back in {tries.begun[number]} tries (a time limit, or its worker died)")
            continue
        tries.begin(number)
        try:
            tries.end(number, call(number, json.loads(line)))
        except TimeLimitExceeded:
            raise
        except HOPELESS as error:
            tries.bury(number, _say(error))
        except (Exception, SystemExit) as error:  # noqa: BLE001  whatever a function raises is about its item
            if call.is_last:
                tries.bury(number, f"{_say(error)}, in {attempts} tries")
            else:
                tries.fail(number)
                failed[number] = _say(error)
    return failed


def _say(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{place}"[:WORDS]


def _written(payload: dict[str, Any], tries: Tries, lines: list[bytes]) -> dict[str, Any]:
    """Write the chunk's file: a line for each item, in order, `result` or `error`."""
    first = payload["chunk"]["first"]
    content = b""
    written = 0
    samples: list[str] = []
    for number, line in enumerate(lines, first):
        if number in tries.errors:
            content += as_line({"index": number, "item": json.loads(line), "error": tries.errors[number]})
            samples.append(f"item {number}: {tries.errors[number]}")
        else:
            content += as_line({"index": number, "result": tries.results[number]})
            written += 1
    path = Path(payload["folder"]) / f"{payload['stem']}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    return {
        "written": written,
        "dead": len(lines) - written,
        "detail": {
            "file": path.name,
            "sha256": sha256(content).hexdigest(),
            "samples": samples[:SAMPLES],
        },
    }
