"""What is said to a relay, and in which order."""

from collections.abc import Iterator

import pytest

from batch_pipelines.delivery.sink.session import Rules
from batch_pipelines.delivery.smtp.wire import BLOCK
from batch_pipelines.delivery.transport import Blame, Kind, Outgoing, Phase
from batch_pipelines_tests.delivery.post_office import EACH_WAY, Forbidden, Notes, kinds, mails, office, send_all
from batch_pipelines_tests.delivery.scripted import Scripted


@EACH_WAY
def test_every_message_is_kept_once_and_in_order(rules: Rules) -> None:
    with office(rules=rules) as there:
        outcomes, notes = send_all(there, mails(20))
        assert kinds(outcomes) == ["sent"] * 20
        assert there.kept_numbers == list(range(20))
        assert notes.told == [(word, seq) for seq in range(20) for word in ("intent", "result")]


@EACH_WAY
def test_what_is_kept_is_what_was_sent(rules: Rules) -> None:
    bodies = [b"Subject: x\r\n\r\n.\r\n..\r\n.a\r\n\r\n.", b".\r\n", b"\r\n.\r\n\r\n.\r\n", b"no end", b"a\nb\rc\r\n"]
    with office(rules=rules) as there:
        send_all(there, [Outgoing(seq, "", f"r{seq}@example.org", body) for seq, body in enumerate(bodies)])
        kept = [mail.data for mail in there.kept]
    assert kept == [bodies[0] + b"\r\n", bodies[1], bodies[2], b"no end\r\n", b"a\r\nb\r\nc\r\n"]


@pytest.mark.parametrize("shift", range(-4, 5))
def test_a_dot_at_the_border_of_two_blocks_arrives_as_it_was(shift: int) -> None:
    body = b"x" * (BLOCK - 10 + shift) + b"\r\n.\r\n..\r\n" + b"y" * 100 + b"\r\n"
    with office() as there:
        send_all(there, mails(2, body))
        assert [mail.data for mail in there.kept] == [body, body]


def test_a_message_of_ten_megabytes_goes_through() -> None:
    body = b"Subject: large\r\n\r\n" + b"0123456789\r\n.23456789\r\n" * 450_000
    with office() as there:
        outcomes, _ = send_all(there, mails(1, body))
        assert kinds(outcomes) == ["sent"]
        assert there.kept[0].data == body


def test_a_relay_has_the_next_envelope_before_it_answers_the_dot() -> None:
    with Scripted("PIPELINING") as relay:
        relay.send(mails(2))
        relay.expect(b"MAIL", b"RCPT", b"DATA")
        relay.say("250 ok", "250 ok", "354 go")
        relay.expect(b"Subject", b"\r\n", b"world", b".", b"MAIL", b"RCPT", b"DATA")
        relay.say("250 kept", "250 ok", "250 ok", "354 go")
        relay.expect(b"Subject", b"\r\n", b"world", b".")
        relay.say("250 kept")
        assert kinds(relay.outcomes()) == ["sent", "sent"]


def test_without_pipelining_every_command_waits_for_its_reply() -> None:
    with Scripted("8BITMIME") as relay:
        relay.send(mails(2))
        for _ in range(2):
            for command, reply in ((b"MAIL", "250 ok"), (b"RCPT", "250 ok"), (b"DATA", "354 go")):
                relay.expect(command)
                relay.expect_silence()
                relay.say(reply)
            relay.expect(b"Subject", b"\r\n", b"world", b".")
            relay.expect_silence()
            relay.say("250 kept")
        assert kinds(relay.outcomes()) == ["sent", "sent"]


@EACH_WAY
def test_a_refused_recipient_leaves_the_others_alone(rules: Rules) -> None:
    with office("refuse@rcpt~r1@=550 5.1.1 no such user", rules=rules) as there:
        outcomes, notes = send_all(there, mails(4))
        assert kinds(outcomes) == ["sent", "failed", "sent", "sent"]
        assert outcomes[1].blame is Blame.RECIPIENT
        assert (outcomes[1].code, outcomes[1].enhanced, outcomes[1].reply) == (550, "5.1.1", "no such user")
        assert ("intent", 1) not in notes.told
        assert there.kept_numbers == [0, 2, 3]


@EACH_WAY
def test_nothing_is_delivered_when_data_is_accepted_without_a_recipient(rules: Rules) -> None:
    faults = ("refuse@rcpt~r1@=550 5.1.1 no such user", "accept@data:2" if rules.pipelining else "accept@data:9")
    with office(*faults, rules=rules) as there:
        outcomes, _ = send_all(there, mails(3))
        assert kinds(outcomes) == ["sent", "failed", "sent"]
        assert there.kept_numbers == [0, 2]


