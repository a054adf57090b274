"""How a message is recognised when it comes back: each mark names occurrence and number, and is sealed.

The envelope sender (VERP) is what a bounce comes to; Message-ID and X-BP-Delivery are what it quotes. A resent message
has the same marks, so that receivers who drop what they have seen drop it. What must not live here: returning/.
"""

import re
from dataclasses import dataclass

from batch_pipelines.campaigns.messages.tokens import Secret

LONGEST_LOCAL = 64
_SEAL_LETTERS = 16
_NOT_ATEXT = re.compile(r"[^A-Za-z0-9_-]+")
_MARK = re.compile(r"(?<!\d)(\d{1,18})[.-](\d{1,18})[.-]([0-9a-f]{16})(?![0-9a-z])", re.ASCII)


@dataclass(frozen=True, slots=True)
class Marks:
    """Marks the messages of one occurrence.

    Attributes:
        secret: What seals them.
        campaign: Its name.
        occurrence: The ledger's number of the occurrence.
    """

    secret: Secret
    campaign: str
    occurrence: int

    def seal(self, seq: int) -> str:
        """Return 16 hexadecimal letters that only we can make for this message."""
        return _seal(self.secret, self.occurrence, seq)

    def delivery(self, seq: int) -> str:
        """Return the value of X-BP-Delivery: `occurrence.number.seal`."""
        return f"{self.occurrence}.{seq}.{self.seal(seq)}"

    def message_id(self, seq: int, domain: str) -> str:
        """Return the Message-ID, with its brackets."""
        return message_id(self.campaign, self.delivery(seq), domain)

    def verp(self, seq: int, bounces: str) -> str:
        """Return the envelope sender: `bounces+occurrence-number-seal@domain`, if bounces go to `bounces@domain`.

        Raises:
            ValueError: The address is too long for it.
        """
        return verp(self.delivery(seq), bounces)


def message_id(campaign: str, delivery: str, domain: str) -> str:
    """Return the Message-ID of a delivery, with its brackets."""
    return f"<bp.{_NOT_ATEXT.sub('_', campaign)[:60]}.{delivery}@{domain}>"


def verp(delivery: str, bounces: str) -> str:
    """Return the envelope sender of a delivery; see `Marks.verp`."""
    local, _, domain = bounces.rpartition("@")
    made = f"{local}+{delivery.replace('.', '-')}"
    if len(made) > LONGEST_LOCAL:
        raise ValueError(f"{bounces!r} is too long for bounces: with its mark it has {len(made)} letters before @")
    return f"{made}@{domain}"


def read_mark(secret: Secret, text: str) -> tuple[int, int] | None:
    """Return occurrence and number of the first mark in a text that is ours; None if there is none."""
    for occurrence, seq, seal in _MARK.findall(text):
        if _seal(secret, int(occurrence), int(seq)) == seal:
            return int(occurrence), int(seq)
    return None


def _seal(secret: Secret, occurrence: int, seq: int) -> str:
    return secret.seal(b"mark", b"%d.%d" % (occurrence, seq)).hex()[:_SEAL_LETTERS]
