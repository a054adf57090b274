"""One connection's work: claim, write each message, send, settle; again until nobody waits.

Per message: body → journal: intent → own lease → final dot → reply → journal: result. Per claim: the journal's file
first, then the claim's commit; the settlement's commit, then the file goes.

What must not live here: what is shared by connections, and who watches over them (sender.py).
"""

import random
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from batch_pipelines.campaigns.sending.journal import ClaimJournal
from batch_pipelines.campaigns.sending.limits import Limiter, Permit
from batch_pipelines.campaigns.sending.turns import Turns
from batch_pipelines.campaigns.sending.verdicts import Breaker, Policy, bounce_of, settlement
from batch_pipelines.core.clock import Clock
from batch_pipelines.core.errors import BatchError, LeaseLost, TransientError
from batch_pipelines.core.ledger.ledger import Ledger
from batch_pipelines.core.mailings import Claimed, MailClaim, Screen, Settlement, Suppression
from batch_pipelines.core.owners import Owner
from batch_pipelines.delivery.transport import Connection, Kind, Outcome, Outgoing, Transport

GLANCE_S = 0.25  # how often one who waits looks whether to stop
FIRST_BACKOFF_S, LONGEST_BACKOFF_S = 0.5, 15.0


class Unwritable(BatchError):
    """A message that cannot be written for one recipient; it is no reason to stop."""


class Composer(Protocol):
    """Writes messages."""

    def drafts(self, recipients: Sequence[Claimed]) -> Callable[[Claimed, frozenset[str]], Outgoing]:
        """Read what is known of some recipients; return what writes a message to one of them.

        It is given the recipient and what the relay offers (see `Connection.offers`). May raise `Unwritable`.
        """
        ...


@dataclass(slots=True)
class Shared:
    """What the connections of one sender share.

    Attributes:
        stop: Set to have all of them stop before their next message.
        why: Why it was set, if it was for the campaign's sake: it is paused with this reason.
        error: What a connection failed with.
        handled: Outcomes so far.
        unsent: How often a recipient's message was not sent for the connection's sake.
        waits: What keeps the last connection from coming about, and when it tries again; None if it did.
    """

    breaker: Breaker = field(default_factory=Breaker)
    stop: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    why: str | None = None
    error: BaseException | None = None
    handled: int = 0
    unsent: Counter[int] = field(default_factory=Counter)
    waits: str | None = None

    def pause(self, why: str | None) -> None:
        """Have all connections stop and the campaign paused; None changes nothing."""
        if why is not None:
            with self.lock:
                self.why = self.why or why
            self.stop.set()


@dataclass(frozen=True, slots=True)
class Task:
    """What a connection needs to know of its occurrence."""

    occurrence_id: int
    policy: Policy
    screen: Screen
    claim_size: int


@dataclass(frozen=True, slots=True)
class Desk:
    """A sender's place to work.

    Attributes:
        ledger: Where recipients are.
        data: The data folder.
        owner: The sender.
        check: Raises LeaseLost if the sender's leases may not be trusted any more.
        clock: Time.
        turns: Of its connections; None if it has one alone.
    """

    ledger: Ledger
    data: Path
    owner: Owner
    check: Callable[[], None]
    clock: Clock
    turns: Turns | None


