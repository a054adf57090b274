"""Drafts, writers and readers of messages for tests."""

import datetime as dt
import email
import email.policy
from collections.abc import Mapping
from dataclasses import replace
from email.message import EmailMessage
from typing import Any

from batch_pipelines.campaigns.messages.compile import Compiled, compile_message
from batch_pipelines.campaigns.messages.draft import Draft, Unsubscribe
from batch_pipelines.campaigns.messages.marks import Marks
from batch_pipelines.campaigns.messages.tokens import Secret
from batch_pipelines.campaigns.messages.writer import Rendered, Unwritable, Writer
from batch_pipelines.delivery.addresses import read_address
from batch_pipelines.presentation.formats import Formats
from batch_pipelines.presentation.theme import Theme

SECRET = Secret(b"for tests only, and for nobody else")
NOW = dt.datetime(2026, 1, 5, 9, 0, tzinfo=dt.UTC)
ANN = read_address("Ann Lee <ann@example.org>")
HTML = "<html><head><title>{{ subject }}</title></head><body><p>Dear {{ name }}</p></body></html>"
DRAFT = Draft("news", read_address("News <news@example.com>"), "Hello {{ name }}", HTML, "news.html")
LEAVING = Unsubscribe("https://news.example.com/u", "news", "leave@example.com")


def compiled(**changes: Any) -> Compiled:
    """Compile the draft with changes."""
    return compile_message(replace(DRAFT, **changes), Formats(), Theme())


def writer(*, options: Mapping[str, Any] | None = None, **changes: Any) -> Writer:
    """A writer of the draft with changes."""
    return Writer(compiled(**changes), Marks(SECRET, "news", 12), "news/2026-01-05", **(options or {}))


def rendered(context: Mapping[str, Any], *, seq: int = 3, eight_bit: bool = False, **changes: Any) -> Rendered:
    """Ann's message; it must come about."""
    made = writer(**changes).render(seq, ANN, context, NOW, eight_bit=eight_bit)
    assert isinstance(made, Rendered), made
    return made


def refused(context: Mapping[str, Any], **changes: Any) -> str:
    """Why Ann's message cannot be made."""
    made = writer(**changes).render(3, ANN, context, NOW)
    assert isinstance(made, Unwritable)
    assert made.seq == 3
    assert "\n" not in made.reason
    return made.reason


def parsed(data: bytes) -> EmailMessage:
    """Read a message as others do; it must be without a defect, and fit for mail."""
    message = email.message_from_bytes(data, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    for part in message.walk():
        assert not part.defects, (part.defects, data[:2000])
        for name, value in part.items():
            assert not getattr(value, "defects", ()), (name, value)
    lines = data.split(b"\r\n")
    assert max(map(len, lines)) <= 998
    assert not any(b"\r" in line or b"\n" in line for line in lines)
    return message


def text_of(message: EmailMessage, kind: str) -> str:
    """The text or HTML of a message."""
    part = message.get_body((kind,))
    assert part is not None
    text: str = part.get_content()
    return text.replace("\r\n", "\n")
