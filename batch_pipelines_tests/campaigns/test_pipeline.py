"""Occurrences from preparing to the last recipient, through a real SMTP dialogue with a sink that misbehaves."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from batch_pipelines.campaigns.pipeline import Campaigns
from batch_pipelines.campaigns.sending.progress import SendingProgress
from batch_pipelines.core import heartbeat
from batch_pipelines.core.clock import FakeClock
from batch_pipelines.core.errors import ConfigError, IntegrityError
from batch_pipelines.core.mailings import EVERY_LIST, OccurrenceState, Reason, RecipientState, Suppression
from batch_pipelines.delivery.sink.faults import SinkFault, read_fault
from batch_pipelines.delivery.sink.server import Sink, running
from batch_pipelines_tests.campaigns.shop_news import ShopNews, parsed

WEEKLY = {"partitions": {"every": "week", "start": "2013-01-07", "end": "2013-12-29"}}


@contextmanager
def through(news: ShopNews, *faults: str) -> Iterator[Sink]:
    """A sink with these faults, as the default relay."""
    read: list[SinkFault] = [read_fault(each) for each in faults]
    with running(news.received.append, faults=read) as sink:
        news.relay(sink.port, connections=1)
        yield sink


def test_everybody_gets_one_mail_and_a_second_run_sends_nothing(news: ShopNews) -> None:
    people = news.people(450)
    with through(news):
        first, second = news.send(), news.send()
    assert first.figures == second.figures
    assert (first.figures["sent"], first.occurrence.state) == (450, OccurrenceState.DONE)
    assert news.tally == dict.fromkeys(people, 1)


def test_what_arrives_is_whole_and_personal(news: ShopNews) -> None:
    news.write("people.csv", "email,name\njörg@bücher.example.com,Jörg Größe\n")
    with through(news):
        news.send()
    mail = parsed(news.received[0].data)
    assert mail.defects == []
    assert mail["Subject"] == "Jörg Größe: your news"
    assert str(mail["List-Unsubscribe"]).startswith("<https://news.example.com/u/")
    body = mail.get_body(("plain",))
    assert body
    assert "Dear Jörg Größe" in body.get_content()
    assert news.received[0].recipients == ("jörg@xn--bcher-kva.example.com",)


def test_duplicates_invalid_addresses_and_the_suppressed_are_accounted_for(news: ShopNews) -> None:
    rows = ["Ann@example.com,A", "ann@EXAMPLE.com,A", "bob@example.com,B", "nobody,N", ",E", "cy@example.com,C"]
    news.write("people.csv", "\n".join(["email,name", *rows, ""]))
    campaigns = news.open()
    campaigns.ledger.suppressions.add([Suppression("cy@example.com", "news", Reason.UNSUBSCRIBED, "link")])
    campaigns.close()
    review = news.send()
    expected = {"sent": 2, "skipped": 2, "suppressed": 1, "total": 5}
    assert {name: count for name, count in review.figures.items() if count} == expected
    assert review.adds_up
    assert (review.left_out["duplicates"], review.left_out["invalid"]) == (1, 2)


def test_a_relay_that_drops_after_the_dot_leaves_an_ambiguous_mail_that_is_not_sent_again(news: ShopNews) -> None:
    with through(news, "drop@reply:2"):
        first, second = news.send(), news.send()
    assert (first.figures["sent"], first.figures["ambiguous"]) == (2, 1)
    assert second.figures == first.figures
    assert set(news.tally.values()) == {1}
    assert first.occurrence.state is OccurrenceState.DONE


@pytest.mark.parametrize(("policy", "figure"), [("resend", "deferred"), ("assume_sent", "sent")])
def test_the_policy_decides_of_an_ambiguous_mail(news: ShopNews, policy: str, figure: str) -> None:
    news.declare(ambiguous=policy)
    with through(news, "drop@reply:2"):
        review = news.send()
    assert review.figures["ambiguous"] == 0
    assert review.figures[figure] == (3 if figure == "sent" else 1)


@pytest.mark.parametrize("phase", ["banner", "mail", "rcpt", "data"])
def test_a_relay_that_drops_before_the_dot_gets_the_mail_again(news: ShopNews, phase: str) -> None:
    with through(news, f"drop@{phase}:{1 if phase == 'banner' else 2}"):
        review = news.send()
    assert (review.figures["sent"], review.figures["ambiguous"]) == (3, 0)
    assert set(news.tally.values()) == {1}


def test_who_is_deferred_is_tried_again_when_due_and_given_up_at_last(news: ShopNews) -> None:
    clock = FakeClock(datetime(2026, 1, 1, tzinfo=UTC))
    news.clock = clock
    news.declare(attempts=3)
    with through(news, "refuse@rcpt~p1@=451 4.2.2 mailbox full"):
        attempts = []
        review = news.send()
        for _ in range(4):
            campaigns = news.open()
            found = campaigns.ledger.recipients.find(review.occurrence.id, "p1@example.com")
            campaigns.close()
            assert found
            attempts.append((found.attempts, found.state))
            clock.advance(5 * 3600)
            review = news.send()
    deferred, failed = RecipientState.DEFERRED, RecipientState.FAILED
    assert attempts == [(1, deferred), (2, deferred), (3, failed), (3, failed)]
    assert news.tally["p1@example.com"] == 0
    assert review.occurrence.state is OccurrenceState.DONE


def test_an_address_that_does_not_exist_fails_and_is_suppressed(news: ShopNews) -> None:
    with through(news, "refuse@rcpt~p1@=550 5.1.1 no such user"):
        review = news.send()
    assert (review.figures["failed"], review.figures["sent"]) == (1, 2)
    assert review.replies == [("550 5.1.1 no such user", 1)]
    campaigns = news.open()
    found = campaigns.ledger.suppressions.of("p1@example.com")
    campaigns.close()
    assert [(each.scope, each.reason) for each in found] == [(EVERY_LIST, Reason.BOUNCED)]


def test_a_relay_that_refuses_the_sender_pauses_the_campaign_and_nobody_is_blamed(news: ShopNews) -> None:
    with through(news, "refuse@mail=550 5.7.1 not you"):
        review = news.send()
    assert review.occurrence.state is OccurrenceState.PAUSED
    assert "not you" in str(review.occurrence.reason)
    assert review.figures["pending"] == 3
    campaigns = news.open()
    assert campaigns.ledger.suppressions.all() == []
    campaigns.ledger.occurrences.resume(review.occurrence.id)
    campaigns.close()
    with through(news):
        assert news.send().figures["sent"] == 3


def test_a_relay_that_is_away_pauses_the_campaign_and_says_why(news: ShopNews, monkeypatch: pytest.MonkeyPatch) -> None:
    news.clock = FakeClock()
    monkeypatch.setattr(heartbeat, "STOP_AFTER_S", float("inf"))  # its thread does not follow this clock
    with through(news) as sink:
        port = sink.port
    news.relay(port, connections=1)
    review = news.send()
    assert review.occurrence.state is OccurrenceState.PAUSED
    assert "connections in a row failed" in str(review.occurrence.reason)
    assert review.figures["pending"] == 3


class Patient(FakeClock):
    """A clock that waits until somebody was told what is waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.told = threading.Event()

    def sleep(self, seconds: float) -> None:
        assert self.told.wait(30)
        super().sleep(seconds)


