"""Which transport a relay's name stands for.

    BP_RELAY_DEFAULT   the relay `default`; unset, it is a folder of .eml files under data/mail
    BP_RELAY_<NAME>    any other, e.g. BP_RELAY_NEWS for `news` (a hyphen in the name is an underscore there)

The variable holds an address (relay_urls.py). Its password is shown nowhere: not in messages, logs, or `repr`.
What must not live here: rates and connections as such; a relay only carries the figures to whoever keeps to them.
"""

import re
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from batch_pipelines.core.clock import Clock, SystemClock
from batch_pipelines.core.errors import ConfigError
from batch_pipelines.delivery.console import Console
from batch_pipelines.delivery.eml_folder import EmlFolder
from batch_pipelines.delivery.relay_urls import RelayAddress, read_address
from batch_pipelines.delivery.smtp.connection import SmtpServer, SmtpTransport
from batch_pipelines.delivery.smtp.dkim import Signer, read_signer
from batch_pipelines.delivery.smtp.wire import Timeouts
from batch_pipelines.delivery.transport import Connection, Journal, Outcome, Outgoing, Transport

DEFAULT = "default"
PREFIX = "BP_RELAY_"
SINGLE = "single"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_FOLDER = re.compile(r"[^\w.=@+-]+")


@dataclass(frozen=True, slots=True)
class Relay:
    """A named relay.

    Attributes:
        name: As YAML says it.
        is_real: Whether mail leaves this machine for people.
        place: What to show of where it leads, without secrets.
        dkim_domain: The domain it signs for, if it signs.
        per_second: Messages a second that all senders together may hand over; None for any.
        connections: Connections that all senders together may hold.
        messages_per_connection: After so many a connection ends.
    """

    name: str
    is_real: bool
    place: str
    dkim_domain: str | None
    per_second: float | None
    connections: int
    messages_per_connection: int
    _open: Callable[[str], Transport] = field(repr=False)

    def transport(self, subject: str = SINGLE) -> Transport:
        """Return the way to send mail; messages are signed on their way, where the relay has a key.

        Args:
            subject: What the messages belong to, e.g. `punctuality_digest/2013-01-07`: the folder of .eml files.
        """
        return self._open(subject)


def relay_named(
    name: str, environ: Mapping[str, str], data: Path, *, clock: Clock | None = None, timeouts: Timeouts | None = None
) -> Relay:
    """Return the relay of a name.

    Args:
        name: As YAML says it.
        environ: Where addresses stand.
        data: The data folder, for .eml files; a `folder:` is relative to the one it lies in.
        clock: Time.
        timeouts: Of SMTP; RFC 5321's by default.

    Raises:
        ConfigError: No relay has this name, or its address or key cannot be used.
    """
    variable, data = variable_of(name), data.absolute()
    text = environ.get(variable)
    if not text and name != DEFAULT:
        known = ", ".join(relay_names(environ))
        raise ConfigError(f"there is no relay {name!r}: set {variable}=smtp://… . Relays: {known}")
    address = read_address(text, variable) if text else RelayAddress("folder", str(data / "mail"))
    signer = read_signer(*address.dkim, place=variable) if address.dkim else None
    opened = _opener(name, address, data, clock or SystemClock(), timeouts or Timeouts())
    return Relay(
        name=name,
        is_real=address.scheme == "smtp",
        place=_place(address),
        dkim_domain=signer.domain if signer else None,
        per_second=address.per_second,
        connections=address.connections,
        messages_per_connection=address.messages_per_connection,
        _open=(lambda subject: _Signing(opened(subject), signer)) if signer else opened,
    )


def relay_names(environ: Mapping[str, str]) -> list[str]:
    """Return the names of all relays."""
    named = {key.removeprefix(PREFIX).lower() for key, text in environ.items() if key.startswith(PREFIX) and text}
    return sorted({DEFAULT, *named})


def variable_of(name: str) -> str:
    """Return the environment variable that holds a relay's address.

    Raises:
        ConfigError: It is no name for a relay.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{name!r} is no name for a relay: small letters, digits, - and _")
    return PREFIX + name.upper().replace("-", "_")


def send_one(transport: Transport, message: Outgoing, journal: Journal | None = None) -> Outcome:
    """Send a single message on a connection of its own.

    Raises:
        RelayUnavailable: Nobody answers, or not now.
        RelayRefused: The relay does not want us.
    """
    connection = transport.connect()
    try:
        (outcome,) = connection.send([message], journal or _NoJournal())
    finally:
        connection.close()
    return outcome


class _NoJournal:
    """For mails whose sender keeps its own books, or none."""

    def intent(self, seq: int) -> None:
        """Nothing forbids."""

    def result(self, outcome: Outcome) -> None:
        """The caller gets the outcome."""


def _opener(
    name: str, address: RelayAddress, data: Path, clock: Clock, timeouts: Timeouts
) -> Callable[[str], Transport]:
    if address.scheme == "console":
        return lambda _subject: Console(name)
    if address.scheme == "folder":
        root = data.parent / address.host
        return lambda subject: EmlFolder(name, root / folder_of(subject))
    server = SmtpServer(
        address.host,
        address.port,
        address.tls,
        _context(address, variable_of(name)),
        address.helo,
        address.user,
        address.password,
        address.messages_per_connection,
    )
    return lambda _subject: SmtpTransport(name, server, clock, timeouts)


def folder_of(subject: str) -> PurePosixPath:
    """Return a subject as a relative folder that cannot lead out of where it is put."""
    parts = [_FOLDER.sub("_", part).strip(".") for part in subject.split("/")]
    return PurePosixPath(*[part for part in parts if part] or [SINGLE])


def _context(address: RelayAddress, place: str) -> ssl.SSLContext | None:
    if address.tls == "none":
        return None
    try:
        return ssl.create_default_context(cafile=address.tls_ca)
    except OSError as error:
        raise ConfigError(f"{place}: tls_ca: {address.tls_ca}: {error.strerror or error}") from error


def _place(address: RelayAddress) -> str:
    if address.scheme != "smtp":
        return f"{address.scheme}:{address.host}"
    security = {"none": "no TLS", "tls": "TLS", "starttls": "STARTTLS"}[address.tls]
    return f"{address.host}:{address.port}, {security}{', login' if address.user else ''}"


class _Signing:
    """A transport whose messages are signed on their way."""

    def __init__(self, inner: Transport, signer: Signer) -> None:
        self.name = inner.name
        self.is_real = inner.is_real
        self._inner = inner
        self._signer = signer

    def connect(self) -> "_SigningConnection":
        return _SigningConnection(self._inner.connect(), self._signer)


class _SigningConnection:
    def __init__(self, inner: Connection, signer: Signer) -> None:
        self.offers = inner.offers
        self._inner = inner
        self._signer = signer

    @property
    def is_open(self) -> bool:
        return self._inner.is_open

    def send(self, messages: Iterable[Outgoing | None], journal: Journal) -> Iterator[Outcome]:
        return self._inner.send(map(self._signed, messages), journal)

    def close(self) -> None:
        self._inner.close()

    def _signed(self, message: Outgoing | None) -> Outgoing | None:
        return message._replace(data=self._signer.sign(message.data)) if message else None
