"""One recipient's message, as bytes.

What must not live here: what is the same for all (compile.py), who gets one, and what is done when it cannot be made.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from types import SimpleNamespace
from typing import Any

from jinja2 import UndefinedError
from jinja2.exceptions import SecurityError

from batch_pipelines.campaigns.messages.compile import SEAMS, Compiled, Filled
from batch_pipelines.campaigns.messages.draft import ReadFile
from batch_pipelines.campaigns.messages.headers import UnsafeHeader, address_header, raw_header, text_header
from batch_pipelines.campaigns.messages.marks import Marks, message_id, verp
from batch_pipelines.campaigns.messages.mime import Part, attachment_part, put_together, text_part
from batch_pipelines.campaigns.messages.tokens import Subscription, make_token
from batch_pipelines.core.errors import ConfigError
from batch_pipelines.delivery.addresses import Address
from batch_pipelines.delivery.transport import Outgoing

MOST_BYTES = 20_000_000
LONGEST_SUBJECT = 500
_ONE_CLICK = b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"


@dataclass(frozen=True, slots=True)
class Rendered:
    """A message, ready to be sent.

    Attributes:
        seq: Number of the recipient.
        sender: Of the envelope.
        recipient: Of the envelope.
        data: Headers and body.
        message_id: With its brackets.
        filled: What is in it, to be looked at.
    """

    seq: int
    sender: str
    recipient: str
    data: bytes = field(repr=False)
    message_id: str
    filled: Filled = field(repr=False)

    @property
    def outgoing(self) -> Outgoing:
        """The same for a transport."""
        return Outgoing(self.seq, self.sender, self.recipient, self.data)


@dataclass(frozen=True, slots=True)
class Unwritable:
    """No message can be made for a recipient.

    Attributes:
        seq: Number of the recipient.
        reason: What is wrong with its values, one line.
    """

    seq: int
    reason: str


class Writer:
    """Writes the messages of one occurrence.

    Args:
        compiled: The message.
        marks: Marks the messages.
        batch: What tokens name: `punctuality_digest/2013-01-07`.
        bounces: Address that takes bounces, each with its mark; None has them go to the sender, unmarked.
        read_file: Reads a recipient's own attachments; needed where there are any.
        most_bytes: A larger message is not made.
    """

    def __init__(
        self,
        compiled: Compiled,
        marks: Marks,
        batch: str,
        *,
        bounces: str | None = None,
        read_file: ReadFile | None = None,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self._compiled = compiled
        self._marks = marks
        self._batch = batch
        self._bounces = bounces
        self._read_file = read_file
        self._most_bytes = most_bytes
        self._domain = compiled.draft.sender.domain
        self._date: tuple[int, bytes] = (-1, b"")
        if bounces:
            marks.verp(10**9, bounces)  # raises now if it is too long

    def render(
        self, seq: int, to: Address, context: Mapping[str, Any], now: datetime, *, eight_bit: bool = False
    ) -> Rendered | Unwritable:
        """Write one message. The same arguments give the same bytes.

        Args:
            seq: Number of the recipient in this occurrence.
            to: The recipient.
            context: Its variables.
            now: For the Date header; aware.
            eight_bit: Whether the relay takes 8BITMIME.
        """
        try:
            return self._rendered(seq, to, context, now, eight_bit=eight_bit)
        except UndefinedError as error:
            return Unwritable(seq, f"the template asks for what this recipient does not have: {error.message}")
        except SecurityError as error:
            return Unwritable(seq, f"the template reaches for what is not its: {error.message}")
        except UnsafeHeader as error:
            return Unwritable(seq, str(error))
        except UnicodeEncodeError:
            return Unwritable(seq, "a value holds half a character (a lone surrogate), which no mail can carry")
        except (*SEAMS, ConfigError) as error:
            return Unwritable(seq, f"the template does not take its values: {' '.join(str(error).split())}")

    def _rendered(
        self, seq: int, to: Address, context: Mapping[str, Any], now: datetime, *, eight_bit: bool
    ) -> Rendered | Unwritable:
        compiled, delivery = self._compiled, self._marks.delivery(seq)
        pictures = compiled.pictures.of(context)
        url, leave = self._way_out(to)
        variables = {**context, "email": to.spec, "unsubscribe_url": url, "charts": SimpleNamespace(**pictures)}
        filled = compiled.fill(variables)
        if len(filled.subject) > LONGEST_SUBJECT:
            return Unwritable(seq, f"the subject has {len(filled.subject):,} letters; at most {LONGEST_SUBJECT}")
        identity = message_id(compiled.draft.campaign, delivery, self._domain)
        head = b"".join(
            (
                compiled.head,
                address_header("To", to),
                text_header("Subject", filled.subject),
                self._dated(now),
                f"Message-ID: {identity}\r\nX-BP-Delivery: {delivery}\r\n".encode("ascii"),
                leave,
            )
        )
        html = text_part("html", filled.html, eight_bit=eight_bit) if filled.html is not None else None
        data = put_together(
            head,
            f"=_{delivery.rpartition('.')[2]}".encode("ascii"),
            text_part("plain", filled.text, eight_bit=eight_bit),
            html,
            [picture.part for picture in pictures.values()] if html else (),
            (*compiled.attachments, *self._own_files(variables)),
        )
        if len(data) > self._most_bytes:
            return Unwritable(seq, f"the message has {len(data):,} bytes; at most {self._most_bytes:,} are sent")
        sender = verp(delivery, self._bounces) if self._bounces else compiled.draft.sender.spec
        return Rendered(seq, sender, to.spec, data, identity, filled)

    def _way_out(self, to: Address) -> tuple[str, bytes]:
        """The recipient's own address for leaving, and the headers that say it."""
        leaving = self._compiled.draft.unsubscribe
        if not leaving:
            return "", b""
        token = make_token(self._marks.secret, Subscription(to.spec, leaving.scope, self._batch))
        url = f"{leaving.base_url.rstrip('/')}/{token}"
        ways = f"<{url}>"
        if leaving.mailto:
            ways += f", <mailto:{leaving.mailto}?subject=unsubscribe%20{token}>"
        return url, raw_header("List-Unsubscribe", ways) + (_ONE_CLICK if url.startswith("https://") else b"")

    def _own_files(self, variables: Mapping[str, Any]) -> list[Part]:
        parts: list[Part] = []
        for template in self._compiled.attach:
            path = template.render(variables).strip()
            if path:
                if self._read_file is None:
                    raise ConfigError("there is no folder to attach files from")
                file = self._read_file(path)
                parts.append(attachment_part(file.name, file.media_type, file.data))
        return parts

    def _dated(self, now: datetime) -> bytes:
        second = int(now.timestamp())
        if self._date[0] != second:
            self._date = (second, f"Date: {format_datetime(now)}\r\n".encode("ascii"))
        return self._date[1]
