"""What comes back, and what is believed of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_pipelines.campaigns.messages.tokens import Secret
from batch_pipelines.campaigns.returning.bounces import Return, Returned, read_returned
from batch_pipelines_tests.campaigns.messages.letters import SECRET
from batch_pipelines_tests.campaigns.returning.returns import MARKS, VERP, complaint, in_words, notification


@pytest.mark.parametrize(
    ("action", "status", "what"),
    [
        ("failed", "5.1.1", Return.HARD),
        ("failed", "5.1.2", Return.HARD),
        ("failed", "5.2.1", Return.HARD),
        ("failed", "5.1.8", Return.SOFT),
        ("failed", "5.2.2", Return.SOFT),
        ("failed", "5.7.1", Return.SOFT),
        ("failed", "4.4.7", Return.SOFT),
        ("delayed", "4.4.1", Return.DELAYED),
        ("delivered", "2.1.5", Return.DELIVERED),
        ("relayed", "2.1.9", Return.DELIVERED),
    ],
)
def test_a_notification_says_what_its_fields_say(action: str, status: str, what: Return) -> None:
    returned = read_returned(notification(action=action, status=status), SECRET)
    assert returned == Returned(12, 3, what, status, "smtp; 550 5.1.1 no such user")


def test_a_notification_is_recognised_by_what_it_quotes_if_not_by_its_address() -> None:
    returned = read_returned(notification(to="bounces@example.com"), SECRET)
    assert returned is not None
    assert (returned.occurrence, returned.seq) == (12, 3)


def test_nobody_else_can_have_an_address_suppressed() -> None:
    assert read_returned(notification(), Secret(b"another deployment")) is None
    forged = notification().replace(MARKS.seal(3).encode(), b"0" * 16)
    assert read_returned(forged, SECRET) is None


@pytest.mark.parametrize("kind", ["abuse", "fraud", "opt-out"])
def test_a_complaint_is_one(kind: str) -> None:
    assert read_returned(complaint(kind), SECRET) == Returned(12, 3, Return.COMPLAINT, None, f"feedback report: {kind}")


def test_a_report_that_it_is_no_spam_is_no_complaint() -> None:
    assert read_returned(complaint("not-spam"), SECRET) is None


@pytest.mark.parametrize(
    ("text", "what", "status"),
    [
        ("Sorry.\n<ann@example.org>: 550 5.1.1 unknown", Return.HARD, "5.1.1"),
        ("host mx said: 452 4.2.2 over quota", Return.SOFT, "4.2.2"),
        ("550 User unknown", Return.HARD, None),
        ("554 Message refused", Return.SOFT, None),
    ],
)
def test_a_bounce_in_words_is_read_by_its_codes(text: str, what: Return, status: str | None) -> None:
    returned = read_returned(in_words(text), SECRET)
    assert returned is not None
    assert (returned.what, returned.status) == (what, status)


@pytest.mark.parametrize(
    "data",
    [
        in_words("I am on holiday until 5.1.1", "<ann@example.org>"),
        in_words("nothing that means anything"),
        f"From: Ann <ann@example.org>\nTo: {VERP}\nSubject: Re: Hello\n\nThanks! 550 5.1.1\n".encode(),
        f"Return-Path: <>\nTo: {VERP}\nAuto-Submitted: auto-replied\n\nAway. 550 5.1.1\n".encode(),
        b"",
        b"\xff\xfe\x00",
        notification(action="wondered"),
    ],
)
def test_what_is_no_bounce_is_none(data: bytes) -> None:
    assert read_returned(data, SECRET) is None


def test_a_message_made_to_hurt_is_only_unknown() -> None:
    deep = b"".join(b'Content-Type: multipart/mixed; boundary="%d"\n\n--%d\n' % (n, n) for n in range(3000))
    assert read_returned(f"To: {VERP}\n".encode() + deep, SECRET) is None
    assert read_returned(b"x" * 50_000_000, SECRET) is None
    assert read_returned(b"1." * 400_000, SECRET) is None


@given(st.binary(max_size=400), st.integers(0, 1500))
def test_damage_never_raises(junk: bytes, at: int) -> None:
    whole = notification()
    read_returned(whole[:at] + junk + whole[at + len(junk) :], SECRET)
    read_returned(junk, SECRET)


def test_what_the_other_side_said_is_one_printable_line() -> None:
    returned = read_returned(notification(said="smtp; 550 \x1b[31mred\n  folded"), SECRET)
    assert returned is not None
    assert returned.reply.isprintable()
