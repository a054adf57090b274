"""Rate limits of one sender: whether a message may go now, and if not, how long to wait. Shared by its connections.

Tokens are taken from the ledger a few at a time, for all limits that a message falls under at once. A message
*reserves* when it is rendered and *confirms* right before its final dot; a token that has grown too old meanwhile is
given back and another is waited for. What is never used is given back, so that nobody waits for it.

What must not live here: how tokens are counted (core/ledger/rate_windows.py).
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from batch_pipelines.core.clock import Clock
from batch_pipelines.core.declaring.rates import Ask, Granted, Rate
from batch_pipelines.core.errors import TransientError

MOST_AT_ONCE = 256
PATIENCE_S = 20.0  # with a message's body sent and its dot held back


class Windows(Protocol):
    """What a limiter asks of the ledger; see core/ledger/rate_windows.py."""

    def take(self, asks: Sequence[Ask], back: Sequence[Granted] = ()) -> list[Granted] | float:
        """Take tokens of all limits or of none; or say how long to wait."""
        ...

    def give_back(self, back: Sequence[Granted]) -> None:
        """Give tokens back that were not used."""
        ...


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit and its name in the ledger.

    Attributes:
        name: Those of one name share its tokens.
        rate: How much.
        by_domain: Whether each domain has one of its own.
        domain: The only domain that it holds for; None for all.
        but: Domains that it does not hold for.
    """

    name: str
    rate: Rate
    by_domain: bool = False
    domain: str | None = None
    but: frozenset[str] = frozenset()

    def holds_for(self, domain: str) -> bool:
        """Whether messages to this domain fall under it."""
        return self.domain in (None, domain) and domain not in self.but

    @property
    def is_of_domain(self) -> bool:
        """Whether it holds for some domain only."""
        return self.by_domain or self.domain is not None

    def key(self, domain: str) -> str:
        """Return what the ledger calls it, for a message to this domain."""
        return f"{self.name}:{domain if self.by_domain else ''}:{self.rate}"


class Permit(NamedTuple):
    """The right to send one message: a token of each limit."""

    tokens: tuple[Granted, ...]
    until: float


FREE = Permit((), float("inf"))


@dataclass(frozen=True, slots=True)
class Wait:
    """How many seconds to wait before asking again, and whether only for this domain."""

    seconds: float
    of_domain: bool


@dataclass(slots=True)
class _Stock:
    """Tokens of one key that were taken and not handed out yet, and how many to take the next time."""

    granted: Granted | None = None
    until: float = 0.0
    want: int = 1


class Limiter:
    """The limits of one sender.

    Args:
        windows: Where tokens are counted.
        limits: All that hold.
        clock: Time.
    """

    def __init__(self, windows: Windows, limits: Sequence[Limit], clock: Clock) -> None:
        self._windows = windows
        self._limits = limits
        self._clock = clock
        self._lock = threading.Lock()
        self._stocks: dict[str, _Stock] = {}
        self._back: list[Granted] = []

    def reserve(self, domain: str) -> Permit | Wait:
        """Return the right to send one message to a domain; or how long to wait before asking again."""
        if not self._limits:
            return FREE
        limits = [each for each in self._limits if each.holds_for(domain)]
        if not limits:
            return FREE
        with self._lock:
            stocks = {limit.key(domain): self._stocks.setdefault(limit.key(domain), _Stock()) for limit in limits}
            self._retire(stocks)
            for of_domain in (False, True):  # what holds for all first: it need not be asked for each domain
                lacking = [
                    Ask(key, limit.rate, stocks[key].want)
                    for limit in limits
                    if limit.is_of_domain is of_domain and stocks[key := limit.key(domain)].granted is None
                ]
                if lacking and (wait := self._restock(lacking)):
                    return Wait(wait, of_domain)
            return self._hand_out(stocks)

    def confirm(self, permit: Permit, domain: str) -> Permit:
        """Make sure, right before a message is sent, that its permit still holds; else wait for another.

        Raises:
            TransientError: There will be none for so long that the relay would give up.
        """
        if permit is FREE:
            return FREE
        began_at = self._clock.monotonic()
        while permit.until <= self._clock.monotonic():
            self.give_back(permit)
            found = self.reserve(domain)
            if isinstance(found, Permit):
                permit = found
                continue
            if self._clock.monotonic() - began_at + found.seconds > PATIENCE_S:
                raise TransientError(
                    f"the limit for {domain} is used up for {found.seconds:,.0f} s", delay_s=found.seconds
                )
            self._clock.sleep(found.seconds)
            permit = Permit((), 0.0)
        return permit

    def give_back(self, permit: Permit) -> None:
        """Give back the permit of a message that was certainly not sent."""
        with self._lock:
            self._back += permit.tokens

    def close(self) -> None:
        """Give back all that was not used."""
        with self._lock:
            self._back += [stock.granted for stock in self._stocks.values() if stock.granted]
            self._stocks.clear()
            self._windows.give_back(self._back)
            self._back = []

    def _retire(self, stocks: dict[str, _Stock]) -> None:
        """Take tokens that are too old out of stock; who took too many takes fewer the next time."""
        now = self._clock.monotonic()
        for stock in stocks.values():
            if stock.granted and stock.until <= now:
                self._back.append(stock.granted)
                stock.granted = None
                stock.want = max(1, stock.want // 2)

    def _restock(self, lacking: Sequence[Ask]) -> float:
        """Take tokens of all limits of which there are none in stock; seconds to wait if any is used up."""
        began_at = self._clock.monotonic()
        taken = self._windows.take(lacking, self._back)
        self._back = []
        if isinstance(taken, float):
            return taken
        for granted in taken:
            self._stocks[granted.key].granted = granted
            self._stocks[granted.key].until = began_at + granted.valid_s
        return 0.0

    def _hand_out(self, stocks: dict[str, _Stock]) -> Permit:
        tokens = []
        until = float("inf")
        for stock in stocks.values():
            granted = stock.granted
            if granted is None:  # two limits of one key cannot be
                continue
            tokens.append(Granted(granted.key, granted.slot, 1, granted.valid_s))
            until = min(until, stock.until)
            if granted.count > 1:
                stock.granted = Granted(granted.key, granted.slot, granted.count - 1, granted.valid_s)
            else:
                stock.granted = None
                stock.want = min(MOST_AT_ONCE, stock.want * 2)
        return Permit(tuple(tokens), until)
