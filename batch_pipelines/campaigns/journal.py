"""The journal of one claim: a line before each message's final dot, a line after its reply. Outlives its process.

    I 17                                        the final dot of recipient 17 is the next thing written
    R 17 {"kind": "sent", "code": 250, …}       its outcome

Each line is one write to the page cache: a killed process loses nothing of it. A machine that dies may lose it, so
after another boot it says nothing. What must not live here: what follows from it (recovery.py).
"""

import json
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from batch_pipelines.core.faults import fault
from batch_pipelines.delivery.transport import Blame, Kind, Outcome, Phase

FOLDER = Path("campaigns") / "journals"


class ClaimJournal:
    """A journal that is being written.

    Args:
        data: The data folder.
        check: Called before each intent; raises to forbid it.
    """

    def __init__(self, data: Path, check: Callable[[int], None]) -> None:
        self.name = f"{FOLDER}/{secrets.token_hex(12)}"
        self._path = data / self.name
        self._check = check
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        fault("mail.journal_made")

    def intent(self, seq: int) -> None:
        """See `Journal`."""
        self._check(seq)
        os.write(self._file, b"I %d\n" % seq)
        fault("mail.intended")

    def result(self, outcome: Outcome) -> None:
        """See `Journal`."""
        fault("mail.replied")
        said = {
            "kind": outcome.kind,
            "code": outcome.code,
            "enhanced": outcome.enhanced,
            "reply": outcome.reply,
            "phase": outcome.phase,
            "blame": outcome.blame,
        }
        os.write(self._file, b"R %d %s\n" % (outcome.seq, json.dumps(said, separators=(",", ":")).encode()))
        fault("mail.noted")

    def close(self, *, remove: bool) -> None:
        """Close it; remove it once its claim is settled."""
        os.close(self._file)
        if remove:
            self._path.unlink(missing_ok=True)
            fault("mail.journal_removed")


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
    """Read a journal; None if it is not there. A line that was not finished says nothing: its write never returned."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    intents: set[int] = set()
    results: dict[int, Outcome] = {}
    for line in content.split(b"\n")[:-1]:
        mark, _, rest = line.partition(b" ")
        number, _, said = rest.partition(b" ")
        if mark == b"I":
            intents.add(int(number))
        else:
            results[int(number)] = _outcome(int(number), json.loads(said))
    return Written(frozenset(intents), results)


def _outcome(seq: int, said: dict[str, object]) -> Outcome:
    code, enhanced = said["code"], said["enhanced"]
    return Outcome(
        seq,
        Kind(str(said["kind"])),
        code if isinstance(code, int) else None,
        None if enhanced is None else str(enhanced),
        str(said["reply"]),
        Phase(str(said["phase"])),
        Blame(str(said["blame"])),
    )
