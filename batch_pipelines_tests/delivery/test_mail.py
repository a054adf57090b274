"""A report as mail: what it says, what it carries, and what becomes of each way a relay may answer."""

from dataclasses import replace
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest

from batch_pipelines.core.clock import FakeClock
from batch_pipelines.core.delivered import DeliveryKey
from batch_pipelines.delivery.channels import Delivered, Ending, Parcel, Refused, Uncertain
from batch_pipelines.delivery.mail import MailChannel
from batch_pipelines.delivery.relays import relay_named
from batch_pipelines.delivery.transport import Kind
from batch_pipelines_tests.delivery.parcels import SENDER, ScriptedRelay, parcel


def send(relay: ScriptedRelay, made: Parcel, recipient: str = "ops@example.com") -> tuple[Ending, int]:
    """Send one mail; how it ended, and how often it was begun."""
    begun: list[None] = []
    key = DeliveryKey(made.report, made.partition, made.burst, "email", recipient, made.content)
    ending = MailChannel(relay.opened, SENDER, FakeClock()).send(made, key, lambda: begun.append(None))
    return ending, len(begun)


def test_a_mail_says_what_it_is_and_carries_the_files(tmp_path: Path) -> None:
    relay = ScriptedRelay()
    ending, begun = send(relay, parcel(tmp_path, pdf=b"%PDF-1.7", csv=b"a,b\n"))
    assert ending == Delivered("250 said sent")
    assert begun == 1
    (mail,) = relay.mails()
    assert mail["Subject"] == "Daily operations · 15 January"
    assert (mail["From"], mail["To"]) == (SENDER, "ops@example.com")
    assert mail["Auto-Submitted"] == "auto-generated"
    body = mail.get_body()
    assert body is not None
    assert body.get_content().strip() == "All is well."
    carried = {part.get_filename(): part.get_content_type() for part in mail.iter_attachments()}
    assert carried == {"daily.pdf": "application/pdf", "daily.csv": "text/csv"}
    assert (relay.took[0].sender, relay.took[0].recipient) == ("reports@example.com", "ops@example.com")
    assert b"\r\n" in relay.took[0].data
    assert not relay.took[0].data.replace(b"\r\n", b"").count(b"\n")


def test_the_same_delivery_has_the_same_message_id_and_another_recipient_another(tmp_path: Path) -> None:
    relay, made = ScriptedRelay(), parcel(tmp_path, pdf=b"%PDF")
    for recipient in ("ops@example.com", "ops@example.com", "chief@example.com"):
        send(relay, made, recipient)
    first, again, other = (mail["Message-ID"] for mail in relay.mails())
    assert first == again != other


def test_a_file_that_is_too_large_is_a_link(tmp_path: Path) -> None:
    relay = ScriptedRelay()
    made = replace(parcel(tmp_path, pdf=b"p" * 400, csv=b"c" * 700), attach_bytes=1000)
    send(relay, made)
    (mail,) = relay.mails()
    assert [part.get_filename() for part in mail.iter_attachments()] == ["daily.pdf"]
    body = mail.get_body()
    assert body is not None
    assert "daily.csv (0.0 MB): data/reports/daily.csv" in body.get_content()


@pytest.mark.parametrize(
    ("script", "ending", "begun"),
    [
        (Kind.AMBIGUOUS, Uncertain("said ambiguous"), 1),
        (Kind.DEFERRED, Refused("450 said deferred", again=True), 0),
        (Kind.FAILED, Refused("550 said failed", again=False), 0),
        (Kind.UNSENT, Refused("said unsent", again=True), 0),
        ("away", Refused("relay 'scripted', connect: nobody answers", again=True), 0),
    ],
)
def test_every_answer_of_a_relay_has_its_end(tmp_path: Path, script: Kind | str, ending: Ending, begun: int) -> None:
    assert send(ScriptedRelay(script), parcel(tmp_path, pdf=b"%PDF")) == (ending, begun)


@pytest.mark.parametrize("title", ["Bad\nBcc: all@example.com", "Bad\rX: y"])
def test_a_line_break_in_a_subject_is_refused(tmp_path: Path, title: str) -> None:
    relay = ScriptedRelay()
    ending, begun = send(relay, replace(parcel(tmp_path, pdf=b"%PDF"), title=title))
    assert isinstance(ending, Refused)
    assert not ending.again
    assert (begun, relay.took) == (0, [])


def test_a_line_break_in_a_recipient_is_refused(tmp_path: Path) -> None:
    ending, begun = send(ScriptedRelay(), parcel(tmp_path, pdf=b"%PDF"), "ops@example.com\r\nBcc: all@example.com")
    assert isinstance(ending, Refused)
    assert begun == 0


def test_by_default_mails_are_files_that_any_mail_program_opens(tmp_path: Path) -> None:
    relay = relay_named("default", {}, tmp_path / "data")
    made = parcel(tmp_path / "made", pdf=b"%PDF-1.7")
    key = DeliveryKey(made.report, made.partition, "", "email", "ops@example.com", made.content)
    ending = MailChannel(relay.transport, SENDER, FakeClock()).send(made, key, lambda: None)
    assert isinstance(ending, Delivered)
    (file,) = (tmp_path / "data" / "mail" / "daily" / "2013-01-15").iterdir()
    assert message_from_bytes(file.read_bytes(), policy=default)["Subject"] == made.title
