"""What an outcome means for its recipient, and for the campaign: settle, try later, hold, suppress, pause. Pure.

What must not live here: what a relay's reply means (delivery/smtp/replies.py).
"""

import random
from collections import deque
from dataclasses import dataclass, field
from typing import Literal

from batch_pipelines.core.mailings import EVERY_LIST, Claimed, Reason, RecipientState, Settlement, Suppression
from batch_pipelines.core.retry import RetryPolicy
from batch_pipelines.delivery.transport import Blame, Kind, Outcome, Phase

AmbiguousPolicy = Literal["hold", "resend", "assume_sent"]
THROTTLED_S = 60.0
UNSENT_MANY = 3  # a message that loses its connection so often may be the reason


@dataclass(frozen=True, slots=True)
class Policy:
    """How a campaign deals with what does not succeed.

    Attributes:
        attempts: Tries for each recipient.
        max_age_s: Seconds over which they may be spread.
        ambiguous: See `CampaignDeclaration`.
    """

    attempts: int = 6
    max_age_s: float = 86_400.0
    ambiguous: AmbiguousPolicy = "hold"

    @property
    def retry(self) -> RetryPolicy:
        """Delays: 5, 15, 35, 75, 155 minutes."""
        return RetryPolicy(attempts=self.attempts, base_s=300.0, cap_s=4 * 3600.0)

    def gives_up(self, attempts: int) -> bool:
        """Whether nothing is tried any more after so many attempts."""
        steady = RetryPolicy(self.attempts, self.retry.base_s, self.retry.cap_s, jitter=0.0)
        waited = sum(steady.delay_s(n, random.Random(0)) for n in range(1, attempts + 1))  # noqa: S311  no jitter
        return self.retry.is_exhausted(attempts) or waited > self.max_age_s


def settlement(
    recipient: Claimed, outcome: Outcome, policy: Policy, now: float, dice: random.Random, *, unsent: int = 0
) -> Settlement | None:
    """Return what becomes of a recipient; None to leave it waiting, as if it had not been claimed.

    Args:
        recipient: As it was claimed.
        outcome: What became of its message.
        policy: The campaign's.
        now: Seconds since 1970.
        dice: For jitter.
        unsent: How often its message was not sent for the connection's sake before.
    """
    tried = recipient.attempts + 1
    if outcome.kind is Kind.SENT:
        return _settled(outcome, RecipientState.SENT, tried, now)
    if outcome.kind is Kind.AMBIGUOUS:
        return _ambiguous(outcome, policy, tried, now, dice)
    if outcome.blame is Blame.THROTTLE:
        return _settled(outcome, RecipientState.DEFERRED, recipient.attempts, None, due_at=now + THROTTLED_S)
    if is_relays_fault(outcome) or (outcome.kind is Kind.UNSENT and unsent + 1 < UNSENT_MANY):
        return None
    if outcome.kind is Kind.FAILED or policy.gives_up(tried):
        return _settled(outcome, RecipientState.FAILED, tried, now)
    return _settled(outcome, RecipientState.DEFERRED, tried, None, due_at=now + policy.retry.delay_s(tried, dice))


def is_relays_fault(outcome: Outcome) -> bool:
    """Whether the relay refuses the sender, whoever the recipient: somebody must act."""
    return outcome.blame is Blame.POLICY and outcome.phase in {Phase.AUTH, Phase.MAIL, Phase.HELO, Phase.TLS}


def bounce_of(outcome: Outcome, key: str, source: str) -> Suppression | None:
    """Return the suppression that follows from an outcome: the relay says that there is no such mailbox."""
    if outcome.kind is Kind.FAILED and outcome.blame is Blame.RECIPIENT:
        return Suppression(key, EVERY_LIST, Reason.BOUNCED, source)
    return None


def _ambiguous(outcome: Outcome, policy: Policy, tried: int, now: float, dice: random.Random) -> Settlement:
    if policy.ambiguous == "assume_sent":
        return _settled(outcome, RecipientState.SENT, tried, now)
    if policy.ambiguous == "resend" and not policy.gives_up(tried):
        due_at = now + policy.retry.delay_s(tried, dice)
        return _settled(outcome, RecipientState.DEFERRED, tried, None, due_at=due_at)
    return _settled(outcome, RecipientState.AMBIGUOUS, tried, now)


def _settled(
    outcome: Outcome, state: RecipientState, attempts: int, done_at: float | None, *, due_at: float = 0.0
) -> Settlement:
    return Settlement(
        outcome.seq, state, attempts, due_at, outcome.code, outcome.enhanced, outcome.reply or None, done_at
    )


@dataclass(slots=True)
class Breaker:
    """Stops a campaign whose relay does not answer, or refuses too much: sending on would only make it worse.

    Attributes:
        consecutive: Failed connections in a row that are too many.
        share: Share of refused messages that is too high.
        window: Outcomes that are looked at.
        least: Outcomes before the share means anything.
    """

    consecutive: int = 10
    share: float = 0.2
    window: int = 200
    least: int = 50
    _in_a_row: int = 0
    _refused: deque[bool] = field(default_factory=deque)

    def connection_failed(self, why: str) -> str | None:
        """Note that no connection came about; return why to pause, None to go on."""
        self._in_a_row += 1
        if self._in_a_row >= self.consecutive:
            return f"{self._in_a_row} connections in a row failed; the last: {why}"
        return None

    def outcome(self, outcome: Outcome) -> str | None:
        """Note an outcome; return why to pause, None to go on."""
        if is_relays_fault(outcome):
            return f"the relay refuses the sender: {outcome.code} {outcome.reply}"
        if outcome.kind is Kind.UNSENT:
            return self.connection_failed(outcome.reply)
        if outcome.kind is Kind.SENT:
            self._in_a_row = 0
        refused = outcome.kind is Kind.FAILED and outcome.blame in {Blame.POLICY, Blame.MESSAGE}
        self._refused.append(refused)
        if len(self._refused) > self.window:
            self._refused.popleft()
        count, seen = sum(self._refused) if refused else 0, len(self._refused)
        if seen >= self.least and count > self.share * seen:
            return f"{count} of the last {seen} messages were refused; the last: {outcome.code} {outcome.reply}"
        return None
