"""One SMTP dialogue from the server's side: what each command does, and in which order they may come.

What must not live here: bytes and faults (line.py), listening, and where mail is kept (server.py).
"""

import asyncio
import base64
import binascii
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from batch_pipelines.delivery.sink.faults import Action, FaultPlan, SinkPhase
from batch_pipelines.delivery.sink.line import Line


@dataclass(frozen=True, slots=True)
class Received:
    """A mail as it came in.

    Attributes:
        sender: MAIL FROM, without brackets.
        recipients: RCPT TO, without brackets, those that were taken.
        data: Headers and body, dots unstuffed.
        parameters: What stood behind the sender, e.g. `BODY=8BITMIME`.
    """

    sender: str
    recipients: tuple[str, ...]
    data: bytes
    parameters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rules:
    """What a sink offers and demands.

    Attributes:
        pipelining: Offer PIPELINING.
        eight_bit: Offer 8BITMIME.
        smtputf8: Offer SMTPUTF8.
        most_bytes: The size it announces; 0 for none.
        ehlo: Know EHLO; else only HELO, as in 1982.
        tls: Certificate for STARTTLS, or for TLS at once.
        tls_at_once: TLS from the first byte.
        login: `(user, password)` that AUTH must give before MAIL.
        latency_s: How long each reply is under way.
    """

    pipelining: bool = True
    eight_bit: bool = True
    smtputf8: bool = True
    most_bytes: int = 0
    ehlo: bool = True
    tls: ssl.SSLContext | None = None
    tls_at_once: bool = False
    login: tuple[str, str] | None = None
    latency_s: float = 0.0


