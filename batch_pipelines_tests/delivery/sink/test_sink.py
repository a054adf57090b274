"""The sink: strict about order, and wrong on request."""

import smtplib
from pathlib import Path

import pytest

from batch_pipelines.delivery.sink.faults import Action, FaultPlan, SinkFault, SinkPhase, read_fault
from batch_pipelines.delivery.sink.server import kept_in
from batch_pipelines.delivery.sink.session import Received, Rules
from batch_pipelines_tests.delivery.post_office import office


def test_another_client_gets_its_mail_kept() -> None:
    with office() as there, smtplib.SMTP("127.0.0.1", there.sink.port, timeout=5) as client:
        client.sendmail("a@example.com", ["b@example.org", "c@example.org"], "Subject: x\n\n.\n..\n")
        client.sendmail("a@example.com", ["d@example.org"], "\n.")
        assert client.noop()[0] == 250
    assert [mail.recipients for mail in there.kept] == [("b@example.org", "c@example.org"), ("d@example.org",)]
    assert [mail.data for mail in there.kept] == [b"Subject: x\r\n\r\n.\r\n..\r\n", b"\r\n.\r\n"]


@pytest.mark.parametrize(
    ("commands", "codes"),
    [
        (["MAIL FROM:<a@example.com>"], [503]),
        (["EHLO x", "RCPT TO:<a@example.com>"], [250, 503]),
        (["EHLO x", "DATA"], [250, 503]),
        (["EHLO x", "MAIL FROM:<>", "MAIL FROM:<>"], [250, 250, 503]),
        (["EHLO x", "MAIL FROM:<>", "DATA"], [250, 250, 554]),
        (["EHLO x", "MAIL FROM:<>", "RSET", "RCPT TO:<a@example.com>"], [250, 250, 250, 503]),
        (["EHLO x", "MAIL a@example.com"], [250, 501]),
        (["EHLO x", "STARTTLS"], [250, 502]),
        (["EHLO x", "AUTH PLAIN eA=="], [250, 504]),
        (["HELP ME"], [502]),
        (["HELO x", "MAIL FROM:<> SIZE=101"], [250, 552]),
    ],
)
def test_commands_out_of_order_are_refused(commands: list[str], codes: list[int]) -> None:
    with office(rules=Rules(most_bytes=100)) as there, smtplib.SMTP("127.0.0.1", there.sink.port, timeout=5) as client:
        assert [client.docmd(command)[0] for command in commands] == codes


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("drop@reply", SinkFault(Action.DROP, SinkPhase.REPLY)),
        ("drop@dot:3", SinkFault(Action.DROP, SinkPhase.DOT, 3, 3)),
        ("silence@mail:5+", SinkFault(Action.SILENCE, SinkPhase.MAIL, 5)),
        ("cut@mail:%10", SinkFault(Action.CUT, SinkPhase.MAIL, every=10)),
        ("delay@dot=1500ms", SinkFault(Action.DELAY, SinkPhase.DOT, delay_s=1.5)),
        (
            "refuse@rcpt~ann@:2=550 5.1.1 a: b=c",
            SinkFault(Action.REFUSE, SinkPhase.RCPT, 2, 2, holding="ann@", reply="550 5.1.1 a: b=c"),
        ),
    ],
)
def test_a_fault_is_read(text: str, fault: SinkFault) -> None:
    assert read_fault(text) == fault


@pytest.mark.parametrize(
    "text",
    ["", "drop", "drop@", "drip@dot", "drop@dots", "drop@dot:x", "refuse@rcpt", "refuse@rcpt=250 ok", "delay@dot"],
)
def test_a_fault_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"cannot read the fault|say with what|is not a duration"):
        read_fault(text)


def test_a_plan_counts_each_fault_on_its_own() -> None:
    plan = FaultPlan(map(read_fault, ["drop@dot:%3", "silence@dot~ann:2+"]))
    said = [plan.at(SinkPhase.DOT, address) for address in ("bob", "ann", "ann", "bob", "ann", "ann")]
    assert [fault.action.value if fault else None for fault in said] == [
        None,
        None,
        "drop",
        None,
        "silence",
        "drop",
    ]
    assert plan.at(SinkPhase.MAIL) is None


def test_mail_is_kept_in_files_numbered_on(tmp_path: Path) -> None:
    for text in (b"one\r\n", b"two\r\n"):
        kept_in(tmp_path / "k")(Received("a@example.com", ("b@example.org", "c@example.org"), text))
    first, second = sorted((tmp_path / "k").iterdir())
    assert (first.name[:7], second.name[:7]) == ("000001-", "000002-")
    assert first.read_bytes() == (
        b"Return-Path: <a@example.com>\r\nDelivered-To: b@example.org\r\nDelivered-To: c@example.org\r\none\r\n"
    )
