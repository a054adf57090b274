"""A maildir that bounces come to: each message is handed on, and put aside only after that was recorded.

    new/   what has come   →   cur/…:2,S   read: it was about one of ours   ·   cur/…:2,   it was not

A crash in between has the message read again, so whoever records must take the same twice (`key` is the same).
What must not live here: what a message says (bounces.py).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from batch_pipelines.campaigns.messages.tokens import Secret
from batch_pipelines.campaigns.returning.bounces import MOST_BYTES, Returned, read_returned
from batch_pipelines.core.errors import InputError

Record = Callable[[str, Returned], None]
SEEN, UNKNOWN = ":2,S", ":2,"


@dataclass(slots=True)
class Emptied:
    """What a maildir held.

    Attributes:
        recorded: Messages about ours.
        unknown: All others.
    """

    recorded: int = 0
    unknown: int = 0


def empty_maildir(folder: Path, secret: Secret, record: Record) -> Emptied:
    """Record what has come to a maildir, in order of arrival.

    Args:
        folder: With `new/` and `cur/`; made where it is missing.
        secret: What our marks are sealed with.
        record: Given a key that stays with the message, and what it says.

    Raises:
        InputError: The folder cannot be read or written.
    """
    emptied = Emptied()
    try:
        for name in ("new", "cur", "tmp"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        for file in _waiting(folder / "new"):
            with file.open("rb") as message:
                returned = read_returned(message.read(MOST_BYTES), secret)
            if returned:
                record(file.name, returned)
                emptied.recorded += 1
            else:
                emptied.unknown += 1
            _put_aside(file, folder / "cur" / f"{file.name.partition(':')[0]}{SEEN if returned else UNKNOWN}")
    except OSError as error:
        raise InputError(folder, f"the maildir cannot be emptied: {error.strerror or error}") from error
    return emptied


def _waiting(new: Path) -> Iterator[Path]:
    """Files, the oldest first; one that somebody else takes meanwhile is passed over."""
    for file in sorted(new.iterdir(), key=lambda each: each.name):
        if file.is_file() and not file.is_symlink() and not file.name.startswith("."):
            yield file


def _put_aside(file: Path, to: Path) -> None:
    try:
        file.rename(to)
    except FileNotFoundError:  # another reader was faster; what was recorded twice counts once
        return