class Line:
    """One connection and its thread's work.

    Args:
        desk: The sender's.
        task: The occurrence.
        shared: What all connections of the sender share.
        composer: Writes messages.
        transport: Where they go.
        limiter: When they may.
    """

    def __init__(
        self, desk: Desk, task: Task, shared: Shared, *, composer: Composer, transport: Transport, limiter: Limiter
    ) -> None:
        self._ledger, self._data, self._owner = desk.ledger, desk.data, desk.owner
        self._check, self._clock, self._turns = desk.check, desk.clock, desk.turns
        self._turn: float | None = None
        self._task, self._shared = task, shared
        self._composer, self._transport, self._limiter = composer, transport, limiter
        self._connection: Connection | None = None
        self._failures = 0
        self._dice = random.Random()  # noqa: S311  jitter

    def work(self) -> None:
        """Send until nobody waits, or all stop."""
        try:
            while not self._shared.stop.is_set() and self._claim_and_send():
                pass
        except BaseException as error:  # noqa: BLE001  the sender raises it, when all have stopped
            with self._shared.lock:
                self._shared.error = self._shared.error or error
            self._shared.stop.set()
        finally:
            if self._connection is not None:
                self._connection.close()

    def _claim_and_send(self) -> bool:
        """Do one claim; False if nobody waits."""
        self._check()
        permits: dict[int, tuple[Permit, str]] = {}
        journal = ClaimJournal(self._data, lambda seq: self._may_go(seq, permits), self._end_turn)
        settled = False
        try:
            claim = self._ledger.recipients.claim(
                self._owner,
                self._task.occurrence_id,
                journal.name,
                screen=self._task.screen,
                limit=self._task.claim_size,
                now=self._clock.now().timestamp(),
            )
            if claim is None or not claim.recipients:
                settled = True
                return claim is not None
            work = _Work(self._task, claim, self._shared, self._clock, self._dice)
            self._send(work, journal, permits)
            self._check()
            settled = self._settle(claim, work)
            return True
        finally:
            self._end_turn()
            journal.close(remove=settled)

    def _send(self, work: "_Work", journal: ClaimJournal, permits: dict[int, tuple[Permit, str]]) -> None:
        source: Iterator[Outgoing | None] | None = None
        while not self._shared.stop.is_set() and work.left:
            connection = self._connected()
            if connection is None:
                return
            source = source or self._messages(work, permits)
            try:
                for outcome in connection.send(source, journal):
                    permit = permits.pop(outcome.seq, None)
                    if permit is not None and outcome.kind is Kind.UNSENT:
                        self._limiter.give_back(permit[0])
                    work.note(outcome)
            except TransientError as error:  # a limit: the relay would not wait for so long with a dot held back
                connection.close()
                self._wait(error.delay_s or GLANCE_S)
                return
            if not connection.is_open:
                self._connection = None
            elif not work.left or self._shared.stop.is_set():
                return

    def _settle(self, claim: MailClaim, work: "_Work") -> bool:
        if not self._ledger.recipients.settle(self._owner.id, claim, work.settled, work.bounced):
            raise LeaseLost("another sender took its claim over: this one stops, its journal tells what it did")
        return True

    def _may_go(self, seq: int, permits: dict[int, tuple[Permit, str]]) -> None:
        """Called right before a final dot."""
        permit, domain = permits[seq]
        permits[seq] = (self._limiter.confirm(permit, domain), domain)
        self._turn = self._turns.take() if self._turns else None
        self._check()

    def _end_turn(self) -> None:
        if self._turns and self._turn is not None:
            self._turns.give(self._turn)
            self._turn = None

    def _messages(self, work: "_Work", permits: dict[int, tuple[Permit, str]]) -> Iterator[Outgoing | None]:
        """Yield messages as limits allow; None before waiting."""
        write = self._composer.drafts(work.claim.recipients)
        while work.left and not self._shared.stop.is_set():
            chosen = self._next(work)
            if isinstance(chosen, float):
                yield None
                self._wait(chosen)
                continue
            recipient, permit = chosen
            offers = self._connection.offers if self._connection is not None else frozenset[str]()
            try:
                message = write(recipient, offers)
            except Unwritable as error:
                self._limiter.give_back(permit)
                work.unwritable(recipient, str(error))
                continue
            permits[recipient.seq] = (permit, recipient.domain)
            yield message

    def _next(self, work: "_Work") -> tuple[Claimed, Permit] | float:
        """Return the first recipient whose domain may be written to now; or the seconds to wait."""
        shortest, full = LONGEST_BACKOFF_S, set[str]()
        for position, recipient in enumerate(work.left):
            if recipient.domain in full:
                continue
            found = self._limiter.reserve(recipient.domain)
            if isinstance(found, Permit):
                del work.left[position]
                return recipient, found
            shortest = min(shortest, found.seconds)
            if not found.of_domain:
                break
            full.add(recipient.domain)
        return shortest

    def _connected(self) -> Connection | None:
        """Return the open connection, or a new one; None if all are to stop."""
        while self._connection is None and not self._shared.stop.is_set():
            try:
                self._connection = self._transport.connect()
                self._failures, self._shared.waits = 0, None
            except TransientError as error:
                with self._shared.lock:
                    why = self._shared.breaker.connection_failed(str(error))
                self._shared.pause(why)
                seconds = min(FIRST_BACKOFF_S * 2**self._failures, LONGEST_BACKOFF_S)
                self._shared.waits = f"{error}: next try in {seconds:g} s"
                self._wait(seconds)
                self._failures += 1
            except BatchError as error:
                self._shared.pause(f"the relay does not want us: {error}")
        return self._connection

    def _wait(self, seconds: float) -> None:
        until = self._clock.monotonic() + seconds
        while (left := until - self._clock.monotonic()) > 0 and not self._shared.stop.is_set():
            self._clock.sleep(min(left, GLANCE_S))


class _Work:
    """One claim: who is left, and what became of the others."""

    def __init__(self, task: Task, claim: MailClaim, shared: Shared, clock: Clock, dice: random.Random) -> None:
        self.claim = claim
        self.left = deque(claim.recipients)
        self.settled: list[Settlement] = []
        self.bounced: list[Suppression] = []
        self._task, self._shared, self._clock, self._dice = task, shared, clock, dice
        self._by_seq = {each.seq: each for each in claim.recipients}

    def note(self, outcome: Outcome) -> None:
        """Take in what became of a message."""
        recipient, now = self._by_seq[outcome.seq], self._clock.now().timestamp()
        with self._shared.lock:
            unsent = self._shared.unsent.get(outcome.seq, 0)
            self._shared.handled += outcome.kind is not Kind.UNSENT
            if outcome.kind is Kind.UNSENT:
                self._shared.unsent[outcome.seq] += 1
            why = self._shared.breaker.outcome(outcome)
        self._shared.pause(why)
        became = settlement(recipient, outcome, self._task.policy, now, self._dice, unsent=unsent)
        if became is not None:
            self.settled.append(became)
        if (bounce := bounce_of(outcome, recipient.address.casefold(), "relay")) is not None:
            self.bounced.append(bounce)

    def unwritable(self, recipient: Claimed, why: str) -> None:
        """Take in that a message could not be written."""
        self.note(Outcome(recipient.seq, Kind.FAILED, None, None, f"the message cannot be written: {why}"))
