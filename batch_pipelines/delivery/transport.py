"""What sending a mail is, whoever sends it: messages in, outcomes out, and the journal that is told in between.

Lives here: the words and the protocols. Elsewhere: SMTP (smtp/), .eml files (eml_folder.py), the terminal
(console.py), which of them a name stands for (relays.py), what a reply means (smtp/replies.py).

The order of one message is always: envelope, body, `journal.intent`, the final dot, its reply, `journal.result`,
the outcome. A message without intent was not sent; one with a result is settled; one with an intent alone is ambiguous.
"""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple, Protocol


class Kind(StrEnum):
    """What became of a message."""

    SENT = "sent"
    """Accepted: a 2xx reply to the final dot was read."""
    DEFERRED = "deferred"
    """Refused for now (4xx): try this recipient again later; charges an attempt."""
    FAILED = "failed"
    """Refused for good (5xx): never again as it is."""
    AMBIGUOUS = "ambiguous"
    """The final dot was written and no reply read: accepted or not, nobody knows. Never sent again by itself."""
    UNSENT = "unsent"
    """Certainly not accepted, and not for this message's sake (connection lost, relay closing): charges nothing."""


class Phase(StrEnum):
    """How far a dialogue with a relay had come."""

    CONNECT = "connect"
    BANNER = "banner"
    HELO = "HELO"
    TLS = "STARTTLS"
    AUTH = "AUTH"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    BODY = "body"
    DOT = "dot"


class Blame(StrEnum):
    """Whom an outcome speaks of: what suppression and circuit breaker ask."""

    NOBODY = "nobody"
    """Sent."""
    RECIPIENT = "recipient"
    """There is no such mailbox (5.1.x, or a bare 550 at RCPT): a hard bounce; suppress the address."""
    MAILBOX = "mailbox"
    """The mailbox exists and cannot take it now (full, greylisted, disabled): a soft bounce."""
    MESSAGE = "message"
    """This message's content or size is refused; counts for the breaker, says nothing of the address."""
    POLICY = "policy"
    """Sender, authorisation or reputation is refused (5.7.x, any 5xx at MAIL): pause; never suppress the address."""
    THROTTLE = "throttle"
    """Too fast for the relay (454 Throttling, 4.7.x rate limits): slow down."""
    CONNECTION = "connection"
    """The relay is slow, gone or closing (421, timeout, drop)."""


class Outgoing(NamedTuple):
    """One message, ready for the wire.

    Attributes:
        seq: The caller's number for it, unique within one `send`.
        sender: Envelope MAIL FROM, without angle brackets; empty for the null sender.
        recipient: Envelope RCPT TO, without angle brackets; its domain in ASCII (addresses.py).
        data: Headers and body, lines ended by CRLF, not dot-stuffed.
    """

    seq: int
    sender: str
    recipient: str
    data: bytes


class Outcome(NamedTuple):
    """What became of one message.

    Attributes:
        seq: The message's.
        kind: What became of it.
        code: The reply's code; None where there was no reply.
        enhanced: Enhanced status code (RFC 3463), e.g. `5.1.1`, if the reply has one.
        reply: The reply's text, or what happened in place of a reply; one line, printable.
        phase: Where in the dialogue it was decided.
        blame: Whom it speaks of.
    """

    seq: int
    kind: Kind
    code: int | None
    enhanced: str | None
    reply: str
    phase: Phase = Phase.DOT
    blame: Blame = Blame.NOBODY


class Journal(Protocol):
    """Told of each message before and after the moment that cannot be taken back."""

    def intent(self, seq: int) -> None:
        """The final dot of `seq` is the next thing written. Raise to forbid it (a lost lease): then it is not."""
        ...

    def result(self, outcome: Outcome) -> None:
        """The outcome of a message is known; called once for each, with or without an intent before."""
        ...


class Connection(Protocol):
    """One open dialogue with a relay. Not for use by two threads at once."""

    @property
    def is_open(self) -> bool:
        """Whether another `send` makes sense."""
        ...

    @property
    def offers(self) -> frozenset[str]:
        """What the relay takes, in lower case: of interest are `8bitmime` and `smtputf8`."""
        ...

    def send(self, messages: Iterable[Outgoing | None], journal: Journal) -> Iterator[Outcome]:
        """Send messages in order; yield the outcome of each, in the same order, after the journal knows it.

        One message further than the one in flight is pulled. `None` among the messages stands for "nothing is due
        now": what is in flight is finished before the next is asked for, so a rate limiter yields it before it waits.
        Ends early when the connection does: then `is_open` is False, every message pulled has an outcome, and the
        iterator given can be handed to the next connection. Whoever stops reading early ends the connection; a message
        without an outcome then has no intent either.

        Raises:
            Exception: What `journal` or `messages` raised; the connection is ended, no dot was written after it.
        """
        ...

    def close(self) -> None:
        """End the dialogue politely where that is still possible; never raises."""
        ...


class Transport(Protocol):
    """A way to send mail."""

    @property
    def name(self) -> str:
        """What messages and the ledger call it."""
        ...

    @property
    def is_real(self) -> bool:
        """Whether mail leaves this machine for people; False for .eml files and the terminal."""
        ...

    def connect(self) -> Connection:
        """Open a dialogue.

        Raises:
            RelayUnavailable: Nobody answers, or not now; try later.
            RelayRefused: It answers and does not want us (password, certificate, TLS): somebody must act.
        """
        ...
