"""A small deployment with one campaign, its audience in a CSV file, and a sink for a relay."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from batch_pipelines.campaigns.pipeline import Campaigns
from batch_pipelines.campaigns.reviewing import Review
from batch_pipelines.core.clock import Clock
from batch_pipelines.core.settings import Settings, load_settings
from batch_pipelines.delivery.sink.session import Received

TYPE = "batch_pipelines.components.Campaign"
NEWS: Mapping[str, Any] = {
    "from": "News <news@news.example.com>",
    "subject": "{{ name }}: your news",
    "template": "news.html",
    "audience": {"file": "people.csv", "email": "email"},
    "limits": {"connections": 2},
    "unsubscribe": "https://news.example.com/u",
}
PAGE = '<html><body><p>Dear {{ name }}</p><p><a href="{{ unsubscribe_url }}">Leave</a></p></body></html>'


@dataclass
class ShopNews:
    """A deployment.

    Attributes:
        home: Its folder.
        environ: Variables that name it, and its relay.
        clock: Time; None for the real one.
        received: What the sink was told to keep, when `sink_of` was used.
    """

    home: Path
    environ: dict[str, str]
    clock: Clock | None = None
    received: list[Received] = field(default_factory=list)

    @property
    def settings(self) -> Settings:
        return load_settings(self.environ, self.home)

    def declare(self, folder: str = "news", **changes: Any) -> None:
        """Write the YAML of a campaign, and its template."""
        attributes = {key: value for key, value in {**NEWS, **changes}.items() if value is not None}
        self.write(f"defs/{folder}/defs.yaml", json.dumps({"type": TYPE, "attributes": attributes}, indent=1))
        self.write(f"defs/{folder}/news.html", PAGE)

    def people(self, count: int, domain: str = "example.com") -> list[str]:
        """Write an audience; its addresses."""
        addresses = [f"p{number}@{domain}" for number in range(count)]
        self.write("people.csv", "\n".join(["email,name", *(f"{each},P {each[1:3]}" for each in addresses), ""]))
        return addresses

    def write(self, path: str, text: str) -> Path:
        file = self.home / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def open(self) -> Campaigns:
        return Campaigns(self.settings, self.environ, clock=self.clock)

    def send(self, name: str = "news", partition: str | None = None, **options: Any) -> Review:
        """Prepare an occurrence and send it."""
        campaigns = self.open()
        try:
            occurrence = campaigns.prepare(name, partition)
            return campaigns.send(occurrence.id, **options)
        finally:
            campaigns.close()

    def relay(self, port: int, **options: object) -> None:
        """Let the default relay be a server on this machine."""
        query = "&".join(f"{name}={value}" for name, value in {"tls": "none", **options}.items())
        self.environ["BP_RELAY_DEFAULT"] = f"smtp://127.0.0.1:{port}?{query}"

    @property
    def tally(self) -> Counter[str]:
        """How often each address got a mail."""
        return Counter(address for mail in self.received for address in mail.recipients)

    @property
    def eml_files(self) -> list[Path]:
        return sorted((self.home / "data" / "mail").rglob("*.eml"))


def make_shop_news(home: Path, ledger: Path | None = None, clock: Clock | None = None) -> ShopNews:
    """Make the deployment in an empty folder, with a ledger copied if one is given."""
    data = home / "data"
    data.mkdir(parents=True, exist_ok=True)
    if ledger is not None:
        (data / "ledger.db").write_bytes(ledger.read_bytes())
    environ = {
        "BP_HOME": str(home),
        "BP_DATA": str(data),
        "BP_DEFS": str(home / "defs"),
        "BP_SECRET": "0123456789abcdef" * 4,
    }
    return ShopNews(home, environ, clock)


def parsed(content: bytes) -> EmailMessage:
    """A message, as Python's own parser reads it."""
    return message_from_bytes(content, policy=policy.default)
