"""`smtp://user:pass@host:587?tls=starttls&…`: what a relay's address may say, read and checked.

What must not live here: where addresses come from, and what is opened with them (relays.py).
"""

import ipaddress
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from batch_pipelines.core.errors import ConfigError

PORTS = {"starttls": 587, "tls": 465, "none": 25}
OPTIONS = (
    "tls",
    "tls_ca",
    "helo",
    "dkim_domain",
    "dkim_selector",
    "dkim_key",
    "per_second",
    "connections",
    "messages_per_connection",
)
_HELO = re.compile(r"[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.IPv]{2,60}\]")
SHAPE = "smtp://user:password@host:587?tls=starttls, smtps://…, folder:path or console:"


@dataclass(frozen=True, slots=True)
class RelayAddress:
    """An address of a relay, read.

    Attributes:
        scheme: `smtp`, `folder` or `console`.
        host: Of the server; for a folder its path.
        port: Of the server.
        tls: `starttls`, `tls` or `none`.
        tls_ca: A PEM file of authorities to trust instead of the system's.
        helo: The name we greet with; by default our own address on the connection.
        user: For AUTH.
        password: For AUTH; shown nowhere.
        dkim: `(domain, selector, key file)`, if messages are signed here.
        per_second: Messages a second that all senders together may hand over; None for any.
        connections: Connections that all senders together may hold.
        messages_per_connection: After so many a new connection is made.
    """

    scheme: str
    host: str = ""
    port: int = 0
    tls: str = "none"
    tls_ca: str | None = None
    helo: str | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    dkim: tuple[str, str, str] | None = None
    per_second: float | None = None
    connections: int = 4
    messages_per_connection: int = 1000


def read_address(text: str, place: str) -> RelayAddress:
    """Read the address of a relay.

    Args:
        text: The address.
        place: Where it stands, e.g. the variable's name: messages name it, and never show the text.

    Raises:
        ConfigError: It cannot be read, or what it asks for is not safe.
    """
    try:
        parts = urlsplit(text.strip())
        port = parts.port
        options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError:  # its text might hold the password
        raise ConfigError(f"{place}: not an address; write {SHAPE}") from None
    if unknown := sorted(set(options) - set(OPTIONS)):
        raise ConfigError(f"{place}: unknown option {unknown[0]!r}; there are {', '.join(OPTIONS)}")
    common = _common(options, place)
    if parts.scheme == "console":
        return RelayAddress("console", **common)
    if parts.scheme == "folder":
        return RelayAddress("folder", _folder(parts, place), **common)
    if parts.scheme not in ("smtp", "smtps"):
        raise ConfigError(f"{place}: no kind of relay begins like this; write {SHAPE}")
    return _smtp(parts, port, options, common, place)


def _folder(parts: SplitResult, place: str) -> str:
    if parts.netloc or not parts.path:
        raise ConfigError(f"{place}: write folder:path, or folder:/path from the root")
    return unquote(parts.path)


def _smtp(
    parts: SplitResult, port: int | None, options: dict[str, str], common: dict[str, Any], place: str
) -> RelayAddress:
    if not parts.hostname:
        raise ConfigError(f"{place}: the host is missing; write {SHAPE}")
    if parts.path not in ("", "/"):
        raise ConfigError(f"{place}: nothing belongs behind the host but ?options; write {SHAPE}")
    tls = options.get("tls") or ("tls" if parts.scheme == "smtps" else _usual_tls(parts.hostname))
    if tls not in PORTS:
        raise ConfigError(f"{place}: tls is one of {', '.join(PORTS)}")
    helo = options.get("helo")
    if helo and not _HELO.fullmatch(helo):
        raise ConfigError(f"{place}: helo is a domain, or an address like [192.0.2.1]")
    user = unquote(parts.username) if parts.username else None
    password = unquote(parts.password) if parts.password else None
    if (user is None) != (password is None):
        raise ConfigError(f"{place}: user and password come together; characters like @ or / are written %40, %2F")
    if user and tls == "none" and not _is_local(parts.hostname):
        raise ConfigError(f"{place}: a password is not sent in the clear; add tls=starttls or tls=tls")
    return RelayAddress(
        "smtp",
        parts.hostname,
        port or PORTS[tls],
        tls,
        options.get("tls_ca"),
        helo,
        user,
        password,
        **common,
    )


def _common(options: dict[str, str], place: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    given = [name for name in ("dkim_domain", "dkim_selector", "dkim_key") if options.get(name)]
    if given and len(given) < 3:  # noqa: PLR2004  the three named above
        raise ConfigError(f"{place}: dkim_domain, dkim_selector and dkim_key come together")
    if given:
        found["dkim"] = tuple(options[name] for name in given)
    if "per_second" in options:
        found["per_second"] = _number(options["per_second"], "per_second", place)
    for name in ("connections", "messages_per_connection"):
        if name in options:
            number = _number(options[name], name, place)
            if number != int(number):
                raise ConfigError(f"{place}: {name} is a whole number")
            found[name] = int(number)
    return found


def _number(text: str, name: str, place: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise ConfigError(f"{place}: {name} is a number above 0")
    return number


def _usual_tls(host: str) -> str:
    return "none" if _is_local(host) else "starttls"


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
