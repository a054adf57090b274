"""A relay that refuses, is slow or hangs up, at every phase: each has a named outcome and a clear message."""

import pytest

from batch_pipelines.core.errors import RelayRefused, RelayUnavailable
from batch_pipelines.delivery.sink.session import Rules
from batch_pipelines.delivery.transport import Blame, Kind, Outgoing, Phase
from batch_pipelines_tests.delivery.post_office import EACH_WAY, HASTY, Notes, kinds, mails, office, send_all

CONNECTING = [
    ("drop@banner", "banner", "closed the connection", RelayUnavailable),
    ("silence@banner", "banner", "no reply within 0.15 s", RelayUnavailable),
    ("refuse@banner=421 4.3.2 too busy", "banner", "421 4.3.2 too busy", RelayUnavailable),
    ("refuse@banner=554 5.7.1 not you", "banner", "554 5.7.1 not you", RelayRefused),
    ("garbage@banner", "banner", "which is no reply", RelayUnavailable),
    ("cut@banner", "banner", "closed the connection", RelayUnavailable),
    ("drop@helo", "HELO", "closed the connection", RelayUnavailable),
    ("silence@helo", "HELO", "no reply within 0.15 s", RelayUnavailable),
    ("refuse@helo=421 4.3.2 too busy", "HELO", "421 4.3.2 too busy", RelayUnavailable),
    ("refuse@helo=550 5.7.1 who are you", "HELO", "550 5.7.1 who are you", RelayRefused),
]


@pytest.mark.parametrize(("fault", "phase", "said", "error"), CONNECTING)
def test_no_connection_comes_about_and_it_is_said_why(
    fault: str, phase: str, said: str, error: type[RelayRefused | RelayUnavailable]
) -> None:
    with office(fault) as there, pytest.raises(error, match=f"relay 'office', {phase}: ") as raised:
        there.transport(HASTY).connect()
    assert said in str(raised.value)


def test_nobody_listening_is_unavailable() -> None:
    with office() as there:
        transport = there.transport()
    with pytest.raises(RelayUnavailable, match="relay 'office', connect: Connection refused"):
        transport.connect()


SENDING = [
    ("refuse@mail:2=550 5.7.1 sender denied", Kind.UNSENT, Blame.POLICY, Phase.MAIL, "sender denied"),
    ("refuse@mail:2=451 4.3.0 later", Kind.DEFERRED, Blame.CONNECTION, Phase.MAIL, "later"),
    ("refuse@mail:2=454 4.7.0 Throttling", Kind.DEFERRED, Blame.THROTTLE, Phase.MAIL, "Throttling"),
    ("silence@mail:2", Kind.UNSENT, Blame.CONNECTION, Phase.MAIL, "MAIL: no reply within 0.15 s"),
    ("drop@mail:2", Kind.UNSENT, Blame.CONNECTION, Phase.MAIL, "MAIL: it closed the connection"),
    ("garbage@mail:2", Kind.UNSENT, Blame.CONNECTION, Phase.MAIL, "which is no reply"),
    ("refuse@rcpt:2=550 5.1.1 nobody", Kind.FAILED, Blame.RECIPIENT, Phase.RCPT, "nobody"),
    ("refuse@rcpt:2=550 5.7.1 relaying denied", Kind.FAILED, Blame.POLICY, Phase.RCPT, "relaying denied"),
    ("refuse@rcpt:2=452 4.2.2 full", Kind.DEFERRED, Blame.MAILBOX, Phase.RCPT, "full"),
    ("silence@rcpt:2", Kind.UNSENT, Blame.CONNECTION, Phase.RCPT, "RCPT: no reply within 0.15 s"),
    ("drop@rcpt:2", Kind.UNSENT, Blame.CONNECTION, Phase.RCPT, "RCPT: it closed the connection"),
    ("refuse@data:2=451 4.3.0 no room", Kind.DEFERRED, Blame.CONNECTION, Phase.DATA, "no room"),
    ("refuse@data:2=554 5.5.1 no", Kind.FAILED, Blame.MESSAGE, Phase.DATA, "no"),
    ("silence@data:2", Kind.UNSENT, Blame.CONNECTION, Phase.DATA, "DATA: no reply within 0.15 s"),
    ("drop@data:2", Kind.UNSENT, Blame.CONNECTION, Phase.DATA, "DATA: it closed the connection"),
    ("refuse@dot:2=554 5.6.0 spam", Kind.FAILED, Blame.MESSAGE, Phase.DOT, "spam"),
    ("refuse@dot:2=554 5.7.1 spam", Kind.FAILED, Blame.POLICY, Phase.DOT, "spam"),
    ("refuse@dot:2=451 4.7.1 greylisted", Kind.DEFERRED, Blame.MESSAGE, Phase.DOT, "greylisted"),
    ("silence@dot:2", Kind.AMBIGUOUS, Blame.CONNECTION, Phase.DOT, "no reply within 0.15 s after the final dot"),
    ("drop@dot:2", Kind.AMBIGUOUS, Blame.CONNECTION, Phase.DOT, "closed the connection after the final dot"),
    ("drop@reply:2", Kind.AMBIGUOUS, Blame.CONNECTION, Phase.DOT, "it may have been accepted"),
    ("garbage@reply:2", Kind.AMBIGUOUS, Blame.CONNECTION, Phase.DOT, "which is no reply"),
    ("cut@reply:2", Kind.AMBIGUOUS, Blame.CONNECTION, Phase.DOT, "closed the connection"),
]


