"""What an outcome means for its recipient and for the campaign."""

import random

import pytest

from batch_pipelines.campaigns.sending.verdicts import THROTTLED_S, UNSENT_MANY, Breaker, Policy, bounce_of, settlement
from batch_pipelines.core.mailings import Claimed, RecipientState, Settlement
from batch_pipelines.delivery.transport import Blame, Kind, Outcome, Phase

NOW = 1_000_000.0
ANN = Claimed(7, "ann@example.com", "example.com", 0)


def outcome(kind: Kind, blame: Blame = Blame.NOBODY, code: int | None = None, phase: Phase = Phase.DOT) -> Outcome:
    return Outcome(7, kind, code, None, "as it said", phase, blame)


def settled(what: Outcome, policy: Policy | None = None, *, before: int = 0, unsent: int = 0) -> Settlement | None:
    someone = Claimed(7, "ann@example.com", "example.com", before)
    return settlement(someone, what, policy or Policy(), NOW, random.Random(1), unsent=unsent)


def test_an_accepted_mail_is_done() -> None:
    assert settled(outcome(Kind.SENT, code=250)) == Settlement(
        7, RecipientState.SENT, 1, 0.0, 250, None, "as it said", NOW
    )


@pytest.mark.parametrize(
    ("policy", "becomes"),
    [
        (Policy(), RecipientState.AMBIGUOUS),
        (Policy(ambiguous="assume_sent"), RecipientState.SENT),
        (Policy(ambiguous="resend"), RecipientState.DEFERRED),
        (Policy(ambiguous="resend", attempts=1), RecipientState.AMBIGUOUS),
    ],
)
def test_what_nobody_knows_follows_the_policy_and_resending_has_an_end(policy: Policy, becomes: RecipientState) -> None:
    found = settled(outcome(Kind.AMBIGUOUS, Blame.CONNECTION), policy)
    assert found
    assert found.state is becomes


def test_a_deferred_mail_is_due_later_and_later_and_fails_when_its_attempts_are_used_up() -> None:
    delays = []
    for before in range(5):
        found = settled(outcome(Kind.DEFERRED, Blame.MAILBOX, 450), before=before)
        assert found
        assert (found.state, found.attempts) == (RecipientState.DEFERRED, before + 1)
        delays.append(found.due_at - NOW)
    assert delays == sorted(delays)
    assert delays[0] >= 200
    last = settled(outcome(Kind.DEFERRED, Blame.MAILBOX, 450), before=5)
    assert last
    assert last.state is RecipientState.FAILED


def test_attempts_end_with_max_age_even_if_some_are_left() -> None:
    found = settled(outcome(Kind.DEFERRED, Blame.MAILBOX, 450), Policy(attempts=50, max_age_s=600.0), before=3)
    assert found
    assert found.state is RecipientState.FAILED


def test_a_relay_that_finds_us_too_fast_costs_no_attempt() -> None:
    found = settled(outcome(Kind.DEFERRED, Blame.THROTTLE, 454), before=5)
    assert found
    assert (found.state, found.attempts, found.due_at) == (RecipientState.DEFERRED, 5, NOW + THROTTLED_S)


def test_a_mail_that_was_not_sent_waits_as_if_never_claimed_until_it_seems_to_be_the_reason() -> None:
    unsent = outcome(Kind.UNSENT, Blame.CONNECTION)
    assert [settled(unsent, unsent=times) for times in range(UNSENT_MANY - 1)] == [None] * (UNSENT_MANY - 1)
    found = settled(unsent, unsent=UNSENT_MANY - 1)
    assert found
    assert (found.state, found.attempts) == (RecipientState.DEFERRED, 1)


def test_a_relay_that_refuses_the_sender_says_nothing_of_the_recipient() -> None:
    assert settled(outcome(Kind.UNSENT, Blame.POLICY, 550, Phase.MAIL), unsent=9) is None


def test_only_a_mailbox_that_is_not_there_is_suppressed() -> None:
    gone = bounce_of(outcome(Kind.FAILED, Blame.RECIPIENT, 550, Phase.RCPT), "ann@example.com", "relay")
    assert gone
    assert gone.key == "ann@example.com"
    for blame in set(Blame) - {Blame.RECIPIENT}:
        assert bounce_of(outcome(Kind.FAILED, blame, 550), "ann@example.com", "relay") is None
    assert bounce_of(outcome(Kind.DEFERRED, Blame.RECIPIENT, 450), "ann@example.com", "relay") is None


def test_the_breaker_opens_after_ten_connections_in_a_row_and_one_success_counts_anew() -> None:
    breaker = Breaker()
    assert [breaker.connection_failed("gone") for _ in range(9)] == [None] * 9
    assert breaker.outcome(outcome(Kind.SENT)) is None
    assert [breaker.outcome(outcome(Kind.UNSENT, Blame.CONNECTION)) for _ in range(9)] == [None] * 9
    assert "10 connections in a row" in str(breaker.connection_failed("gone"))


def test_the_breaker_opens_at_once_if_the_sender_is_refused() -> None:
    said = Breaker().outcome(outcome(Kind.UNSENT, Blame.POLICY, 550, Phase.MAIL))
    assert said == "the relay refuses the sender: 550 as it said"


def test_the_breaker_opens_at_more_than_a_fifth_of_refused_messages_but_not_before_fifty() -> None:
    breaker = Breaker()
    refused, fine = outcome(Kind.FAILED, Blame.POLICY, 554), outcome(Kind.SENT)
    said = [breaker.outcome(refused if number % 4 == 0 else fine) for number in range(60)]
    assert said[:49] == [None] * 49
    assert any("were refused" in str(each) for each in said[49:])


def test_mailboxes_that_are_not_there_do_not_open_the_breaker() -> None:
    breaker = Breaker()
    assert {breaker.outcome(outcome(Kind.FAILED, Blame.RECIPIENT, 550, Phase.RCPT)) for _ in range(300)} == {None}


def test_old_refusals_are_forgotten() -> None:
    breaker = Breaker(window=60)
    for number in range(600):
        assert breaker.outcome(outcome(Kind.FAILED, Blame.MESSAGE) if number % 6 == 0 else outcome(Kind.SENT)) is None
