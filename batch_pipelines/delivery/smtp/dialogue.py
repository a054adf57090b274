"""The order of things on an open SMTP connection: one message in flight, the next one's envelope behind its dot.

RFC 2920 lets MAIL, RCPT and DATA go out together, and behind the previous dot: one round trip a message instead of
four, and still only one message whose fate can be unknown. Without PIPELINING each command waits for its reply.
What must not live here: how the connection came to be (connection.py), what a reply means (replies.py).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from batch_pipelines.delivery.smtp.lines import stuffed
from batch_pipelines.delivery.smtp.replies import CLOSING, FOR_GOOD, FOR_NOW, GO_ON, SUCCESS, Reply, outcome_of
from batch_pipelines.delivery.smtp.wire import Break, Timeouts, Wire
from batch_pipelines.delivery.transport import Blame, Journal, Kind, Outcome, Outgoing, Phase

GO_AHEAD, TOO_LARGE = 354, 552
_UNSAFE = re.compile(r"[\x00-\x20\x7f-\x9f<>]")
_ENVELOPE = (Phase.MAIL, Phase.RCPT, Phase.DATA)


@dataclass(frozen=True, slots=True)
class Abilities:
    """What the relay offered in its reply to EHLO.

    Attributes:
        pipelining: RFC 2920.
        eight_bit: RFC 6152: bodies of bytes above 127.
        smtputf8: RFC 6531: addresses that are not ASCII.
        size: RFC 1870: whether MAIL FROM may announce a size.
        most_bytes: The largest message it says it takes; 0 if it does not say.
    """

    pipelining: bool = False
    eight_bit: bool = False
    smtputf8: bool = False
    size: bool = False
    most_bytes: int = 0


class _Ready(NamedTuple):
    """A message made ready for the wire, or why it cannot go out."""

    message: Outgoing
    commands: tuple[bytes, bytes, bytes]
    body: bytes
    refusal: Outcome | None


class Dialogue:
    """The transactions of one connection.

    Attributes:
        broken: What ended it, if anything did.
    """

    def __init__(self, wire: Wire, abilities: Abilities, timeouts: Timeouts, most_messages: int) -> None:
        self.broken: Break | None = None
        self._wire = wire
        self._abilities = abilities
        self._timeouts = timeouts
        self._left = most_messages

    @property
    def is_used_up(self) -> bool:
        """Whether it has had as many messages as one connection gets."""
        return self._left <= 0

    def send(self, source: Iterator[Outgoing | None], journal: Journal) -> Iterator[Outcome]:
        """See `Connection.send`; leaves the connection in good order unless `broken` or left early."""
        current = self._opened(self._next_due(source))
        while current:
            outcome = current.refusal or self._envelope(current) or self._body(current)
            ahead = None if self.broken else self._pulled(source)  # written while the relay reads the body
            if not outcome:
                outcome = self._dot(current, ahead, journal)
            elif not self.broken:
                self._go_on(current, ahead)
            journal.result(outcome)
            yield outcome
            if self.broken:
                yield from self._never_begun(ahead, journal)
                return
            current = ahead or self._opened(self._next_due(source))

    def _next_due(self, source: Iterator[Outgoing | None]) -> _Ready | None:
        """The next message, however long that takes; None when there is none any more."""
        while self._left > 0:
            message = next(source, _END)
            if message is _END:
                return None
            if isinstance(message, Outgoing):
                return self._made_ready(message)
        return None

    def _pulled(self, source: Iterator[Outgoing | None]) -> _Ready | None:
        """The next message, if one is due now."""
        message = next(source, None) if self._left > 0 else None
        return self._made_ready(message) if message else None

    def _opened(self, ready: _Ready | None) -> _Ready | None:
        """Write the envelope of a message that nothing goes before."""
        if ready and not ready.refusal and self._abilities.pipelining:
            self._note(self._wire.write(b"".join(ready.commands), self._timeouts.command_s))
        return ready

    def _behind(self, ahead: _Ready | None) -> bytes:
        """What may be written behind a dot or RSET without waiting for its reply."""
        return b"".join(ahead.commands) if ahead and not ahead.refusal and self._abilities.pipelining else b""

    def _envelope(self, ready: _Ready) -> Outcome | None:
        """Come to 354, or say why not; then nothing of the message was written, and nothing is delivered."""
        refused: tuple[Phase, Reply] | None = None
        reply: Reply | None = None
        for phase, command in zip(_ENVELOPE, ready.commands, strict=True):
            reply = self._asked(phase, command)
            if reply is None:
                return self._lost(ready, phase)
            if reply.code // 100 != (GO_ON if phase is Phase.DATA else SUCCESS):
                refused = refused or (phase, reply)
                if reply.code == CLOSING or not self._abilities.pipelining:
                    break
        if not refused or not reply:
            return None
        outcome = outcome_of(ready.message.seq, *refused)
        if reply.code == CLOSING:
            self._note(Break("it is closing the connection"))
        elif outcome.kind is Kind.UNSENT and outcome.blame is Blame.CONNECTION:
            self._note(Break("it is out of step with us"))
        elif reply.code == GO_AHEAD:
            self._deliver_nothing(refused[0])
        return outcome

    def _deliver_nothing(self, refused: Phase) -> None:
        """Take back DATA that a relay accepted although it took no recipient: a lone dot (RFC 2920 §3.1)."""
        if refused is not Phase.RCPT:  # it would mail an empty message to a recipient that it did take
            self._note(Break("it wants data for a sender it refused"))
            return
        self._note(self._wire.write_dot(b"", self._timeouts.command_s))
        if not self.broken:
            self._reply(Phase.DOT)

    def _go_on(self, current: _Ready, ahead: _Ready | None) -> None:
        """Leave a message that was not delivered, and begin the next."""
        behind = self._behind(ahead)
        if current.refusal:
            if behind:
                self._note(self._wire.write(behind, self._timeouts.command_s))
            return
        self._note(self._wire.write(b"RSET\r\n" + behind, self._timeouts.command_s))
        reply = None if self.broken else self._reply(Phase.MAIL)
        if reply and reply.code // 100 != SUCCESS:
            self._note(Break(f"it refused RSET ({reply.code} {reply.text})"))

    def _body(self, ready: _Ready) -> Outcome | None:
        """Write a message up to its dot, or say why that did not work."""
        self._note(self._wire.write(ready.body, self._timeouts.body_s))
        return self._lost(ready, Phase.BODY) if self.broken else None

    def _dot(self, ready: _Ready, ahead: _Ready | None, journal: Journal) -> Outcome:
        journal.intent(ready.message.seq)
        self._note(self._wire.write_dot(self._behind(ahead), self._timeouts.body_s))
        if self.broken:
            return self._lost(ready, Phase.DOT)
        reply = self._wire.read(self._timeouts.dot_s)
        if isinstance(reply, Break):
            self._note(reply)
            text = f"{reply.what} after the final dot: it may have been accepted"
            return Outcome(ready.message.seq, Kind.AMBIGUOUS, None, None, text, Phase.DOT, Blame.CONNECTION)
        self._note(self._wire.torn)
        outcome = outcome_of(ready.message.seq, Phase.DOT, reply)
        if outcome.kind in (Kind.AMBIGUOUS, Kind.UNSENT):
            self._note(Break(f"it said {reply.code} {reply.text} and is of no further use"))
        return outcome

    def _asked(self, phase: Phase, command: bytes) -> Reply | None:
        """The reply to a command, which is already written where the relay takes several at once."""
        if not self._abilities.pipelining:
            self._note(self._wire.write(command, self._timeouts.command_s))
        return self._reply(phase)

    def _reply(self, phase: Phase) -> Reply | None:
        """The reply to what was written; None if the connection broke, before or now."""
        if self.broken:
            return None
        reply = self._wire.read(self._timeouts.of(phase))
        if isinstance(reply, Reply):
            return reply
        self._note(reply)
        return None

    def _note(self, broken: Break | None) -> None:
        self.broken = self.broken or broken

    def _lost(self, ready: _Ready, phase: Phase) -> Outcome:
        """The outcome of a message whose connection broke before its dot was out; what the relay said of it counts."""
        reply = self._wire.last_words() if self.broken and self.broken.writing else None
        if reply and reply.code // 100 in (FOR_NOW, FOR_GOOD):
            return outcome_of(ready.message.seq, Phase.DOT if phase is Phase.BODY else phase, reply)
        what = self.broken.what if self.broken else "the connection broke"
        return Outcome(ready.message.seq, Kind.UNSENT, None, None, f"{phase}: {what}", phase, Blame.CONNECTION)

    def _never_begun(self, ready: _Ready | None, journal: Journal) -> Iterator[Outcome]:
        """The outcome of a message that was pulled and whose connection broke before its turn."""
        if ready:
            what = self.broken.what if self.broken else ""
            outcome = ready.refusal or Outcome(
                ready.message.seq, Kind.UNSENT, None, None, f"before its turn: {what}", Phase.MAIL, Blame.CONNECTION
            )
            journal.result(outcome)
            yield outcome

    def _made_ready(self, message: Outgoing) -> _Ready:
        self._left -= 1
        body = stuffed(message.data)
        is_ascii, plain = message.data.isascii(), message.sender.isascii() and message.recipient.isascii()
        if reason := self._unfit(message, len(body), is_ascii=is_ascii, plain=plain):
            refusal = Outcome(message.seq, Kind.FAILED, *reason)
            return _Ready(message, (b"", b"", b""), b"", refusal)
        mail = f"MAIL FROM:<{message.sender}>"
        if self._abilities.size:
            mail += f" SIZE={len(body)}"
        if not is_ascii:
            mail += " BODY=8BITMIME"
        if not plain:
            mail += " SMTPUTF8"
        commands = (f"{mail}\r\n".encode(), f"RCPT TO:<{message.recipient}>\r\n".encode(), b"DATA\r\n")
        return _Ready(message, commands, body, None)

    def _unfit(
        self, message: Outgoing, size: int, *, is_ascii: bool, plain: bool
    ) -> tuple[int | None, str, str, Phase, Blame] | None:
        """Why this relay cannot be given a message: code, enhanced code, text, phase, blame."""
        able = self._abilities
        if _UNSAFE.search(message.sender):
            return None, "5.1.7", f"the sender {message.sender!r} is no envelope address", Phase.MAIL, Blame.MESSAGE
        if not message.recipient or _UNSAFE.search(message.recipient):
            text = f"the recipient {message.recipient!r} is no envelope address"
            return None, "5.1.3", text, Phase.RCPT, Blame.RECIPIENT
        if not plain and not able.smtputf8:
            text = "an address is not ASCII and the relay does not offer SMTPUTF8"
            return None, "5.6.7", text, Phase.MAIL, Blame.MESSAGE
        if not is_ascii and not able.eight_bit:
            text = "the message has bytes above 127 and the relay does not offer 8BITMIME"
            return None, "5.6.1", text, Phase.MAIL, Blame.MESSAGE
        if able.most_bytes and size > able.most_bytes:
            text = f"the message has {size:,} bytes and the relay takes {able.most_bytes:,} at most"
            return TOO_LARGE, "5.3.4", text, Phase.MAIL, Blame.MESSAGE
        return None


_END = Outgoing(-1, "", "", b"")
