"""What goes wrong in the sink, where, and how often: a plan, as text or as values.

What must not live here: how a fault is carried out (line.py).
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from batch_pipelines.core.declaring.quantities import seconds


class SinkPhase(StrEnum):
    """Where a fault may strike."""

    BANNER = "banner"
    HELO = "helo"
    STARTTLS = "starttls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    BODY = "body"
    DOT = "dot"
    REPLY = "reply"


class Action(StrEnum):
    """What a fault does."""

    DROP = "drop"
    REFUSE = "refuse"
    DELAY = "delay"
    SILENCE = "silence"
    GARBAGE = "garbage"
    CUT = "cut"
    ACCEPT = "accept"


@dataclass(frozen=True, slots=True)
class SinkFault:
    """One thing that goes wrong.

    Attributes:
        action: What happens.
        phase: Where.
        first: The first time it happens, from 1, counted over all connections.
        last: The last time; None for ever.
        every: Only each so many times.
        holding: Only where the sender's or recipient's address at hand holds this text.
        reply: What is said instead, for `refuse`.
        delay_s: How long, for `delay`.
    """

    action: Action
    phase: SinkPhase
    first: int = 1
    last: int | None = None
    every: int = 1
    holding: str = ""
    reply: str = ""
    delay_s: float = 0.0


class FaultPlan:
    """Says at each moment what goes wrong, and counts the moments."""

    def __init__(self, faults: Iterable[SinkFault] = ()) -> None:
        self._faults = tuple(faults)
        self._times: Counter[SinkFault] = Counter()

    @property
    def is_empty(self) -> bool:
        """Whether nothing ever goes wrong."""
        return not self._faults

    def at(self, phase: SinkPhase, address: str = "") -> SinkFault | None:
        """The fault that strikes now, if one does."""
        struck = None
        for fault in self._faults:
            if fault.phase is phase and fault.holding in address:
                self._times[fault] += 1
                time = self._times[fault]
                due = time >= fault.first and (fault.last is None or time <= fault.last) and time % fault.every == 0
                struck = struck or (fault if due else None)
        return struck


_SPECIFICATION = re.compile(r"(\w+)@(\w+)(?:~([^:=]+))?(?::(%?)(\d+)(\+?))?(?:=(.+))?")


def read_fault(text: str) -> SinkFault:
    """Read one fault: ACTION@PHASE, then `~text` that the address must hold, `:when`, `=value`, all optional.

    `drop@reply` hangs up instead of replying to the final dot: the mail was kept; `drop@dot:3` hangs up at the third
    dot: that mail was not. `refuse@rcpt~ann@=550 5.1.1 no such user`; `refuse@mail:%10=421 4.3.2 closing` every tenth
    time (421 also closes); `delay@banner=2s`; `silence@dot:5+` from the fifth time on; `garbage@data` is no reply;
    `cut@mail` half of one; `accept@data` says 354 even if no recipient was taken.

    Raises:
        ValueError: It cannot be read; the message says what can.
    """
    found = _SPECIFICATION.fullmatch(text.strip())
    if not found or found[1] not in set(Action) or found[2] not in set(SinkPhase):
        raise ValueError(
            f"cannot read the fault {text!r}; it looks like drop@reply:3, refuse@rcpt=550 5.1.1 gone or delay@dot=2s. "
            f"Actions: {', '.join(Action)}. Phases: {', '.join(SinkPhase)}"
        )
    action, phase = Action(found[1]), SinkPhase(found[2])
    value = found[7] or ""
    if action is Action.REFUSE and not re.match(r"[45]\d\d ", value):
        raise ValueError(f"{text!r}: say with what it refuses, for example refuse@{phase}=451 4.3.0 later")
    first, last, every = _occasions(found[4], found[5], found[6])
    delay_s = seconds(value) if action is Action.DELAY else 0.0
    reply = value if action is Action.REFUSE else ""
    return SinkFault(action, phase, first, last, every, found[3] or "", reply, delay_s)


def _occasions(each: str | None, number: str | None, on: str | None) -> tuple[int, int | None, int]:
    """First time, last time, every how many."""
    if not number:
        return 1, None, 1
    count = max(1, int(number))
    if each:
        return 1, None, count
    return count, None if on else count, 1
