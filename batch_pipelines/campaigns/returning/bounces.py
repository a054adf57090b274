"""What comes back: bounces, complaints, confirmations. Nothing but our own mark is believed.

A mark (messages/marks.py) is sealed: who cannot make one cannot have anybody suppressed. Where reports are structured
(RFC 3464, RFC 5965) their fields count, else status codes in the text. What must not live here: where mail lies
(maildir.py), what follows from it (the ledger).
"""

import email
import email.policy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from enum import StrEnum

from batch_pipelines.campaigns.messages.marks import read_mark
from batch_pipelines.campaigns.messages.tokens import Secret
from batch_pipelines.delivery.smtp.replies import one_line

MOST_BYTES = 1_000_000
MOST_PARTS = 100
_OUR_ADDRESSES = ("Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "To", "Cc")
_QUOTING = ("In-Reply-To", "References")
_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_CODE = re.compile(r"(?<!\d)([45]\d\d)[ -](?=\S)")


class Return(StrEnum):
    """What a message that came back says of one that went out."""

    HARD = "hard"
    """Delivery failed for good: there is no such mailbox. Suppress the address."""
    SOFT = "soft"
    """Delivery failed this time: full, blocked, away. Says nothing of the next mail."""
    COMPLAINT = "complaint"
    """The recipient calls it spam. Suppress the address."""
    DELAYED = "delayed"
    """Somebody still tries. Nothing follows, but that it was accepted."""
    DELIVERED = "delivered"
    """It arrived: evidence for one that was ambiguous."""


@dataclass(frozen=True, slots=True)
class Returned:
    """What came back of one message.

    Attributes:
        occurrence: The ledger's number of the occurrence.
        seq: The recipient's number in it.
        what: What it says.
        status: Enhanced status code, e.g. `5.1.1`, if it names one.
        reply: What the other side said, one line.
    """

    occurrence: int
    seq: int
    what: Return
    status: str | None
    reply: str


def read_returned(data: bytes, secret: Secret) -> Returned | None:
    """Return what a message says of one of ours; None if it is none of these or not provably about one.

    Args:
        data: The message; beyond `MOST_BYTES` it is not read.
        secret: What our marks are sealed with.
    """
    data = data[:MOST_BYTES]
    try:
        message = email.message_from_bytes(data, policy=email.policy.compat32)
        parts = list(_parts(message))
    except (RecursionError, ValueError, LookupError):  # made to hurt
        return None
    mark = _mark(message, parts, data, secret)
    verdict = mark and (_complaint(parts) or _delivery_status(parts) or _loose(message, parts))
    if not mark or not verdict:
        return None
    what, status, reply = verdict
    return Returned(*mark, what, status, one_line(reply))


def _parts(message: Message) -> Iterator[Message]:
    for number, part in enumerate(message.walk()):
        if number >= MOST_PARTS:
            return
        yield part


def _mark(message: Message, parts: list[Message], data: bytes, secret: Secret) -> tuple[int, int] | None:
    """The mark: in the address that this came to, in what it quotes, or anywhere."""
    for name in (*_OUR_ADDRESSES, *_QUOTING):
        for value in message.get_all(name, ()):
            if found := read_mark(secret, str(value)):
                return found
    for part in parts[1:]:
        for name in ("X-BP-Delivery", "Message-ID", "Return-Path"):
            if found := read_mark(secret, str(part.get(name, ""))):
                return found
    return read_mark(secret, data.decode("latin-1"))


def _complaint(parts: list[Message]) -> tuple[Return, str | None, str] | None:
    """A feedback report (ARF); `not-spam` and the like are no complaints."""
    for part in parts:
        if part.get_content_type() == "message/feedback-report":
            fields = _fields(part)
            kind = next((each.get("feedback-type", "") for each in fields if "feedback-type" in each), "").lower()
            if kind in ("abuse", "fraud", "opt-out", "opt-out-list"):
                return Return.COMPLAINT, None, f"feedback report: {kind}"
    return None


def _delivery_status(parts: list[Message]) -> tuple[Return, str | None, str] | None:
    """A delivery status notification (RFC 3464)."""
    for part in parts:
        if part.get_content_type() in ("message/delivery-status", "message/global-delivery-status"):
            for fields in _fields(part):
                if action := fields.get("action", "").strip().lower():
                    found = _STATUS.search(fields.get("status", "")) or _STATUS.search(
                        fields.get("diagnostic-code", "")
                    )
                    status = found[1] if found else None
                    reply = fields.get("diagnostic-code") or fields.get("status") or action
                    what = _of_action(action, status)
                    return (what, status, reply) if what else None
    return None


def _of_action(action: str, status: str | None) -> Return | None:
    match action:
        case "failed":
            return _of_status(status)
        case "delayed":
            return Return.DELAYED
        case "delivered" | "relayed" | "expanded":
            return Return.DELIVERED
        case _:
            return None


def _of_status(status: str | None) -> Return:
    """5.1.x is the recipient's address, but 5.1.7 and 5.1.8 are the sender's; 5.2.1 is a mailbox switched off."""
    if status and status.startswith("5.1.") and status not in ("5.1.7", "5.1.8"):
        return Return.HARD
    return Return.HARD if status == "5.2.1" else Return.SOFT


def _loose(message: Message, parts: list[Message]) -> tuple[Return, str | None, str] | None:
    """A bounce in free words: it came to a marked address from nobody (`<>`), and names a status or a reply code."""
    automatic = str(message.get("Auto-Submitted", "")).lower()
    sender = str(message.get("Return-Path", "")).strip() or str(message.get("From", "")).lower()
    from_nobody = sender == "<>" or "mailer-daemon" in sender or "postmaster" in sender
    if not from_nobody or automatic.startswith("auto-replied"):
        return None
    for text in _texts(parts):
        for line in text.splitlines():
            found = _STATUS.search(line)
            if found and found[1][0] in "45":
                return _of_status(found[1]), found[1], line
            if code := _CODE.search(line):
                return (
                    Return.HARD if code[1] in ("550", "551", "553") and "user" in line.lower() else Return.SOFT,
                    None,
                    line,
                )
    return None


def _texts(parts: list[Message]) -> Iterator[str]:
    for part in parts:
        if part.get_content_type() == "text/plain":
            payload = part.get_payload(decode=True)
            if isinstance(payload, bytes):
                yield payload.decode("utf-8", "replace")


def _fields(part: Message) -> list[dict[str, str]]:
    """The blocks of fields of a report, names in small letters; some senders encode them as a whole."""
    payload = part.get_payload()
    blocks = [block for block in payload if isinstance(block, Message)] if isinstance(payload, list) else []
    if not any(block.keys() for block in blocks):
        raw = part.get_payload(decode=True)
        text = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else "\n".join(map(str, blocks))
        blocks = [email.message_from_string(each) for each in re.split(r"\r?\n\r?\n", text) if each.strip()]
    return [{name.lower(): str(value) for name, value in block.items()} for block in blocks]
