"""Mail that stays on this machine: .eml files, and the terminal."""

import io
from pathlib import Path

import pytest

from batch_pipelines.delivery.console import Console
from batch_pipelines.delivery.eml_folder import EmlFolder, file_name
from batch_pipelines.delivery.relays import send_one
from batch_pipelines.delivery.transport import Kind, Outgoing
from batch_pipelines_tests.delivery.post_office import Forbidden, Notes, kinds, mails

LETTER = (
    b"From: News <news@example.com>\r\nTo: ann@example.org\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
    b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nDear Ann\x1b[31m\r\n"
    b"--b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=terms.pdf\r\n\r\nx\r\n--b--\r\n"
)


def test_a_mail_is_a_file_of_its_number_and_recipient(tmp_path: Path) -> None:
    messages = [*mails(2), Outgoing(7, "", "ann@example.org", LETTER)]
    assert kinds(list(EmlFolder("f", tmp_path / "a").connect().send(messages, Notes()))) == ["sent"] * 3
    assert sorted(file.name for file in (tmp_path / "a").iterdir()) == sorted(map(file_name, messages))
    assert (tmp_path / "a" / file_name(messages[2])).read_bytes() == LETTER


def test_a_mail_that_was_forbidden_leaves_no_file(tmp_path: Path) -> None:
    sending = EmlFolder("f", tmp_path).connect().send(mails(1), Notes(forbidden=0))
    with pytest.raises(Forbidden):
        next(sending)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_takes_nothing_charges_nobody(tmp_path: Path) -> None:
    transport = EmlFolder("f", tmp_path / "there")
    connection = transport.connect()
    (tmp_path / "there").rmdir()
    (outcome,) = connection.send(mails(1), Notes())
    assert outcome.kind is Kind.UNSENT
    assert "No such file or directory" in outcome.reply


def test_the_terminal_shows_what_a_person_reads_and_obeys_nothing() -> None:
    out = io.StringIO()
    outcome = send_one(Console("c", out), Outgoing(3, "", "ann@example.org", LETTER))
    assert outcome.kind is Kind.SENT
    text = out.getvalue()
    assert "──── 3: <> → ann@example.org" in text
    assert "Subject: Grüße" in text
    assert "Dear Ann[31m" in text
    assert "Attached: terms.pdf" in text
    assert "\x1b" not in text
