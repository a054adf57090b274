"""What a relay's reply means: for this message, for its recipient, for the relay.

Classes after RFC 5321 §4.2, enhanced codes after RFC 3463. What must not live here: reading replies (wire.py), and what
is done about them (retry, suppression, circuit breaker: whoever sends).
"""

import re

from batch_pipelines.delivery.transport import Blame, Kind, Outcome, Phase

LONGEST_TEXT = 500
SUCCESS, GO_ON, FOR_NOW, FOR_GOOD = 2, 3, 4, 5
"""The classes of replies: the first of three digits."""
CLOSING, THROTTLED, FULL, TOO_LARGE, TRANSACTION_FAILED = 421, 454, 552, 552, 554
LOGIN_NEEDED = frozenset({530, 534, 535, 538})
OUT_OF_STEP = 503

_ENHANCED = re.compile(rb"\s*([245]\.\d{1,3}\.\d{1,3})(?=\s|$)")
_RATE_WORDS = re.compile(r"throttl|rate.?limit|too (?:many|fast)|slow down|rate exceeded|quota", re.IGNORECASE)
_POLICY_WORDS = re.compile(
    r"relay|spam|block|blacklist|blocklist|denylist|policy|reputation|denied|\bSPF\b|\bDKIM\b|\bDMARC\b|authenticat",
    re.IGNORECASE,
)


class Reply:
    """One reply, of one line or several; its text is read only when somebody asks.

    Attributes:
        code: Three digits.
        raw: What follows the code, a line each, as bytes.
    """

    __slots__ = ("code", "raw")

    def __init__(self, code: int, raw: bytes) -> None:
        self.code = code
        self.raw = raw

    @property
    def enhanced(self) -> str | None:
        """The enhanced status code, if there is one."""
        found = _ENHANCED.match(self.raw)
        return found[1].decode("ascii") if found else None

    @property
    def text(self) -> str:
        """One printable line, without codes, at most `LONGEST_TEXT` letters."""
        text = b" ".join(_ENHANCED.sub(b"", line, count=1) for line in self.raw.split(b"\n"))
        return one_line(text.decode("utf-8", "replace"))


def one_line(text: str) -> str:
    """Return a text of strangers as one printable line of bounded length."""
    if not text.isprintable():
        text = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(text.split())[:LONGEST_TEXT]


def outcome_of(seq: int, phase: Phase, reply: Reply) -> Outcome:
    """Return what a reply makes of a message.

    Args:
        seq: The message's number.
        phase: What the reply answers: MAIL, RCPT, DATA or the dot.
        reply: Of any class; 2xx and 3xx mean something else than "sent" anywhere but at the dot.
    """
    enhanced, text = reply.enhanced, reply.text
    kind, blame = _judged(phase, reply.code, enhanced or "", text)
    return Outcome(seq, kind, reply.code, enhanced, text, phase, blame)


def _judged(phase: Phase, code: int, enhanced: str, text: str) -> tuple[Kind, Blame]:
    kind_of_reply = code // 100
    if kind_of_reply == SUCCESS and phase is Phase.DOT:
        return Kind.SENT, Blame.NOBODY
    if kind_of_reply == FOR_NOW:
        return _for_now(phase, code, enhanced, text)
    if kind_of_reply == FOR_GOOD:
        return _for_good(phase, code, enhanced, text)
    return Kind.AMBIGUOUS if phase is Phase.DOT else Kind.UNSENT, Blame.CONNECTION


def _for_now(phase: Phase, code: int, enhanced: str, text: str) -> tuple[Kind, Blame]:
    too_fast = code == THROTTLED or bool(_RATE_WORDS.search(text))
    if code == CLOSING:
        return Kind.UNSENT, Blame.THROTTLE if too_fast else Blame.CONNECTION
    if enhanced.startswith("4.2."):
        return Kind.DEFERRED, Blame.MAILBOX
    if too_fast:
        return Kind.DEFERRED, Blame.THROTTLE
    return Kind.DEFERRED, _OF_PHASE[phase]


def _for_good(phase: Phase, code: int, enhanced: str, text: str) -> tuple[Kind, Blame]:
    if code == OUT_OF_STEP or code in LOGIN_NEEDED:
        return Kind.UNSENT, Blame.CONNECTION if code == OUT_OF_STEP else Blame.POLICY
    if enhanced == "5.2.2" or (code == FULL and not enhanced and phase is not Phase.MAIL):
        return Kind.DEFERRED, Blame.MAILBOX
    if phase is Phase.MAIL:
        too_large = code == TOO_LARGE or enhanced.startswith(("5.3.4", "5.6."))
        return (Kind.FAILED, Blame.MESSAGE) if too_large else (Kind.UNSENT, Blame.POLICY)
    if enhanced:
        return Kind.FAILED, _by_subject(phase, enhanced)
    return Kind.FAILED, _unexplained(phase, code, text)


def _unexplained(phase: Phase, code: int, text: str) -> Blame:
    """Whom a 5xx without an enhanced code speaks of."""
    if phase is not Phase.RCPT:
        return Blame.MESSAGE
    return Blame.POLICY if code == TRANSACTION_FAILED or _POLICY_WORDS.search(text) else Blame.RECIPIENT


def _by_subject(phase: Phase, enhanced: str) -> Blame:
    """Whom a 5.x.y speaks of; 5.1.7 and 5.1.8 are about the sender's address."""
    _, subject, detail = enhanced.split(".")
    if subject == "7" or (subject == "1" and detail in ("7", "8")):
        return Blame.POLICY
    if subject == "1":
        return Blame.RECIPIENT
    if subject == "2":
        return Blame.MESSAGE if detail == "3" else Blame.MAILBOX
    return Blame.MESSAGE if phase is not Phase.RCPT or subject in ("3", "6") else Blame.MAILBOX


_OF_PHASE = {
    Phase.MAIL: Blame.CONNECTION,
    Phase.RCPT: Blame.MAILBOX,
    Phase.DATA: Blame.CONNECTION,
    Phase.DOT: Blame.MESSAGE,
}
