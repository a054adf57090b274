"""What children of the mail sweep do: prepare and send one occurrence, or the same by the rules that others have.

The two reference senders are small re-implementations of what is read in the field (facts of campaigns): a cursor that
moves when a batch is *fetched*, and a chunk that is marked when it has been *sent*. They send through the same
transport, to the same sink.
"""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from batch_pipelines.campaigns.orders import orders_of, policy_of
from batch_pipelines.campaigns.pipeline import Campaigns
from batch_pipelines.campaigns.sending.sender import Sender
from batch_pipelines.core.clock import SystemClock
from batch_pipelines.core.faults import fault
from batch_pipelines.core.mailings import Occurrence, RecipientState
from batch_pipelines.core.settings import load_settings
from batch_pipelines.delivery.transport import Outcome, Outgoing

CHUNK = 200


def open_campaigns(home: Path) -> Campaigns:
    """The deployment of a trial, with what its `environ.json` says."""
    environ = json.loads((home / "environ.json").read_text())
    return Campaigns(load_settings(environ, home), environ)


def send(home: Path) -> dict[str, Any]:
    """Prepare and send, until nobody is left that others do not work on."""
    campaigns = open_campaigns(home)
    try:
        return dict(campaigns.send(campaigns.prepare("news", None).id, wait_for_others=True).figures)
    finally:
        campaigns.close()


def prepare(home: Path) -> dict[str, Any]:
    """Prepare alone."""
    campaigns = open_campaigns(home)
    try:
        return {"total": campaigns.prepare("news", None).total}
    finally:
        campaigns.close()


class FixedComposer:
    """Writes a short message at no cost: what is tried is the protocol."""

    def drafts(self, recipients: Any) -> Any:
        """See `Composer`."""
        return lambda recipient, _offers: letter(recipient.seq, recipient.address)


def letter(seq: int, address: str) -> Outgoing:
    """A message to one recipient."""
    return Outgoing(seq, "news@example.com", address, f"To: {address}\r\nSubject: {seq}\r\n\r\nHello.\r\n".encode())


def send_fixed(home: Path) -> dict[str, Any]:
    """Send what is prepared, with messages that cost nothing to write."""
    campaigns = open_campaigns(home)
    try:
        occurrence = the_occurrence(campaigns)
        declaration = campaigns.catalog.entry("news").declaration
        relay = campaigns.relay(declaration)
        sender = Sender(campaigns.ledger, campaigns.settings.data, SystemClock(), lambda _: policy_of(declaration))
        orders = orders_of(declaration, relay)
        sender.send(occurrence, orders, FixedComposer(), relay.transport(), wait_for_others=True)
        return dict(campaigns.review(occurrence.id).figures)
    finally:
        campaigns.close()


def states(home: Path) -> dict[str, Any]:
    """Addresses by state, whether it adds up, the journals left."""
    campaigns = open_campaigns(home)
    try:
        occurrence = the_occurrence(campaigns)
        found = {state.value: list(addresses(campaigns, occurrence, state)) for state in RecipientState}
        journals = len(list((campaigns.settings.data / "campaigns" / "journals").glob("*")))
        campaigns.recover()
        review = campaigns.review(occurrence.id)
        return {"states": found, "adds_up": review.adds_up, "state": review.occurrence.state, "journals": journals}
    finally:
        campaigns.close()


def pause(home: Path) -> dict[str, Any]:
    """Pause the occurrence."""
    campaigns = open_campaigns(home)
    try:
        return {"paused": campaigns.ledger.occurrences.pause(the_occurrence(campaigns).id, "for the test")}
    finally:
        campaigns.close()


def resume(home: Path) -> dict[str, Any]:
    """Let it go on."""
    campaigns = open_campaigns(home)
    try:
        return {"resumed": campaigns.ledger.occurrences.resume(the_occurrence(campaigns).id)}
    finally:
        campaigns.close()


def the_occurrence(campaigns: Campaigns) -> Occurrence:
    """The one there is."""
    return campaigns.occurrence("news", None)


def addresses(campaigns: Campaigns, occurrence: Occurrence, state: RecipientState) -> Iterator[str]:
    """Everybody in a state."""
    after = -1
    while some := campaigns.ledger.recipients.of(occurrence.id, [state], after=after):
        yield from (each.address for each in some)
        after = some[-1].seq


class Deaf:
    """A journal that forbids nothing and keeps nothing."""

    def intent(self, seq: int) -> None:
        """Pass the same point as ours."""
        fault("mail.intended")

    def result(self, outcome: Outcome) -> None:
        """Pass the same point as ours."""
        fault("mail.noted")


def send_by_cursor(home: Path) -> dict[str, Any]:
    """The cursor moves as a chunk is fetched; when none is left, the campaign is finished."""
    return _send_chunks(home, mark_first=True)


def send_acked_late(home: Path) -> dict[str, Any]:
    """A chunk is marked when all of it has been sent; who finds it unmarked sends it again."""
    return _send_chunks(home, mark_first=False)


def _send_chunks(home: Path, *, mark_first: bool) -> dict[str, Any]:
    campaigns = open_campaigns(home)
    relay = campaigns.relay(campaigns.catalog.entry("news").declaration)
    campaigns.close()
    people = json.loads((home / "people.json").read_text())
    progress = sqlite3.connect(home / "reference.db", isolation_level=None)
    progress.execute("PRAGMA journal_mode=WAL")
    progress.execute("CREATE TABLE IF NOT EXISTS cursor (at INTEGER)")
    connection = relay.transport().connect()
    while (first := (progress.execute("SELECT max(at) FROM cursor").fetchone()[0] or 0)) < len(people):
        chunk = people[first : first + CHUNK]
        if mark_first:
            progress.execute("INSERT INTO cursor VALUES (?)", (first + len(chunk),))
        for _ in connection.send((letter(first + n, each) for n, each in enumerate(chunk)), Deaf()):
            pass
        if not mark_first:
            progress.execute("INSERT INTO cursor VALUES (?)", (first + len(chunk),))
    connection.close()
    return {"finished": True}
