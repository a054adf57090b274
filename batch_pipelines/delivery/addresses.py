"""Addresses of mail: read from what people write, checked, with their domain in ASCII.

What must not live here: who may be written to (audience, suppression).
"""

import re
from dataclasses import dataclass

from email_validator import EmailNotValidError, validate_email

_WRITTEN = re.compile(r"\s*(?:(?P<name>[^<>]*?)\s*<(?P<inside>[^<>\s]+)>|(?P<bare>[^<>\s]+))\s*")
UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""What no header may hold: controls, line breaks of any kind, halves of characters."""


@dataclass(frozen=True, slots=True)
class Address:
    """One mailbox.

    Attributes:
        local: Left of the @; ASCII, or it needs SMTPUTF8.
        domain: Right of it, in ASCII (`xn--…` for others), small letters.
        name: Whose it is, as people read it; may be empty.
    """

    local: str
    domain: str
    name: str = ""

    @property
    def spec(self) -> str:
        """`local@domain`: what envelopes hold."""
        return f"{self.local}@{self.domain}"


def read_address(text: str) -> Address:
    """Read `ann@example.com`, or `Ann Lee <ann@example.com>`.

    Raises:
        ValueError: It is no address, or has a line break or another control character in it.
    """
    if UNSAFE.search(text):
        raise ValueError(f"{text!r} has a control character in it; an address is one line of plain text")
    found = _WRITTEN.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r} is no address; write ann@example.com or Ann Lee <ann@example.com>")
    try:
        checked = validate_email(found["inside"] or found["bare"], check_deliverability=False)
    except EmailNotValidError as error:
        raise ValueError(f"{text!r} is no address: {error}") from error
    name = found["name"] or ""
    if len(name) > 1 and name.startswith('"') and name.endswith('"'):
        name = re.sub(r"\\(.)", r"\1", name[1:-1])
    return Address(checked.local_part, (checked.ascii_domain or checked.domain).lower(), name)
