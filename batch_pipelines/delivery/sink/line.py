"""What a server does with bytes and time: lines and bodies in, replies out, and faults in between.

What must not live here: what commands mean (session.py).
"""

import asyncio
from collections.abc import Callable
from typing import cast

from batch_pipelines.delivery.sink.faults import Action, FaultPlan, SinkFault, SinkPhase

LONGEST_COMMAND = 8 * 1024
_END = b"\r\n.\r\n"


class Line(asyncio.Protocol):
    """One connection, below the commands: `line_came` and `body_came` are told what has come."""

    def __init__(self, plan: FaultPlan, latency_s: float) -> None:
        self.transport: asyncio.Transport | None = None
        self._plan = plan
        self._is_calm = plan.is_empty
        self._latency_s = latency_s
        self._buffer = bytearray()
        self._out = b""
        self._held = False
        self._searched = 0
        self._in_body = self._body_began = False

    def line_came(self, line: str) -> None:
        """Take a command."""
        raise TypeError(f"nobody takes {line!r}")

    def body_came(self, data: bytes) -> None:
        """Take a mail, dots unstuffed."""
        raise TypeError(f"nobody takes {len(data)} bytes")

    def addresses(self) -> str:
        """The sender and recipients at hand: what a fault may look for."""
        return ""

    def data_received(self, data: bytes) -> None:
        """Take what came, and answer what is complete."""
        self._buffer += data
        self.pump()

    def hang_up(self) -> None:
        """Close at once."""
        self._held = True
        if self.transport:
            self.transport.abort()

    def hold(self) -> None:
        """Let what comes wait; what came so far and was not answered counts for nothing."""
        self.flush()
        self._held = True
        self._buffer.clear()

    def go_on_over(self, transport: asyncio.BaseTransport) -> None:
        """Go on after `hold`."""
        self.transport = cast("asyncio.Transport", transport)
        self._held = False
        self.pump()

    def pump(self) -> None:
        """Do what can be done with what has come."""
        while not self._held and (self._body() if self._in_body else self._command()):
            pass
        self.flush()

    def receive(self) -> None:
        """What comes now is a body."""
        self._in_body, self._body_began, self._searched = True, False, 0
        self._buffer[:0] = b"\r\n"  # so that a lone dot ends an empty body

    def answer(
        self, phase: SinkPhase, text: str | None, then: Callable[[], None] | None = None, address: str = ""
    ) -> None:
        """Say `text` and do `then`, unless a fault strikes."""
        if self._is_calm or not self.strikes(self._plan.at(phase, address), lambda: self._go_on(text, then)):
            self._go_on(text, then)

    def strikes(self, fault: SinkFault | None, go_on: Callable[[], None]) -> bool:
        """Let a fault happen; False if there is none."""
        if not fault or fault.action is Action.ACCEPT:
            return False
        match fault.action:
            case Action.REFUSE:
                self.say(fault.reply)
                if fault.reply.startswith("421") or fault.phase is SinkPhase.BODY:
                    self.close()
            case Action.DELAY:
                self._held = True
                asyncio.get_running_loop().call_later(fault.delay_s, self._resume, go_on)
            case Action.SILENCE:
                self._held = True
                if self.transport:
                    self.transport.pause_reading()
            case Action.GARBAGE:
                self.say("no reply at all")
            case Action.DROP | Action.CUT:
                self._out += b"25" if fault.action is Action.CUT else b""
                self.close()
        return True

    def say(self, text: str) -> None:
        """Reply, with what else there is to say to what came together."""
        self._out += text.encode() + b"\r\n"

    def flush(self) -> None:
        """Send what was said."""
        if self._out and self.transport and not self.transport.is_closing():
            out, self._out = self._out, b""
            if self._latency_s:
                asyncio.get_running_loop().call_later(self._latency_s, self.transport.write, out)
            else:
                self.transport.write(out)

    def close(self) -> None:
        """Close when what was said is out."""
        self.flush()
        self._held = True
        if self.transport:
            self.transport.close()

    def _command(self) -> bool:
        """Take one command, if a whole one has come."""
        end = self._buffer.find(b"\n")
        if end < 0:
            if len(self._buffer) > LONGEST_COMMAND:
                self.say("500 5.5.2 line too long")
                self._buffer.clear()
            return False
        line = bytes(self._buffer[:end]).rstrip(b"\r").decode("utf-8", "replace")
        del self._buffer[: end + 1]
        self.line_came(line)
        return True

    def _body(self) -> bool:
        """Take the body, if its end has come."""
        if not self._body_began and not self._is_calm:
            self._body_began = True
            if self.strikes(self._plan.at(SinkPhase.BODY, self.addresses()), lambda: None):
                return False
        end = self._buffer.find(_END, max(0, self._searched - len(_END)))
        if end < 0:
            self._searched = len(self._buffer)
            return False
        data = bytes(self._buffer[2 : end + 2]).replace(b"\r\n..", b"\r\n.")
        del self._buffer[: end + len(_END)]
        self._in_body = False
        self.body_came(data[1:] if data.startswith(b"..") else data)
        return True

    def _go_on(self, text: str | None, then: Callable[[], None] | None) -> None:
        if text:
            self.say(text)
        if then:
            then()

    def _resume(self, go_on: Callable[[], None]) -> None:
        self._held = False
        go_on()
        self.pump()
