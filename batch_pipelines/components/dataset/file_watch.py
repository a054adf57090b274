"""When is a delivered file whole? When its size and time stood still over two looks and nobody has it open to write.

Pure but for the first bytes of files that are about to be delivered: sightings and cursor in, deliveries and cursor
out.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

MAX_REMEMBERED = 5000  # beyond it the run key still keeps a file from being delivered twice
FIRST_BYTES = 1 << 20
GROWING = "may still be written; it is taken when its size stands still"
OPEN = "is open in a process that writes; it is taken when that is done"


@dataclass(frozen=True, slots=True)
class Sighting:
    """A file as it is now.

    Attributes:
        path: Where it is.
        name: Its name for people; the cursor's key.
        partition: The partition it belongs to.
        size: Bytes.
        mtime_ns: Last change.
    """

    path: Path
    name: str
    partition: str
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """Files of one partition that are whole, and at least one of them new.

    Attributes:
        names: All files of the partition.
        fingerprint: Hash over name, size, time and first bytes of each: the same files are the same delivery.
    """

    partition: str
    names: tuple[str, ...]
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Look:
    """What one look came to.

    Attributes:
        deliveries: At most as many as were asked for.
        waiting: By name: why a file is not delivered yet.
        cursor: To be handed to the next look.
    """

    deliveries: list[Delivery]
    waiting: dict[str, str]
    cursor: str


def look(cursor: str | None, seen: Sequence[Sighting], is_open: Callable[[Path], bool], *, limit: int) -> Look:
    """Decide which partitions are delivered.

    A partition waits for all its files: a run reads them all.

    Args:
        cursor: What the last look returned.
        seen: All files that are there now.
        is_open: Whether somebody has a file open to write.
        limit: Deliveries at most; the rest come with the next looks.
    """
    before = _remembered(cursor)
    waiting: dict[str, str] = {}
    groups: dict[str, list[Sighting]] = {}
    for each in seen:
        groups.setdefault(each.partition, []).append(each)
    delivered: set[str] = set()
    deliveries: list[Delivery] = []
    for partition, files in sorted(groups.items()):
        new = [file for file in files if before.get(file.name) != (file.size, file.mtime_ns, True)]
        moving = {file.name: why for file in new if (why := _unfinished(file, before, is_open))}
        waiting |= moving
        if new and not moving and len(deliveries) < limit:
            deliveries.append(_delivery(partition, files))
            delivered |= {file.name for file in new}
    return Look(deliveries, waiting, _cursor(seen, before, delivered))


_Memory = Mapping[str, tuple[int, int, bool]]


def _unfinished(file: Sighting, before: _Memory, is_open: Callable[[Path], bool]) -> str | None:
    size, mtime_ns, _ = before.get(file.name, (-1, -1, False))
    if (size, mtime_ns) != (file.size, file.mtime_ns):
        return GROWING
    return OPEN if is_open(file.path) else None


def _delivery(partition: str, files: Sequence[Sighting]) -> Delivery:
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.name}\0{file.size}\0{file.mtime_ns}\0".encode())
        digest.update(_first_bytes(file.path))
    return Delivery(partition, tuple(file.name for file in files), digest.hexdigest()[:32])


def _first_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return hashlib.sha256(stream.read(FIRST_BYTES)).digest()
    except OSError:  # the run will say so
        return b""


def _remembered(cursor: str | None) -> _Memory:
    try:
        files = json.loads(cursor or "{}")["files"]
        return {name: (int(size), int(mtime_ns), bool(done)) for name, (size, mtime_ns, done) in files.items()}
    except (KeyError, TypeError, ValueError, AttributeError):
        return {}  # no cursor yet, or one that somebody edited: look anew


def _cursor(seen: Sequence[Sighting], before: _Memory, delivered: set[str]) -> str:
    """Remember the files that are there, the newest first if there are too many."""
    newest = islice(sorted(seen, key=lambda file: -file.mtime_ns), MAX_REMEMBERED)
    files = {file.name: (file.size, file.mtime_ns, file.name in delivered or _done(file, before)) for file in newest}
    return json.dumps({"files": files}, separators=(",", ":"))


def _done(file: Sighting, before: _Memory) -> bool:
    return before.get(file.name) == (file.size, file.mtime_ns, True)
