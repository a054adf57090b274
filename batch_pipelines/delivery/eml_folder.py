"""Mail as .eml files in a folder: what runs where no relay is named, and what any mail program opens.

A file appears whole or not at all, and a message that is already there is not written again: its name is made of its
number and its recipient. Files are not fsynced one by one. What must not live here: which folder (relays.py).
"""

import hashlib
import os
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path

from batch_pipelines.delivery.transport import Blame, Journal, Kind, Outcome, Outgoing, Phase


class EmlFolder:
    """A `Transport` into one folder; its connections are the transport itself."""

    is_real = False
    is_open = True
    offers = frozenset({"8bitmime", "smtputf8"})

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self._folder = folder

    def connect(self) -> "EmlFolder":
        """See `Transport`."""
        self._folder.mkdir(parents=True, exist_ok=True)
        return self

    def close(self) -> None:
        """See `Connection`: nothing is open."""

    def send(self, messages: Iterable[Outgoing | None], journal: Journal) -> Iterator[Outcome]:
        """See `Connection`."""
        for message in messages:
            if message:
                outcome = self._write(message, journal)
                journal.result(outcome)
                yield outcome

    def _write(self, message: Outgoing, journal: Journal) -> Outcome:
        file = self._folder / file_name(message)
        temporary = file.with_name(f".{file.name}.{secrets.token_hex(4)}.tmp")
        try:
            temporary.write_bytes(message.data)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            return _unwritten(message, error)
        try:
            journal.intent(message.seq)
            os.link(temporary, file)
            said = f"written to {file.name}"
        except FileExistsError:
            said = f"{file.name} was there already"
        except OSError as error:
            return _unwritten(message, error)
        finally:
            temporary.unlink(missing_ok=True)
        return Outcome(message.seq, Kind.SENT, None, None, said, Phase.DOT, Blame.NOBODY)


def file_name(message: Outgoing) -> str:
    """Return the name of a message's file: number, and a hash of its recipient."""
    recipient = hashlib.blake2b(message.recipient.encode(), digest_size=4).hexdigest()
    return f"{message.seq:06d}-{recipient}.eml"


def _unwritten(message: Outgoing, error: OSError) -> Outcome:
    text = f"the file could not be written: {error.strerror or error}"
    return Outcome(message.seq, Kind.UNSENT, None, None, text, Phase.BODY, Blame.CONNECTION)
