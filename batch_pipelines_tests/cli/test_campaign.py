"""`bp campaign`: from check to cancel, as a user types it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from batch_pipelines.cli.main import app
from batch_pipelines.core.mailings import RecipientState, Settlement
from batch_pipelines_tests.campaigns.shop_news import ShopNews, make_shop_news
from batch_pipelines_tests.contracts.mail_acts import SCREEN, sender
from batch_pipelines_tests.system.memory_folder import memory_folder


@pytest.fixture
def news(blank_ledger: Path) -> Iterator[ShopNews]:
    with memory_folder() as folder:
        made = make_shop_news(folder, blank_ledger)
        made.declare()
        made.people(3)
        yield made


def bp(news: ShopNews, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["campaign", *arguments], env=news.environ)


def test_check_preview_send_status_and_recipients(news: ShopNews) -> None:
    assert "3  would get a mail" in bp(news, "check", "news").output
    assert "Dear P" in bp(news, "preview", "news").output
    assert news.eml_files == []
    assert "3  sent" in bp(news, "send", "news").output
    assert len(news.eml_files) == 3
    (row,) = json.loads(bp(news, "status", "news", "--json").stdout)
    assert (row["state"], row["sent"], row["total"]) == ("done", 3, 3)
    listed = bp(news, "recipients", "news", "--state", "sent", "--csv").stdout.splitlines()
    assert len(listed) == 4


def test_a_test_mail_goes_to_who_asked_and_is_not_recorded(news: ShopNews) -> None:
    assert "me@example.org: sent" in bp(news, "test", "news", "--to", "me@example.org").output
    assert "was never sent" in bp(news, "status", "news").output


def test_pause_resume_and_cancel(news: ShopNews) -> None:
    campaigns = news.open()
    campaigns.prepare("news", None)
    campaigns.close()
    assert "is paused" in bp(news, "pause", "news").output
    assert bp(news, "send", "news").exit_code == 1
    assert "is resumed" in bp(news, "resume", "news").output
    assert "3  skipped" in bp(news, "cancel", "news").output
    assert "cannot be paused" in bp(news, "pause", "news").output


def test_the_ambiguous_are_shown_and_decided(news: ShopNews) -> None:
    campaigns = news.open()
    occurrence, owner = campaigns.prepare("news", None), sender(campaigns.ledger)
    now = campaigns.clock.now().timestamp()
    claim = campaigns.ledger.recipients.claim(owner, occurrence.id, "j", screen=SCREEN, limit=9, now=now)
    assert claim
    unsure = [Settlement(each.seq, RecipientState.AMBIGUOUS, 1, done_at=now) for each in claim.recipients]
    campaigns.ledger.recipients.settle(owner.id, claim, unsure)
    campaigns.ledger.occurrences.finish(occurrence.id)
    campaigns.close()
    assert len(json.loads(bp(news, "ambiguous", "news", "--json").stdout)) == 3
    assert "3 recipients: an operator decided: resend" in bp(news, "ambiguous", "news", "--as", "resend").output
    assert "3  sent" in bp(news, "send", "news").output


def test_suppress_adds_lists_and_removes(news: ShopNews) -> None:
    bp(news, "suppress", "P1@example.com", "--list", "news")
    assert [row["address"] for row in json.loads(bp(news, "suppress", "--json").stdout)] == ["p1@example.com"]
    assert "1  suppressed" in bp(news, "send", "news").output
    assert "1 suppression removed" in bp(news, "suppress", "p1@example.com", "--remove").output


def test_what_is_not_there_is_not_found(news: ShopNews) -> None:
    assert bp(news, "status", "nwes").exit_code == 3
    assert bp(news, "pause", "news").exit_code == 3
