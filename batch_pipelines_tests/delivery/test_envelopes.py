"""What envelopes may hold, and what a relay cannot take."""

from dataclasses import replace

import pytest

from batch_pipelines.delivery.sink.session import Rules
from batch_pipelines.delivery.transport import Blame, Outgoing
from batch_pipelines_tests.delivery.post_office import EACH_WAY, kinds, mails, office, send_all


@pytest.mark.parametrize(
    ("sender", "recipient"),
    [
        ("news@example.com", "r1@example.org>\r\nRCPT TO:<victim@example.net"),
        ("news@example.com>\r\nRSET", "r1@example.org"),
        ("news@example.com", "r1@example.org SIZE=1"),
        ("news@example.com", ""),
        ("news@example.com", "r1\0@example.org"),
    ],
)
def test_an_envelope_cannot_smuggle_commands(sender: str, recipient: str) -> None:
    bad = Outgoing(1, sender, recipient, b"Subject: x\r\n\r\n")
    with office() as there:
        outcomes, notes = send_all(there, [mails(1)[0], bad, mails(3)[2]])
        assert kinds(outcomes) == ["sent", "failed", "sent"]
        assert ("intent", 1) not in notes.told
        assert there.kept_numbers == [0, 2]


@EACH_WAY
def test_what_a_relay_cannot_take_fails_here_and_says_why(rules: Rules) -> None:
    rules = replace(rules, eight_bit=False, smtputf8=False, most_bytes=1000)
    body = b"Subject: x\r\n\r\n"
    bad = [
        Outgoing(0, "news@example.com", "r0@example.org", body + "ö".encode()),
        Outgoing(1, "news@example.com", "ö@example.org", body),
        Outgoing(2, "news@example.com", "r2@example.org", body + b"x" * 1000),
        Outgoing(3, "news@example.com", "r3@example.org", body),
    ]
    with office(rules=rules) as there:
        outcomes, _ = send_all(there, bad)
        assert kinds(outcomes) == ["failed", "failed", "failed", "sent"]
        assert [outcome.blame for outcome in outcomes[:3]] == [Blame.MESSAGE] * 3
        assert "8BITMIME" in outcomes[0].reply
        assert "SMTPUTF8" in outcomes[1].reply
        assert "takes 1,000 at most" in outcomes[2].reply
        assert there.kept_numbers == [3]


def test_eight_bits_and_other_alphabets_are_announced_where_they_are_used() -> None:
    with office() as there:
        send_all(there, [Outgoing(0, "news@example.com", "ö@example.org", "Subject: ö\r\n\r\n".encode()), mails(1)[0]])
        assert there.kept[0].parameters == ("BODY=8BITMIME", "SMTPUTF8")
        assert there.kept[1].parameters == ()


def test_a_size_is_announced_where_the_relay_asks_for_it() -> None:
    with office(rules=Rules(most_bytes=10_000)) as there:
        send_all(there, mails(1, b"Subject: x\r\n\r\n.\r\n"))
        assert there.kept[0].parameters == ("SIZE=18",)