class Session(Line):
    """One connection: the commands, in the order that RFC 5321 wants."""

    def __init__(
        self, rules: Rules, plan: FaultPlan, keep: Callable[[Received], None], over: Callable[["Session"], None]
    ) -> None:
        super().__init__(plan, rules.latency_s)
        self._rules = rules
        self._keep = keep
        self._over = over
        self._greeted = self._secure = self._known = False
        self._sender: str | None = None
        self._parameters: tuple[str, ...] = ()
        self._recipients: list[str] = []
        self._starting: asyncio.Task[None] | None = None
        self._commands: dict[str, Callable[[str], None]] = {
            "HELO": self._helo,
            "EHLO": self._ehlo,
            "STARTTLS": self._starttls,
            "AUTH": self._auth,
            "MAIL": self._mail,
            "RCPT": self._rcpt,
            "DATA": self._data,
            "RSET": self._rset,
            "NOOP": lambda _: self.say("250 2.0.0 fine"),
            "QUIT": self._quit,
        }

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet; not again when TLS begins."""
        if self._starting is None:
            self.transport = cast("asyncio.Transport", transport)
            self.answer(SinkPhase.BANNER, "220 sink.example.com ESMTP")
            self.flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        del exc
        self._over(self)

    def addresses(self) -> str:
        """See `Line`."""
        return " ".join((self._sender or "", *self._recipients))

    def line_came(self, line: str) -> None:
        """See `Line`."""
        verb, _, rest = line.partition(" ")
        command = self._commands.get(verb.upper())
        if command:
            command(rest.strip())
        else:
            self.say("502 5.5.1 what is that?")

    def body_came(self, data: bytes) -> None:
        """See `Line`."""
        mail, addresses = (
            Received(self._sender or "", tuple(self._recipients), data, self._parameters),
            self.addresses(),
        )
        self._forget()
        self.answer(SinkPhase.DOT, None, lambda: self._accept(mail, addresses), addresses)

    def _accept(self, mail: Received, addresses: str) -> None:
        if not mail.recipients:
            self.say("554 5.5.1 no valid recipients")
            return
        self._keep(mail)
        self.answer(SinkPhase.REPLY, "250 2.0.0 kept", address=addresses)

    def _helo(self, _name: str) -> None:
        self._greeted = True
        self.answer(SinkPhase.HELO, "250 sink.example.com")

    def _ehlo(self, _name: str) -> None:
        if not self._rules.ehlo:
            self.say("502 5.5.1 what is that?")
            return
        self._greeted = True
        rules = self._rules
        offers = {
            "PIPELINING": rules.pipelining,
            "8BITMIME": rules.eight_bit,
            "SMTPUTF8": rules.smtputf8,
            f"SIZE {rules.most_bytes}": bool(rules.most_bytes),
            "STARTTLS": bool(rules.tls) and not rules.tls_at_once and not self._secure,
            "AUTH PLAIN": bool(rules.login),
            "ENHANCEDSTATUSCODES": True,
        }
        lines = ["sink.example.com", *(offer for offer, given in offers.items() if given)]
        last = len(lines) - 1
        text = "\r\n".join(f"250{' ' if number == last else '-'}{line}" for number, line in enumerate(lines))
        self.answer(SinkPhase.HELO, text)

    def _starttls(self, _nothing: str) -> None:
        if not self._rules.tls or self._secure:
            self.say("502 5.5.1 not offered")
            return
        self.answer(SinkPhase.STARTTLS, "220 2.0.0 go ahead", self._begin_tls)

    def _begin_tls(self) -> None:
        self.hold()
        self._starting = asyncio.get_running_loop().create_task(self._secured())

    async def _secured(self) -> None:
        if not self.transport or not self._rules.tls:
            return
        try:
            over = await asyncio.get_running_loop().start_tls(self.transport, self, self._rules.tls, server_side=True)
        except OSError:  # the client does not trust us, or is gone
            self.hang_up()
            return
        self._secure, self._greeted = True, False
        if over:
            self.go_on_over(over)

    def _auth(self, argument: str) -> None:
        mechanism, _, first = argument.partition(" ")
        try:
            user, password = base64.b64decode(first, validate=True).decode().split("\0")[1:3]
        except (binascii.Error, ValueError):
            user = password = ""
        if mechanism.upper() != "PLAIN" or not self._rules.login:
            self.say("504 5.5.4 not that way")
        elif (user, password) != self._rules.login:
            self.answer(SinkPhase.AUTH, "535 5.7.8 wrong user or password")
        else:
            self._known = True
            self.answer(SinkPhase.AUTH, "235 2.7.0 welcome")

    def _mail(self, argument: str) -> None:
        path, parameters = _path(argument, "FROM:")
        if not self._greeted or self._sender is not None or path is None:
            self.say("503 5.5.1 not now" if path is not None else "501 5.5.4 what sender?")
        elif self._rules.login and not self._known:
            self.say("530 5.7.0 log in first")
        elif self._rules.most_bytes and _size(parameters) > self._rules.most_bytes:
            self.say("552 5.3.4 too large")
        else:
            self.answer(SinkPhase.MAIL, "250 2.1.0 sender ok", lambda: self._from(path, parameters), path)

    def _from(self, path: str, parameters: tuple[str, ...]) -> None:
        self._sender, self._parameters = path, parameters

    def _rcpt(self, argument: str) -> None:
        path, _ = _path(argument, "TO:")
        if self._sender is None or not path:
            self.say("503 5.5.1 not now" if path else "501 5.1.3 what recipient?")
        else:
            self.answer(SinkPhase.RCPT, "250 2.1.5 recipient ok", lambda: self._recipients.append(path), path)

    def _data(self, _nothing: str) -> None:
        fault = self._plan.at(SinkPhase.DATA, self.addresses())
        if fault and fault.action is Action.ACCEPT:
            self.receive()
            self.say("354 go ahead")
        elif not self._recipients:
            self.say("554 5.5.1 no valid recipients" if self._sender is not None else "503 5.5.1 not now")
        elif not self.strikes(fault, self._go_ahead):
            self._go_ahead()

    def _go_ahead(self) -> None:
        self.say("354 go ahead")
        self.receive()

    def _rset(self, _nothing: str) -> None:
        self._forget()
        self.say("250 2.0.0 forgotten")

    def _quit(self, _nothing: str) -> None:
        self.say("221 2.0.0 bye")
        self.close()

    def _forget(self) -> None:
        self._sender, self._parameters = None, ()
        self._recipients.clear()


def _path(argument: str, word: str) -> tuple[str | None, tuple[str, ...]]:
    """The address of `FROM:<…>` or `TO:<…>`, and what stands behind it."""
    if not argument.upper().startswith(f"{word}<"):
        return None, ()
    address, closed, rest = argument[len(word) + 1 :].partition(">")
    return (address, tuple(rest.split())) if closed else (None, ())


def _size(parameters: tuple[str, ...]) -> int:
    sizes = [text[5:] for text in parameters if text.upper().startswith("SIZE=")]
    return int(sizes[0]) if sizes and sizes[0].isdigit() else 0
