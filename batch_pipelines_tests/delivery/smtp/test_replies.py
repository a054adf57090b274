"""What a reply means, class by class."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_pipelines.delivery.smtp.replies import LONGEST_TEXT, Reply, outcome_of
from batch_pipelines.delivery.transport import Blame, Kind, Phase

MEANINGS = [
    (Phase.DOT, 250, "2.0.0 queued", Kind.SENT, Blame.NOBODY),
    (Phase.DOT, 252, "ok", Kind.SENT, Blame.NOBODY),
    (Phase.DOT, 354, "?", Kind.AMBIGUOUS, Blame.CONNECTION),
    (Phase.RCPT, 450, "4.2.0 greylisted", Kind.DEFERRED, Blame.MAILBOX),
    (Phase.RCPT, 451, "local error", Kind.DEFERRED, Blame.MAILBOX),
    (Phase.RCPT, 421, "4.3.2 closing", Kind.UNSENT, Blame.CONNECTION),
    (Phase.DOT, 421, "4.7.0 rate limited, try again", Kind.UNSENT, Blame.THROTTLE),
    (Phase.MAIL, 454, "Throttling failure: Maximum sending rate exceeded.", Kind.DEFERRED, Blame.THROTTLE),
    (Phase.RCPT, 452, "4.5.3 too many recipients", Kind.DEFERRED, Blame.THROTTLE),
    (Phase.DOT, 452, "4.2.2 over quota", Kind.DEFERRED, Blame.MAILBOX),
    (Phase.RCPT, 550, "5.1.1 no such user", Kind.FAILED, Blame.RECIPIENT),
    (Phase.RCPT, 550, "no such user", Kind.FAILED, Blame.RECIPIENT),
    (Phase.RCPT, 553, "5.1.3 bad syntax", Kind.FAILED, Blame.RECIPIENT),
    (Phase.DOT, 550, "5.1.1 no such user", Kind.FAILED, Blame.RECIPIENT),
    (Phase.RCPT, 553, "5.1.8 sender's domain does not exist", Kind.FAILED, Blame.POLICY),
    (Phase.RCPT, 550, "5.7.1 relaying denied", Kind.FAILED, Blame.POLICY),
    (Phase.RCPT, 550, "relay not permitted", Kind.FAILED, Blame.POLICY),
    (Phase.RCPT, 550, "blocked by a blacklist", Kind.FAILED, Blame.POLICY),
    (Phase.RCPT, 554, "no", Kind.FAILED, Blame.POLICY),
    (Phase.RCPT, 552, "mailbox full", Kind.DEFERRED, Blame.MAILBOX),
    (Phase.RCPT, 550, "5.2.1 disabled", Kind.FAILED, Blame.MAILBOX),
    (Phase.DOT, 552, "5.2.2 full", Kind.DEFERRED, Blame.MAILBOX),
    (Phase.DOT, 552, "5.3.4 too large", Kind.FAILED, Blame.MESSAGE),
    (Phase.DOT, 552, "5.2.3 too large for this mailbox", Kind.FAILED, Blame.MESSAGE),
    (Phase.DOT, 554, "5.6.0 what is that", Kind.FAILED, Blame.MESSAGE),
    (Phase.DOT, 550, "5.7.1 spam", Kind.FAILED, Blame.POLICY),
    (Phase.DOT, 550, "message refused", Kind.FAILED, Blame.MESSAGE),
    (Phase.MAIL, 550, "5.7.1 not you", Kind.UNSENT, Blame.POLICY),
    (Phase.MAIL, 553, "5.1.8 no such domain", Kind.UNSENT, Blame.POLICY),
    (Phase.MAIL, 530, "5.7.0 authenticate first", Kind.UNSENT, Blame.POLICY),
    (Phase.MAIL, 552, "5.3.4 too large", Kind.FAILED, Blame.MESSAGE),
    (Phase.MAIL, 552, "too large", Kind.FAILED, Blame.MESSAGE),
    (Phase.DATA, 503, "5.5.1 not now", Kind.UNSENT, Blame.CONNECTION),
    (Phase.DATA, 250, "what?", Kind.UNSENT, Blame.CONNECTION),
]


@pytest.mark.parametrize(("phase", "code", "text", "kind", "blame"), MEANINGS)
def test_a_reply_means_what_its_class_and_phase_say(
    phase: Phase, code: int, text: str, kind: Kind, blame: Blame
) -> None:
    outcome = outcome_of(7, phase, Reply(code, text.encode()))
    assert (outcome.seq, outcome.kind, outcome.blame, outcome.code) == (7, kind, blame, code)


@given(st.sampled_from([Phase.MAIL, Phase.RCPT, Phase.DATA, Phase.DOT]), st.integers(200, 599), st.binary())
def test_whatever_a_relay_says_is_one_printable_line_and_never_sent_unless_2xx_at_the_dot(
    phase: Phase, code: int, raw: bytes
) -> None:
    outcome = outcome_of(0, phase, Reply(code, raw))
    assert outcome.reply.isprintable()
    assert len(outcome.reply) <= LONGEST_TEXT
    assert (outcome.kind is Kind.SENT) == (phase is Phase.DOT and code < 300)
    assert (outcome.kind is Kind.AMBIGUOUS) == (phase is Phase.DOT and 300 <= code < 400)
    if outcome.blame is Blame.RECIPIENT:
        assert outcome.kind is Kind.FAILED