def test_who_waits_for_a_relay_says_so_and_when_it_tries_again(news: ShopNews, monkeypatch: pytest.MonkeyPatch) -> None:
    news.clock = clock = Patient()
    monkeypatch.setattr(heartbeat, "STOP_AFTER_S", float("inf"))  # its thread does not follow this clock
    said: list[SendingProgress] = []

    def report(progress: SendingProgress) -> None:
        said.append(progress)
        if progress.waits:
            clock.told.set()

    with through(news, "refuse@banner:1=421 4.3.2 come back later"):
        review = news.send(report=report)
    waits = "relay 'default', banner: it said 421 4.3.2 come back later: next try in 0.5 s"
    assert str(said[0]) == f"0% · 0 of 3 recipients · {waits}"
    assert said[-1].waits is None
    assert review.figures["sent"] == 3


def test_who_lacks_data_is_skipped_and_says_so(news: ShopNews) -> None:
    data = {"points": {"by": "name", "query": "select 'P 0@' as name, 7 as points where $partition = 'all'"}}
    news.declare(data=data, subject="{{ points.points }} points")
    review = news.send()
    assert (review.figures["sent"], review.figures["skipped"], review.left_out["missing_data"]) == (1, 2, 2)
    news.declare("strict", data=data, on_missing_data="fail")
    with pytest.raises(ConfigError, match="2 recipients lack data"):
        news.send("strict")


