"""Rate limits as people write them, `20/s` or `50000/24h`, and the grid of slots on which they are kept.

A window is cut into `SLOTS` slots. Tokens are counted in the slot in which they are taken and may be used until the
end of the next one; so two messages that lie less than a window apart were counted at most `SPAN` slots apart, and a
limit that holds for every `SPAN` consecutive slots holds for every window, wherever it begins. The price: at most
`SLOTS / SPAN` = 97 % of the limit is used.
"""

import math
import re
from dataclasses import dataclass

from batch_pipelines.core.declaring.quantities import seconds

SLOTS = 60
SPAN = SLOTS + 2
_RATE = re.compile(r"(\d+)\s*/\s*(\S+)", re.ASCII)
_UNITS = {
    **dict.fromkeys(("s", "sec", "second"), "1s"),
    **dict.fromkeys(("m", "min", "minute"), "1m"),
    **dict.fromkeys(("h", "hour"), "1h"),
    **dict.fromkeys(("d", "day"), "1d"),
}


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `limit` in any `window_s` seconds."""

    limit: int
    window_s: float

    @property
    def per_second(self) -> float:
        """The same as a number a second."""
        return self.limit / self.window_s

    def __str__(self) -> str:
        """`20/1s`, the spelling that keys in the ledger have."""
        return f"{self.limit}/{self.window_s:g}s"

    def slot(self, at: float) -> int:
        """Return the slot of a time (seconds since 1970)."""
        return math.floor(at * SLOTS / self.window_s)

    def start(self, slot: int) -> float:
        """Return when a slot begins."""
        return slot * self.window_s / SLOTS


@dataclass(frozen=True, slots=True)
class Ask:
    """Tokens wanted of one limit: `want` of them, or as many as there are."""

    key: str
    rate: Rate
    want: int


@dataclass(frozen=True, slots=True)
class Granted:
    """Tokens of one limit. They may be used for `valid_s` seconds, then they have to be given back."""

    key: str
    slot: int
    count: int
    valid_s: float


def read_rate(value: object) -> Rate:
    """Read a rate: `20/s`, `1000/min`, `50000/24h`, or a plain number a second.

    Raises:
        ValueError: It is none of these.
    """
    wrong = ValueError(f"{value!r} is not a rate; write for example 20/s, 1000/min or 50000/24h")
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return Rate(value, 1.0)
    found = _RATE.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None or int(found[1]) < 1:
        raise wrong
    try:
        return Rate(int(found[1]), seconds(_UNITS.get(found[2], found[2])))
    except ValueError:
        raise wrong from None