def test_data_accepted_for_a_refused_sender_ends_the_connection_undelivered() -> None:
    with Scripted("PIPELINING") as relay:
        relay.send(mails(1))
        relay.expect(b"MAIL", b"RCPT", b"DATA")
        relay.say("451 4.3.0 not this sender", "250 ok", "354 go")
        (outcome,) = relay.outcomes()
        assert (outcome.kind, outcome.phase) == (Kind.DEFERRED, Phase.MAIL)
        assert relay.rest() == b""


def test_a_reply_to_a_body_that_was_cut_off_tells_why() -> None:
    with Scripted("PIPELINING") as relay:
        relay.send(mails(1, b"x" * 50_000_000))
        relay.expect(b"MAIL", b"RCPT", b"DATA")
        relay.say("250 ok", "250 ok", "354 go", "552 5.3.4 far too large")
        relay.hang_up()
        (outcome,) = relay.outcomes()
    assert outcome.kind in (Kind.FAILED, Kind.UNSENT)  # UNSENT where the reply was lost with the connection
    assert outcome.code in (552, None)
    assert outcome.phase is not Phase.DOT or outcome.code == 552


@pytest.mark.parametrize("phase", ["mail", "rcpt", "data"])
def test_a_relay_that_closes_in_the_envelope_charges_nobody(phase: str) -> None:
    with office(f"refuse@{phase}:2=421 4.3.2 going down") as there:
        connection = there.transport().connect()
        source = iter(mails(6))
        outcomes = list(connection.send(source, Notes()))
        assert kinds(outcomes) == ["sent", "unsent"]
        assert outcomes[1].code == 421
        assert not connection.is_open
        assert next(source).seq == 2
        assert there.kept_numbers == [0]


def test_a_relay_that_closes_at_the_dot_has_not_accepted() -> None:
    with office("refuse@dot:2=421 4.3.2 going down") as there:
        outcomes, _ = send_all(there, mails(4))
        assert kinds(outcomes) == ["sent", "unsent", "unsent"]
        assert there.kept_numbers == [0]


def test_a_journal_that_forbids_has_no_dot_written() -> None:
    with office() as there:
        connection = there.transport().connect()
        notes = Notes(forbidden=2)
        sending = connection.send(mails(5), notes)
        assert kinds([next(sending), next(sending)]) == ["sent", "sent"]
        with pytest.raises(Forbidden):
            next(sending)
        assert not connection.is_open
    assert there.kept_numbers == [0, 1]
    assert notes.told[-1] == ("result", 1)


def test_messages_that_cannot_be_made_end_the_connection_before_the_next_dot() -> None:
    def failing() -> Iterator[Outgoing]:
        yield from mails(2)
        raise ZeroDivisionError

    with office() as there:
        connection = there.transport().connect()
        notes = Notes()
        sending = connection.send(failing(), notes)
        assert next(sending).seq == 0
        with pytest.raises(ZeroDivisionError):
            next(sending)
    assert there.kept_numbers == [0]
    assert notes.told == [("intent", 0), ("result", 0)]


def test_whoever_stops_reading_leaves_nothing_half_sent() -> None:
    with office() as there:
        connection = there.transport().connect()
        notes = Notes()
        sending = connection.send(mails(9), notes)
        next(sending)
        next(sending)
        sending.close()  # type: ignore[attr-defined]  # it is a generator
        assert not connection.is_open
    assert there.kept_numbers == [0, 1]
    assert notes.told[-1] == ("result", 1)


def test_a_pause_among_the_messages_has_what_is_in_flight_finished_first() -> None:
    first, second = mails(2)
    notes, seen = Notes(), list[list[tuple[str, int]]]()

    def limited() -> Iterator[Outgoing | None]:
        yield first
        yield None
        seen.append(list(notes.told))
        yield None
        yield second

    with office() as there:
        connection = there.transport().connect()
        assert kinds(list(connection.send(limited(), notes))) == ["sent", "sent"]
        connection.close()
    assert seen == [[("intent", 0), ("result", 0)]]


def test_a_connection_ends_after_as_many_messages_as_it_may_have() -> None:
    with office() as there:
        source, taken = iter(mails(5)), list[int]()
        while True:
            connection = there.transport(messages_per_connection=2).connect()
            taken.append(len(list(connection.send(source, Notes()))))
            connection.close()
            if connection.is_open or taken[-1] == 0:
                break
            if len(there.kept) == 5:
                break
        assert taken == [2, 2, 1]
        assert there.sink.counts.connections == 3


def test_a_connection_can_be_used_again() -> None:
    with office() as there:
        connection = there.transport().connect()
        for _ in range(3):
            assert kinds(list(connection.send(mails(2), Notes()))) == ["sent", "sent"]
            assert connection.is_open
        connection.close()
        assert there.sink.counts.connections == 1