@EACH_WAY
@pytest.mark.parametrize(("fault", "kind", "blame", "phase", "said"), SENDING)
def test_a_message_has_the_outcome_that_its_phase_allows(
    fault: str, kind: Kind, blame: Blame, phase: Phase, said: str, rules: Rules
) -> None:
    with office(fault, rules=rules) as there:
        outcomes, notes = send_all(there, mails(4), HASTY)
        assert outcomes[0].kind is Kind.SENT
        assert (outcomes[1].kind, outcomes[1].blame, outcomes[1].phase) == (kind, blame, phase)
        assert said in outcomes[1].reply
        assert (("intent", 1) in notes.told) == (phase is Phase.DOT)
        kept = there.kept_numbers
    assert (1 in kept) == ("@reply" in fault)
    assert len(kept) == len(set(kept))
    sure = [outcome.seq for outcome in outcomes if outcome.kind is Kind.SENT]
    assert [number for number in kept if number != 1] == sure


@EACH_WAY
@pytest.mark.parametrize("fault", ["drop@body:2", "silence@body:2", "refuse@body:2=552 5.3.4 too large"])
def test_a_break_in_the_body_is_certainly_not_accepted(fault: str, rules: Rules) -> None:
    large = Outgoing(1, "news@example.com", "r1@example.org", b"Subject: x\r\n\r\n" + b"0123456789\r\n" * 2_000_000)
    with office(fault, rules=rules) as there:
        outcomes, notes = send_all(there, [mails(1)[0], large], HASTY)
        assert kinds(outcomes[:1]) == ["sent"]
        assert outcomes[1].kind is Kind.UNSENT or (outcomes[1].kind is Kind.FAILED and outcomes[1].code == 552)
        assert ("intent", 1) not in notes.told
        assert there.kept_numbers == [0]


def test_slow_replies_within_their_time_are_waited_for() -> None:
    with office(
        "delay@banner=10ms", "delay@helo=10ms", "delay@mail=10ms", "delay@data=10ms", "delay@dot=10ms"
    ) as there:
        outcomes, _ = send_all(there, mails(3))
        assert kinds(outcomes) == ["sent"] * 3


@pytest.mark.parametrize("number", range(1, 4))
def test_an_ambiguous_message_takes_only_the_next_one_along(number: int) -> None:
    with office(f"drop@reply:{number}") as there:
        source = iter(mails(9))
        connection = there.transport().connect()
        outcomes = list(connection.send(source, Notes()))
        assert kinds(outcomes) == ["sent"] * (number - 1) + ["ambiguous", "unsent"]
        assert there.kept_numbers == list(range(number))
        assert next(source).seq == number + 1
