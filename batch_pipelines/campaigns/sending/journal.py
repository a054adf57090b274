"""The journal of one claim: a line before each message's final dot, a line after its reply. Outlives its process.

    I 17                                        the final dot of recipient 17 is the next thing written
    R 17 ["sent",250,null,"queued","dot","nobody"]   its outcome

Each line is in the page cache as soon as it is written: a killed process loses nothing of it. A machine that dies may
lose it, so after another boot it says nothing. What must not live here: what follows from it (recovery.py).
"""

import json
import mmap
import os
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from batch_pipelines.core.faults import fault
from batch_pipelines.delivery.transport import Blame, Kind, Outcome, Phase

FOLDER = Path("campaigns") / "journals"
ROOM_BYTES = 1 << 16
LONGEST_REPLY = 500
END = ord("\n")
_quoted = json.encoder.encode_basestring_ascii


class ClaimJournal:
    """A journal that is being written.

    It is mapped into memory: a line costs no system call, at which Python would let other threads go first while a
    final dot waits for its reply to be noted.

    Args:
        data: The data folder.
        check: Called before each intent; raises to forbid it.
        noted: Called after each result.
    """

    def __init__(self, data: Path, check: Callable[[int], None], noted: Callable[[], None] = lambda: None) -> None:
        self.name = f"{FOLDER}/{secrets.token_hex(12)}"
        self._path = data / self.name
        self._check, self._noted = check, noted
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        self._at = 0
        self._size = ROOM_BYTES
        try:
            _allocate(self._file, self._size)  # a full disk shows itself here, not as a signal later
            self._map = mmap.mmap(self._file, self._size)
        except OSError:
            os.close(self._file)
            self._path.unlink(missing_ok=True)
            raise
        fault("mail.journal_made")

    def intent(self, seq: int) -> None:
        """See `Journal`."""
        self._check(seq)
        self._write(b"I %d" % seq)
        fault("mail.intended")

    def result(self, outcome: Outcome) -> None:
        """See `Journal`."""
        fault("mail.replied")
        self._write(_line(outcome))
        self._noted()
        fault("mail.noted")

    def close(self, *, remove: bool) -> None:
        """Close it; remove it once its claim is settled."""
        self._map.close()
        os.close(self._file)
        if remove:
            self._path.unlink(missing_ok=True)
            fault("mail.journal_removed")

    def _write(self, line: bytes) -> None:
        """Write a line; its end comes last: a line without one was not written."""
        end = self._at + len(line)
        if end >= self._size:
            self._size += max(ROOM_BYTES, len(line) + 1)
            _allocate(self._file, self._size)
            self._map.resize(self._size)
        self._map[self._at : end] = line
        self._map[end] = END
        self._at = end + 1


def _line(outcome: Outcome) -> bytes:
    """The line of an outcome. Written by hand: a JSON encoder for each costs seven times as much."""
    seq, kind, code, enhanced, reply, phase, blame = outcome
    said_code = "null" if code is None else code
    said_enhanced = "null" if enhanced is None else _quoted(enhanced)
    text = f'R {seq} ["{kind}",{said_code},{said_enhanced},{_quoted(reply[:LONGEST_REPLY])},"{phase}","{blame}"]'
    return text.encode("ascii")


def _allocate(file: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, 0, size)
    else:
        os.ftruncate(file, size)


@dataclass(frozen=True, slots=True)
class Written:
    """What a journal says.

    Attributes:
        intents: Recipients whose final dot was about to be written.
        results: Outcomes, by recipient.
    """

    intents: frozenset[int] = frozenset()
    results: dict[int, Outcome] = field(default_factory=dict)


def read_journal(path: Path) -> Written | None:
    """Read a journal; None if it is not there. What has no end was not written."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    intents: set[int] = set()
    results: dict[int, Outcome] = {}
    for line in content.split(b"\n")[:-1]:  # behind the last end: room, or a line that was never finished
        mark, _, rest = line.partition(b" ")
        number, _, said = rest.partition(b" ")
        if mark == b"I":
            intents.add(int(number))
        else:
            results[int(number)] = _outcome(int(number), json.loads(said))
    return Written(frozenset(intents), results)


def _outcome(seq: int, said: Sequence[object]) -> Outcome:
    kind, code, enhanced, reply, phase, blame = said
    return Outcome(
        seq,
        Kind(str(kind)),
        code if isinstance(code, int) else None,
        None if enhanced is None else str(enhanced),
        str(reply),
        Phase(str(phase)),
        Blame(str(blame)),
    )
