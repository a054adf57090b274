"""What every transport promises, whatever it sends to."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from batch_pipelines.delivery.console import Console
from batch_pipelines.delivery.eml_folder import EmlFolder
from batch_pipelines.delivery.relays import relay_named
from batch_pipelines.delivery.transport import Kind, Outgoing, Transport
from batch_pipelines_tests.delivery.post_office import Forbidden, Notes, kinds, mails, office
from batch_pipelines_tests.delivery.smtp.dkim_judge import SELECTOR, key_in


@pytest.fixture(params=["smtp", "folder", "console", "signing"])
def transport(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Transport]:
    match request.param:
        case "smtp":
            with office() as there:
                yield there.transport()
        case "folder":
            yield EmlFolder("folder", tmp_path / "mail")
        case "console":
            yield Console("console", io.StringIO())
        case _:
            key, _ = key_in(tmp_path, "ed25519")
            address = f"folder:mail?dkim_domain=example.com&dkim_selector={SELECTOR}&dkim_key={key}"
            yield relay_named("signing", {"BP_RELAY_SIGNING": address}, tmp_path).transport()


def test_outcomes_come_in_order_after_the_journal_knows_them(transport: Transport) -> None:
    connection, notes = transport.connect(), Notes()
    told_by_then = []
    for outcome in connection.send(iter(mails(3)), notes):
        assert outcome.kind is Kind.SENT
        told_by_then.append(len(notes.told))
    connection.close()
    assert notes.told == [(word, seq) for seq in range(3) for word in ("intent", "result")]
    assert told_by_then == [2, 4, 6]


def test_a_journal_that_forbids_is_obeyed_and_its_error_passed_on(transport: Transport) -> None:
    connection, notes = transport.connect(), Notes(forbidden=1)
    sending = connection.send(mails(3), notes)
    assert next(sending).seq == 0
    with pytest.raises(Forbidden):
        next(sending)
    connection.close()
    assert notes.told == [("intent", 0), ("result", 0)]


def test_pauses_among_the_messages_are_passed_over(transport: Transport) -> None:
    connection = transport.connect()
    messages: list[Outgoing | None] = [None, *mails(1), None, None]
    assert kinds(list(connection.send(messages, Notes()))) == ["sent"]
    connection.close()


def test_nothing_to_send_is_nothing_sent(transport: Transport) -> None:
    connection, notes = transport.connect(), Notes()
    assert list(connection.send([], notes)) == []
    assert connection.is_open
    connection.close()
    connection.close()
    assert notes.told == []
