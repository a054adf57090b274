"""A sink to send to, and a journal that remembers in which order it was told what."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from batch_pipelines.core.clock import SystemClock
from batch_pipelines.delivery.sink.faults import read_fault
from batch_pipelines.delivery.sink.server import Sink, running
from batch_pipelines.delivery.sink.session import Received, Rules
from batch_pipelines.delivery.smtp.connection import SmtpServer, SmtpTransport
from batch_pipelines.delivery.smtp.wire import Timeouts
from batch_pipelines.delivery.transport import Outcome, Outgoing

PATIENT = Timeouts(connect_s=5, banner_s=5, command_s=5, data_s=5, body_s=5, dot_s=5, quit_s=1)
HASTY = Timeouts(connect_s=0.3, banner_s=0.15, command_s=0.15, data_s=0.15, body_s=0.15, dot_s=0.15, quit_s=0.15)

EACH_WAY = pytest.mark.parametrize("rules", [Rules(), Rules(pipelining=False)], ids=["pipelined", "sequential"])


class Notes:
    """A `Journal` that remembers; it may be told to forbid a message."""

    def __init__(self, forbidden: int | None = None) -> None:
        self.told: list[tuple[str, int]] = []
        self.outcomes: list[Outcome] = []
        self._forbidden = forbidden

    def intent(self, seq: int) -> None:
        """See `Journal`."""
        if seq == self._forbidden:
            raise Forbidden
        self.told.append(("intent", seq))

    def result(self, outcome: Outcome) -> None:
        """See `Journal`."""
        self.told.append(("result", outcome.seq))
        self.outcomes.append(outcome)


class Forbidden(Exception):
    """The journal has lost its lease."""


@dataclass
class Office:
    """A running sink, what it kept, and the way there."""

    sink: Sink
    kept: list[Received] = field(default_factory=list)

    def transport(self, timeouts: Timeouts = PATIENT, **server: Any) -> SmtpTransport:
        """A transport to the sink."""
        address = SmtpServer("127.0.0.1", self.sink.port, **server)
        return SmtpTransport("office", address, SystemClock(), timeouts)

    @property
    def kept_numbers(self) -> list[int]:
        """Numbers of the mails kept, in order."""
        return [int(mail.recipients[0].partition("@")[0].removeprefix("r")) for mail in self.kept]


@contextmanager
def office(*faults: str, rules: Rules | None = None) -> Iterator[Office]:
    """A sink with faults, while the block runs."""
    kept: list[Received] = []
    with running(kept.append, rules, [read_fault(text) for text in faults]) as sink:
        yield Office(sink, kept)


def mails(count: int, data: bytes = b"Subject: hello\r\n\r\nworld\r\n") -> list[Outgoing]:
    """Messages to r0@, r1@ …"""
    return [Outgoing(seq, "news@example.com", f"r{seq}@example.org", data) for seq in range(count)]


def send_all(
    where: Office, messages: Iterable[Outgoing | None], timeouts: Timeouts = PATIENT
) -> tuple[list[Outcome], Notes]:
    """Send messages on one connection."""
    notes = Notes()
    connection = where.transport(timeouts).connect()
    try:
        outcomes = list(connection.send(messages, notes))
    finally:
        connection.close()
    assert outcomes == notes.outcomes
    return outcomes, notes


def kinds(outcomes: Sequence[Outcome]) -> list[str]:
    """What became of each."""
    return [outcome.kind.value for outcome in outcomes]
