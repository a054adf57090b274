"""Databases beside the ledger, by name. Where each is stands in the environment, never in YAML, logs or messages.

`connection: shop` in YAML names the variable `BP_CONNECTION_SHOP`, an SQLAlchemy address of PostgreSQL or SQLite.
What must not live here: opening them (databases.py); this module is read at every start and imports nothing large.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from batch_pipelines.core.errors import ConfigError

PREFIX = "BP_CONNECTION_"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}", re.ASCII)
_SQLITE = "sqlite:///"
_PASSWORD = re.compile(r"(://[^:/@]*:)(.*)@")  # with / ? # in it, too: SQLAlchemy takes it, urlsplit does not see it
_SECRET = re.compile(r"passw(or)?d|secret|token", re.IGNORECASE)


def check_connection_name(value: str) -> str:
    """Return the name of a connection if it is one.

    Raises:
        ValueError: It is not; an address says so without being repeated, for it may hold a password.
    """
    if "://" in value:
        example = f"a name such as shop, and put the address into the variable {PREFIX}SHOP"
        raise ValueError(f"addresses and their passwords do not belong into YAML: write {example}")
    if not _NAME.fullmatch(value):
        raise ValueError(f"{value!r} is not a connection; write a name of a-z, 0-9 and _, for example shop")
    return value


def variable_of(name: str) -> str:
    """Return the environment variable that holds the address of a connection."""
    return f"{PREFIX}{name.upper()}"


def normalised(url: str) -> str:
    """Return an address with the driver that this product brings; SQLAlchemy 2.1 would take psycopg 3."""
    for prefix in ("postgresql://", "postgres://"):
        if url.startswith(prefix):
            return "postgresql+psycopg2://" + url.removeprefix(prefix)
    return url


@dataclass(frozen=True, slots=True)
class Connections:
    """The connections that the environment names.

    Attributes:
        urls: Addresses by variable; never shown.
        home: What relative paths of SQLite files are relative to.
    """

    urls: Mapping[str, str] = field(default_factory=dict, repr=False)
    home: Path = Path()

    def url(self, name: str) -> str:
        """Return the address of a connection. It may hold a password: never show it, see `hidden`.

        Raises:
            ConfigError: Its variable is not set; the message names it.
        """
        found = self.urls.get(variable_of(name))
        if not found:
            raise ConfigError(
                f"connection {name!r} is not known here: set the environment variable {variable_of(name)} to its "
                "address, for example postgresql://user:password@host/database or sqlite:///data/shop.db"
            )
        url = normalised(found)
        path = url.removeprefix(_SQLITE)
        if path == url or not path or path.startswith(("/", ":memory:")):
            return url
        return f"{_SQLITE}{self.home / path}"

    def missing(self, names: Iterable[str]) -> list[str]:
        """Return those of these connections whose variable is not set, each once, sorted."""
        return sorted({name for name in names if not self.urls.get(variable_of(name))})


def load_connections(environ: Mapping[str, str], home: Path) -> Connections:
    """Return the connections of an environment."""
    return Connections({name: url for name, url in environ.items() if name.startswith(PREFIX) and url}, home)


def masked(url: str) -> str:
    """Return a database address with *** for the password, wherever it stands."""
    parts = _parts(url)
    if parts is None:
        return "***"
    text = _PASSWORD.sub(r"\1***@", url)
    head, mark, query = text.partition("?")
    pairs = [
        f"{pair.partition('=')[0]}=***" if _SECRET.search(pair.partition("=")[0]) else pair for pair in query.split("&")
    ]
    return head + mark + "&".join(pairs)


def hidden(text: str, url: str) -> str:
    """Return what a database said, on one line, without the password of its address."""
    parts = _parts(url)
    secrets = {url}
    if parts is not None:
        query = (value for key, value in parse_qsl(parts.query) if _SECRET.search(key))
        written = _PASSWORD.search(url)
        secrets = {parts.password or "", written[2] if written else "", *query}
    line = " ".join(text.split())
    for secret in sorted({*secrets, *map(unquote, secrets)} - {""}, key=len, reverse=True):
        line = line.replace(secret, "***")
    return line


def _parts(url: str) -> SplitResult | None:
    try:
        return urlsplit(url)
    except ValueError:  # brackets that are no IPv6 address
        return None
