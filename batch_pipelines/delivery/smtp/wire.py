"""The bytes between a relay and us: replies read against a deadline, and writes that know what was handed over.

A break is a value, not an exception: whoever sends branches on it. What must not live here: what is said, and in which
order (connection.py, dialogue.py).
"""

import select
import socket
import ssl
from dataclasses import dataclass

from batch_pipelines.core.clock import Clock
from batch_pipelines.delivery.smtp.replies import Reply, one_line
from batch_pipelines.delivery.transport import Phase

DOT = b".\r\n"
BLOCK = 256 * 1024
LONGEST_LINE = 8 * 1024
MOST_LINES = 200
_CODE_DIGITS = 3


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long each phase may take, in seconds; RFC 5321 §4.5.3.2, but connecting and QUIT, which may be short.

    Attributes:
        connect_s: Until the connection stands, and until TLS does.
        banner_s: Until the greeting.
        command_s: Until the reply to HELO, STARTTLS, AUTH, MAIL, RCPT or RSET.
        data_s: Until the reply to DATA.
        body_s: For each block of the body.
        dot_s: Until the reply to the final dot. Too short a time makes ambiguous messages.
        quit_s: Until the reply to QUIT.
    """

    connect_s: float = 30.0
    banner_s: float = 300.0
    command_s: float = 300.0
    data_s: float = 120.0
    body_s: float = 180.0
    dot_s: float = 600.0
    quit_s: float = 5.0

    def of(self, phase: Phase) -> float:
        """Seconds that a reply in a phase may take."""
        match phase:
            case Phase.CONNECT:
                return self.connect_s
            case Phase.BANNER:
                return self.banner_s
            case Phase.DATA:
                return self.data_s
            case Phase.DOT:
                return self.dot_s
            case _:
                return self.command_s


@dataclass(frozen=True, slots=True)
class Break:
    """The dialogue cannot go on.

    Attributes:
        what: What happened, one line: the relay was silent, hung up, or said what nobody understands.
        writing: Whether it happened to something we wrote; then the relay may have said why.
    """

    what: str
    writing: bool = False


class Wire:
    """One socket. A plain one does not block: what can be written at once takes one system call, not three.

    Attributes:
        torn: Why what was written behind a dot did not get out.
    """

    def __init__(self, sock: socket.socket, clock: Clock) -> None:
        self.sock = sock
        self.torn: Break | None = None
        self._clock = clock
        self._unread = b""
        self._at = 0
        self._timeout_s: float | None = None
        self._is_plain = not isinstance(sock, ssl.SSLSocket)
        if self._is_plain:
            sock.settimeout(0.0)
            self._readable, self._writable = select.poll(), select.poll()
            self._readable.register(sock, select.POLLIN)
            self._writable.register(sock, select.POLLOUT)

    @property
    def has_unread(self) -> bool:
        """Whether bytes have come in that no reply was made of yet."""
        return self._at < len(self._unread)

    def read(self, within_s: float) -> Reply | Break:
        """Read one reply, all its lines, within so many seconds."""
        lines: list[bytes] = []
        deadline = None
        while True:
            end = self._unread.find(b"\n", self._at)
            if end < 0:
                deadline = deadline or self._clock.monotonic() + within_s
                if broken := self._receive(deadline, within_s):
                    return broken
                continue
            line = self._unread[self._at : end]
            self._at = end + 1
            code, mark = line[:_CODE_DIGITS], line[_CODE_DIGITS : _CODE_DIGITS + 1]
            if mark == b" " and not lines and code.isdigit():  # nearly all: one line
                return Reply(int(code), line[_CODE_DIGITS + 1 :])
            mark = mark.strip()
            if not (len(code) == _CODE_DIGITS and code.isdigit()) or mark not in (b"", b"-"):
                return Break(f"it said {one_line(line[:80].decode('ascii', 'replace'))!r}, which is no reply")
            lines.append(line[_CODE_DIGITS + 1 :])
            if not mark:
                return Reply(int(code), lines[0] if len(lines) == 1 else b"\n".join(lines))
            if len(lines) > MOST_LINES:
                return Break(f"its reply has more than {MOST_LINES} lines")

    def _receive(self, deadline: float, within_s: float) -> Break | None:
        if len(self._unread) - self._at > LONGEST_LINE:
            return Break(f"its reply has a line of more than {LONGEST_LINE} bytes")
        left_s = deadline - self._clock.monotonic()
        try:
            received = self._received(left_s) if left_s > 0 else None
        except BlockingIOError:  # it only looked as if there were something
            return None
        except TimeoutError:
            received = None
        except OSError as error:
            return _lost(error)
        if not received:
            return _silent(within_s) if received is None else Break("it closed the connection")
        self._unread = self._unread[self._at :] + received
        self._at = 0
        return None

    def _received(self, within_s: float) -> bytes | None:
        if not self._is_plain:
            self._wait_at_most(within_s)
        elif not self._readable.poll(within_s * 1000):
            return None
        return self.sock.recv(65536)

    def write(self, data: bytes, within_s: float) -> Break | None:
        """Write all of `data`, in blocks of `BLOCK` bytes that may take so many seconds each."""
        try:
            if len(data) <= BLOCK:
                self._send_all(data, within_s)
                return None
            view = memoryview(data)
            for start in range(0, len(data), BLOCK):
                self._send_all(view[start : start + BLOCK], within_s)
        except TimeoutError:
            return _stuck(within_s)
        except OSError as error:
            return _lost(error, writing=True)
        return None

    def write_dot(self, behind: bytes, within_s: float) -> Break | None:
        """Write the final dot, and `behind` after it; a break means that the dot was certainly not handed over.

        Once its three bytes are with the kernel, what goes wrong only stands in `torn`: the reply will tell of the dot.
        """
        data = DOT + behind
        handed = 0
        try:
            while handed < len(data):
                handed += self._send(data[handed:], within_s)
        except TimeoutError:
            broken = _stuck(within_s)
        except OSError as error:
            broken = _lost(error, writing=True)
        else:
            return None
        if handed < len(DOT):
            return broken
        self.torn = broken
        return None

    def last_words(self) -> Reply | None:
        """What the relay said before it hung up on us, if anything can still be read."""
        reply = self.read(0.05)
        return reply if isinstance(reply, Reply) else None

    def close(self) -> None:
        """Close the socket, whatever state it is in."""
        try:
            self.sock.close()
        except OSError:
            return

    def _send_all(self, data: bytes | memoryview, within_s: float) -> None:
        handed = self._send(data, within_s)
        if handed < len(data):
            deadline, rest = self._clock.monotonic() + within_s, memoryview(data)
            while handed < len(data):
                handed += self._send(rest[handed:], deadline - self._clock.monotonic())

    def _send(self, data: bytes | memoryview, within_s: float) -> int:
        """Hand over what is taken within so many seconds; how many bytes that were."""
        if within_s <= 0:
            raise TimeoutError
        if not self._is_plain:
            self._wait_at_most(within_s)
            return self.sock.send(data)
        try:
            return self.sock.send(data)
        except BlockingIOError:
            if not self._writable.poll(within_s * 1000):
                raise TimeoutError from None
        try:
            return self.sock.send(data)
        except BlockingIOError:
            return 0

    def _wait_at_most(self, seconds: float) -> None:
        if seconds != self._timeout_s:  # setting it is a system call
            self.sock.settimeout(seconds)
            self._timeout_s = seconds


def _silent(within_s: float) -> Break:
    return Break(f"no reply within {within_s:g} s")


def _stuck(within_s: float) -> Break:
    return Break(f"it took nothing for {within_s:g} s", writing=True)


def _lost(error: OSError, *, writing: bool = False) -> Break:
    return Break(f"the connection broke ({error.strerror or type(error).__name__})", writing)