def test_a_template_that_uses_what_nobody_has_is_refused_before_anything_is_frozen(news: ShopNews) -> None:
    news.declare(subject="{{ nmae }}")
    with pytest.raises(ConfigError, match="nmae, which neither audience nor data has"):
        news.send()
    news.declare()
    assert news.send().figures["sent"] == 3


def test_what_was_frozen_is_sent_whatever_changes_later(news: ShopNews) -> None:
    campaigns = news.open()
    occurrence = campaigns.prepare("news", None)
    news.people(50)
    news.declare(subject="something else")
    news.write("defs/news/news.html", "{{ broken")
    assert campaigns.send(occurrence.id).figures["sent"] == 3
    campaigns.close()
    assert "your news" in news.eml_files[0].read_text()


def test_frozen_files_that_were_touched_are_refused(news: ShopNews) -> None:
    campaigns = news.open()
    occurrence = campaigns.prepare("news", None)
    folder = news.home / "data" / occurrence.plan["frozen"]["folder"]
    (folder / "news.html").write_text("<p>something else</p>")
    with pytest.raises(IntegrityError, match="is not what was frozen"):
        campaigns.send(occurrence.id)
    campaigns.close()


def test_an_expired_occurrence_sends_nothing_and_skips_everybody(news: ShopNews) -> None:
    clock = FakeClock()
    news.clock = clock
    campaigns = news.open()
    occurrence = campaigns.prepare("news", None, expires_at=(clock.now() + timedelta(hours=1)).timestamp())
    clock.advance(3601)
    review = campaigns.send(occurrence.id)
    campaigns.close()
    assert review.occurrence.state is OccurrenceState.EXPIRED
    assert (review.figures["skipped"], news.eml_files) == (3, [])


def test_a_cancelled_occurrence_sends_nothing(news: ShopNews) -> None:
    campaigns = news.open()
    occurrence = campaigns.prepare("news", None)
    assert campaigns.cancel(occurrence)
    assert campaigns.send(occurrence.id).figures["skipped"] == 3
    assert not campaigns.cancel(occurrence)
    campaigns.close()


def test_transactional_mail_goes_to_given_people_once_a_key(news: ShopNews) -> None:
    news.declare("notice", kind="transactional", unsubscribe=None, audience=None)
    news.write("defs/notice/news.html", "<p>Dear {{ name }}: {{ what }}</p>")
    campaigns = news.open()
    people: list[str | dict[str, Any]] = ["ann@example.com", {"email": "bob@example.com", "name": "Bob"}]
    for _ in range(2):
        occurrence = campaigns.prepare_direct("notice", people, {"name": "you", "what": "changed"}, key="k1")
        assert campaigns.send(occurrence.id).figures["sent"] == 2
    texts = sorted(file.read_text() for file in news.eml_files)
    assert any("Dear Bob: changed" in text for text in texts)
    assert any("Dear you: changed" in text for text in texts)
    with pytest.raises(ConfigError, match="is a marketing one"):
        campaigns.prepare_direct("news", people, {}, key="k2")
    campaigns.close()


def test_limits_hold_at_the_relay(news: ShopNews) -> None:
    clock = FakeClock()
    news.clock = clock
    news.declare(limits={"rates": ["2/3s"], "connections": 1})
    news.people(5)
    began = clock.now()
    with through(news):
        assert news.send().figures["sent"] == 5
    assert 6 <= (clock.now() - began).total_seconds() < 10


def test_check_writes_everybodys_message_and_sends_none(news: ShopNews) -> None:
    news.write("people.csv", "email,name\nann@example.com,A\nbob@example.com,\nbob@EXAMPLE.com,B\n")
    news.declare(subject="{{ name[0] }}")
    campaigns: Campaigns = news.open()
    checked = campaigns.check("news", None)
    campaigns.close()
    assert (checked.recipients, checked.duplicates, checked.stops) == (2, 1, False)
    assert any("1 recipients" in each.message for each in checked.findings)
    assert news.eml_files == []
