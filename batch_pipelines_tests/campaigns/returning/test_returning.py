"""What came back, recorded: whom it suppresses, what it says of the message, and that twice is once."""

from collections.abc import Iterator

import pytest

from batch_pipelines.campaigns.pipeline import Campaigns
from batch_pipelines.campaigns.returning.bounces import Return, Returned
from batch_pipelines.campaigns.returning.returning import record
from batch_pipelines.core.mailings import Reason, RecipientState, Screen, Settlement
from batch_pipelines_tests.campaigns.shop_news import ShopNews
from batch_pipelines_tests.contracts.mail_acts import SCREEN, sender

EVERYBODY = Screen("news", tuple(Reason))


@pytest.fixture
def campaigns(news: ShopNews) -> Iterator[Campaigns]:
    """Somebody of number 0 has got a mail, of number 1 nobody knows, number 2 waits."""
    opened = news.open()
    occurrence, owner = opened.prepare("news", None), sender(opened.ledger)
    now = opened.clock.now().timestamp()
    claim = opened.ledger.recipients.claim(owner, occurrence.id, "j", screen=SCREEN, limit=9, now=now)
    assert claim
    became = {0: RecipientState.SENT, 1: RecipientState.AMBIGUOUS}
    settled = [Settlement(seq, state, 1, done_at=now) for seq, state in became.items()]
    opened.ledger.recipients.settle(owner.id, claim, settled)
    yield opened
    opened.close()


def state(campaigns: Campaigns, seq: int) -> tuple[RecipientState, str | None]:
    (found,) = campaigns.ledger.recipients.of(campaigns.occurrence("news", None).id, after=seq - 1, limit=1)
    return found.state, found.reply


def suppressed(campaigns: Campaigns) -> dict[str, Reason]:
    return campaigns.ledger.suppressions.among([f"p{n}@example.com" for n in range(3)], EVERYBODY)


@pytest.mark.parametrize(
    ("what", "becomes", "reasons"),
    [
        (Return.HARD, RecipientState.BOUNCED, {"p0@example.com": Reason.BOUNCED}),
        (Return.SOFT, RecipientState.BOUNCED, {}),
        (Return.COMPLAINT, RecipientState.COMPLAINED, {"p0@example.com": Reason.COMPLAINED}),
    ],
)
def test_what_came_back_says_what_became_of_a_mail_and_whom_to_spare(
    campaigns: Campaigns, what: Return, becomes: RecipientState, reasons: dict[str, Reason]
) -> None:
    occurrence = campaigns.occurrence("news", None)
    for _ in range(2):
        record(campaigns.ledger, Returned(occurrence.id, 0, what, "5.1.1", "no such mailbox"))
    assert state(campaigns, 0) == (becomes, "5.1.1 no such mailbox")
    assert suppressed(campaigns) == reasons


def test_what_comes_back_for_an_ambiguous_mail_resolves_it(campaigns: Campaigns) -> None:
    record(campaigns.ledger, Returned(campaigns.occurrence("news", None).id, 1, Return.SOFT, "4.2.2", "full"))
    assert state(campaigns, 1)[0] is RecipientState.BOUNCED


def test_what_was_never_sent_cannot_come_back(campaigns: Campaigns) -> None:
    record(campaigns.ledger, Returned(campaigns.occurrence("news", None).id, 2, Return.SOFT, "5.0.0", "?"))
    assert state(campaigns, 2)[0] is RecipientState.PENDING


@pytest.mark.parametrize(("occurrence", "seq"), [(1, 3), (99, 0)])
def test_of_nobody_nothing_is_recorded(campaigns: Campaigns, occurrence: int, seq: int) -> None:
    record(campaigns.ledger, Returned(occurrence, seq, Return.HARD, "5.1.1", "gone"))
    assert suppressed(campaigns) == {}
