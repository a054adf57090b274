"""Leaving: by POST alone, by its own link alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette

from batch_pipelines.campaigns.leaving.leaving import LedgerDesk
from batch_pipelines.campaigns.leaving.web import masked, web_app
from batch_pipelines.campaigns.messages.tokens import Subscription, make_token
from batch_pipelines.core.clock import FakeClock
from batch_pipelines.core.ledger.ledger import Ledger, open_ledger
from batch_pipelines.core.mailings import Reason, Screen
from batch_pipelines_tests.campaigns.leaving.asgi import ask
from batch_pipelines_tests.campaigns.messages.letters import SECRET
from batch_pipelines_tests.ledgers import copied

ANN = Subscription("Ann@example.org", "news", "news/2026-01-05")
LINK = f"/u/{make_token(SECRET, ANN)}"
ONE_CLICK = b"List-Unsubscribe=One-Click"


class Desk:
    """Remembers who left; it may be away."""

    def __init__(self) -> None:
        self.left: list[Subscription] = []
        self.away = False

    def leave(self, subscription: Subscription) -> None:
        """See `LeavingDesk`."""
        self.check()
        self.left.append(subscription)

    def check(self) -> None:
        """See `LeavingDesk`."""
        if self.away:
            raise ConnectionError("postgresql://ann:s3cret@db is away")


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def app(desk: Desk) -> Starlette:
    return web_app(SECRET, desk, lambda subscription: subscription.scope.title())


def test_one_click_leaves_without_cookies_or_questions(app: Starlette, desk: Desk) -> None:
    answer = ask(app, "POST", LINK, ONE_CLICK)
    assert answer.status == 200
    assert "You are unsubscribed" in answer.text
    assert desk.left == [ANN]
    assert "set-cookie" not in answer.headers


def test_looking_at_the_link_leaves_nothing_but_shows_a_button(app: Starlette, desk: Desk) -> None:
    for method in ("GET", "HEAD", "OPTIONS"):
        ask(app, method, LINK)
    page = ask(app, "GET", LINK)
    assert desk.left == []
    assert '<form method="post"><button type="submit">Unsubscribe</button></form>' in page.text
    assert "A…@example.org will no longer receive News." in page.text
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert ask(app, "POST", LINK).status == 200
    assert desk.left == [ANN]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("token", ["x", LINK[3:-1], LINK[3:] + "A", "x" * 5000, "%00", "<script>alert(1)</script>"])
def test_a_damaged_link_leaves_nothing_and_says_what_to_do(method: str, token: str, app: Starlette, desk: Desk) -> None:
    answer = ask(app, method, f"/u/{token}")
    assert answer.status == 404
    assert "<script>" not in answer.text
    assert desk.left == []


def test_a_scope_cannot_bring_markup_into_the_page(app: Starlette) -> None:
    hostile = Subscription("<b>@example.org", "<script>", "x")
    page = ask(app, "GET", f"/u/{make_token(SECRET, hostile)}").text
    assert "<script>" not in page.lower()
    assert "<b>" not in page


def test_other_ways_are_closed(app: Starlette, desk: Desk) -> None:
    assert ask(app, "PUT", LINK).status == 405
    assert ask(app, "DELETE", LINK).status == 405
    assert ask(app, "GET", "/").status == 404
    assert ask(app, "GET", "/u/").status == 404
    assert desk.left == []


def test_who_watches_is_told_when_nobody_can_leave(app: Starlette, desk: Desk) -> None:
    assert ask(app, "GET", "/health").text == "ok\n"
    desk.away = True
    answer = ask(app, "GET", "/health")
    assert answer.status == 503
    assert "s3cret" not in answer.text
    answer = ask(app, "POST", LINK)
    assert answer.status == 503
    assert "Nothing was changed" in answer.text
    assert "s3cret" not in answer.text


@pytest.fixture
def ledger(blank_ledger: Path, tmp_path: Path) -> Iterator[Ledger]:
    made = open_ledger(copied(blank_ledger, tmp_path), FakeClock())
    yield made
    made.close()


def test_who_leaves_is_suppressed_in_the_ledger_for_that_list(ledger: Ledger) -> None:
    app = web_app(SECRET, LedgerDesk(ledger), lambda _: "News")
    for _ in range(2):
        assert ask(app, "POST", LINK, ONE_CLICK).status == 200
    assert ask(app, "GET", "/health").status == 200
    suppressed = ledger.suppressions
    assert suppressed.among(["ann@example.org"], Screen("news", (Reason.UNSUBSCRIBED,))) == {
        "ann@example.org": Reason.UNSUBSCRIBED
    }
    assert suppressed.among(["ann@example.org"], Screen("other", (Reason.UNSUBSCRIBED,))) == {}
    assert [each.source for each in suppressed.of("ann@example.org")] == ["link in news/2026-01-05"]


@pytest.mark.parametrize(("address", "shown"), [("ann@example.com", "a…@example.com"), ("x", "…@x")])
def test_an_address_is_shown_to_those_who_know_it(address: str, shown: str) -> None:
    assert masked(address) == shown
