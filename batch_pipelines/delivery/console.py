"""Mail on the terminal: the envelope, the headers people read, and the text part."""

import email
import email.policy
import sys
from collections.abc import Iterable, Iterator
from typing import TextIO

from batch_pipelines.delivery.transport import Blame, Journal, Kind, Outcome, Outgoing, Phase

SHOWN = ("From", "To", "Subject", "Date", "List-Unsubscribe")


class Console:
    """A `Transport` that prints; its connections are the transport itself."""

    is_real = False
    is_open = True
    offers = frozenset({"8bitmime", "smtputf8"})

    def __init__(self, name: str, out: TextIO | None = None) -> None:
        self.name = name
        self._out = out

    def connect(self) -> "Console":
        """See `Transport`."""
        return self

    def close(self) -> None:
        """See `Connection`: nothing is open."""

    def send(self, messages: Iterable[Outgoing | None], journal: Journal) -> Iterator[Outcome]:
        """See `Connection`."""
        for message in messages:
            if message:
                journal.intent(message.seq)
                print(as_text(message), file=self._out or sys.stdout, flush=True)
                outcome = Outcome(message.seq, Kind.SENT, None, None, "printed", Phase.DOT, Blame.NOBODY)
                journal.result(outcome)
                yield outcome


def as_text(message: Outgoing) -> str:
    """Return a message as a person reads it; control characters are left out, so that no terminal obeys them."""
    parsed = email.message_from_bytes(message.data, policy=email.policy.default)
    body = parsed.get_body(("plain", "html"))
    lines = [
        f"──── {message.seq}: {message.sender or '<>'} → {message.recipient} ({len(message.data):,} bytes)",
        *(f"{name}: {parsed[name]}" for name in SHOWN if parsed[name]),
        "",
        str(body.get_content()).rstrip() if body else "(no text)",
    ]
    attached = [part.get_filename() or part.get_content_type() for part in parsed.iter_attachments()]
    lines += ["", f"Attached: {', '.join(attached)}"] if attached else []
    return "\n".join("".join(letter for letter in line if letter >= " " or letter in "\n\t") for line in lines)
