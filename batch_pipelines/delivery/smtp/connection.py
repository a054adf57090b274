"""Mail by SMTP: from nothing to a connection that messages can be sent on.

`smtplib.SMTP` speaks HELO and AUTH; ours are the deadlines, TLS without a way around it, and (dialogue.py) the
pipelined transactions. What must not live here: addresses of relays (relay_urls.py), what replies mean (replies.py).
"""

import smtplib
import socket
import ssl
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from batch_pipelines.core.clock import Clock
from batch_pipelines.core.errors import RelayRefused, RelayUnavailable
from batch_pipelines.delivery.smtp.dialogue import Abilities, Dialogue
from batch_pipelines.delivery.smtp.replies import FOR_GOOD, SUCCESS, Reply, one_line
from batch_pipelines.delivery.smtp.wire import Break, Timeouts, Wire
from batch_pipelines.delivery.transport import Journal, Outcome, Outgoing, Phase

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where to connect, and how.

    Attributes:
        host: Name or address.
        port: TCP port.
        tls: `starttls`, `tls` (from the first byte) or `none`.
        context: What certificates are trusted; None where `tls` is `none`.
        helo: The name to greet with; None for our own address on the connection.
        user: For AUTH; None for none.
        password: For AUTH.
        messages_per_connection: After so many messages a connection ends.
    """

    host: str
    port: int
    tls: str = "none"
    context: ssl.SSLContext | None = None
    helo: str | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    messages_per_connection: int = 1000


class SmtpTransport:
    """A `Transport` to one SMTP server."""

    is_real = True

    def __init__(self, name: str, server: SmtpServer, clock: Clock, timeouts: Timeouts | None = None) -> None:
        self.name = name
        self._server = server
        self._clock = clock
        self._timeouts = timeouts or Timeouts()

    def connect(self) -> "SmtpConnection":
        """See `Transport`."""
        client = _Client(self.name, self._clock, self._timeouts)
        try:
            client.open(self._server)
        except BaseException:
            client.drop()
            raise
        return SmtpConnection(client, self._timeouts, self._server.messages_per_connection)


class SmtpConnection:
    """A `Connection` to one SMTP server."""

    def __init__(self, client: "_Client", timeouts: Timeouts, most_messages: int) -> None:
        self._client = client
        abilities = client.abilities()
        self.offers = frozenset(client.esmtp_features)
        self._dialogue = Dialogue(client.wire, abilities, timeouts, most_messages)
        self._closed = False

    @property
    def is_open(self) -> bool:
        """See `Connection`."""
        return not (self._closed or self._dialogue.broken or self._dialogue.is_used_up)

    def send(self, messages: Iterable[Outgoing | None], journal: Journal) -> Iterator[Outcome]:
        """See `Connection`."""
        in_order = False
        try:
            if self.is_open:
                yield from self._dialogue.send(iter(messages), journal)
            in_order = not self._dialogue.broken
        finally:
            if not in_order:
                self._closed = True
                self._client.drop()

    def close(self) -> None:
        """See `Connection`."""
        if not self._closed:
            self._closed = True
            self._client.leave()


class _Client(smtplib.SMTP):
    """The steps up to the first message; each has a deadline, and fails as one of two errors."""

    def __init__(self, relay: str, clock: Clock, timeouts: Timeouts) -> None:
        super().__init__(local_hostname="localhost")  # nothing is looked up; `open` sets the name
        self._relay = relay
        self._clock = clock
        self._timeouts = timeouts
        self._phase = Phase.CONNECT

    def open(self, server: SmtpServer) -> None:
        """Connect, greet, start TLS, log in.

        Raises:
            RelayUnavailable: Nobody answers, or not now.
            RelayRefused: It does not want us.
        """
        address = (server.host, server.port)
        sock = self._tried(Phase.CONNECT, lambda: socket.create_connection(address, self._timeouts.connect_s))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._use(sock)
        self.local_hostname = server.helo or _literal(sock)
        if server.tls == "tls":
            self._secure(server)
        self._expect(Phase.BANNER, self.getreply)
        self._greet()
        if server.tls == "starttls":
            self._start_tls(server)
        if server.user is not None and server.password is not None:
            self._log_in(server.user, server.password)

    def abilities(self) -> Abilities:
        """What the relay offered."""
        size = self.esmtp_features.get("size", "").strip()
        return Abilities(
            pipelining=self.has_extn("pipelining"),
            eight_bit=self.has_extn("8bitmime"),
            smtputf8=self.has_extn("smtputf8"),
            size=self.has_extn("size"),
            most_bytes=int(size) if size.isascii() and size.isdigit() else 0,
        )

    def getreply(self) -> tuple[int, bytes]:
        """Read a reply by our own deadlines; replaces smtplib's, which knows one timeout for all."""
        reply = self.wire.read(self._timeouts.of(self._phase))
        if isinstance(reply, Break):
            raise smtplib.SMTPServerDisconnected(reply.what)
        return reply.code, reply.raw

    def leave(self) -> None:
        """Say QUIT and go, whatever the answer."""
        if not self.wire.write(b"QUIT\r\n", self._timeouts.quit_s):
            self.wire.read(self._timeouts.quit_s)
        self.drop()

    def drop(self) -> None:
        """Hang up."""
        self.file = None
        if self.sock:
            self.sock.close()
            self.sock = None

    def _use(self, sock: socket.socket) -> None:
        self.sock = sock
        self.wire = Wire(sock, self._clock)

    def _greet(self) -> None:
        self._phase = Phase.HELO
        code, _ = self._tried(Phase.HELO, self.ehlo)
        if code // 100 == FOR_GOOD:  # an old server
            self._expect(Phase.HELO, self.helo)
        elif code // 100 != SUCCESS:
            self._expect(Phase.HELO, lambda: (code, self.ehlo_resp or b""))

    def _start_tls(self, server: SmtpServer) -> None:
        if not self.has_extn("starttls"):
            raise RelayRefused(self._relay, Phase.TLS, "it does not offer STARTTLS; is there tls=tls on port 465?")
        self._expect(Phase.TLS, lambda: self.docmd("STARTTLS"))
        if self.wire.has_unread:  # it would be read as if it had come encrypted
            raise RelayRefused(self._relay, Phase.TLS, "it sent more than its reply: somebody may be in between")
        self._secure(server)
        self.esmtp_features = {}
        self.does_esmtp = False
        self._greet()

    def _secure(self, server: SmtpServer) -> None:
        plain, context = self.wire.sock, server.context or ssl.create_default_context()
        plain.settimeout(self._timeouts.connect_s)
        self._use(self._tried(Phase.TLS, lambda: context.wrap_socket(plain, server_hostname=server.host)))

    def _log_in(self, user: str, password: str) -> None:
        self._phase = Phase.AUTH
        if not self.has_extn("auth"):
            raise RelayRefused(self._relay, Phase.AUTH, "it takes no login here (AUTH is not offered)")
        self._tried(Phase.AUTH, lambda: self.login(user, password))

    def _expect(self, phase: Phase, ask: Callable[[], tuple[int, bytes]]) -> None:
        """Ask, and refuse to go on unless the reply is a 2xx."""
        code, raw = self._tried(phase, ask)
        if code // 100 != SUCCESS:
            raise self._refusal(phase, code, raw)

    def _tried(self, phase: Phase, act: Callable[[], T]) -> T:
        self._phase = phase
        try:
            return act()
        except smtplib.SMTPAuthenticationError as error:
            raise self._refusal(phase, error.smtp_code, error.smtp_error) from None
        except ssl.SSLError as error:
            raise RelayRefused(self._relay, phase, _about_tls(error)) from error
        except smtplib.SMTPServerDisconnected as error:
            raise RelayUnavailable(self._relay, phase, str(error)) from error
        except smtplib.SMTPException as error:
            raise RelayRefused(self._relay, phase, one_line(str(error))) from error
        except TimeoutError as error:
            raise RelayUnavailable(self._relay, phase, f"no answer within {self._timeouts.of(phase):g} s") from error
        except OSError as error:
            raise RelayUnavailable(self._relay, phase, error.strerror or str(error)) from error

    def _refusal(self, phase: Phase, code: int, raw: bytes | str) -> RelayRefused | RelayUnavailable:
        reply = Reply(code, raw if isinstance(raw, bytes) else raw.encode())
        said = " ".join(filter(None, (str(code), reply.enhanced, reply.text)))
        kind = RelayRefused if code // 100 == FOR_GOOD else RelayUnavailable
        return kind(self._relay, phase, f"it said {said}", code=code)


def _literal(sock: socket.socket) -> str:
    """Our own address as an address literal (RFC 5321 §4.1.3): true, and needs no name service."""
    address = sock.getsockname()[0]
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"


def _about_tls(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}; tls_ca=FILE names an authority of your own"
    return f"TLS does not come about ({one_line(error.reason or str(error))}); does this port speak it (tls=…)?"
