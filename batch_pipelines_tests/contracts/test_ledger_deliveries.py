"""What every ledger promises of deliveries: a row before sending, one sender, nothing uncertain sent again."""

from dataclasses import replace

import pytest

from batch_pipelines.core.delivered import DeliveryKey, DeliveryState
from batch_pipelines.core.ledger.ledger import Ledger
from batch_pipelines_tests.contracts.acts import entered

REPEATABLE = ("folder", "webhook")
MAIL = DeliveryKey("daily", "2013-01-01", "", "email", "ops@example.com", "c1")
FOLDER = replace(MAIL, channel="folder", recipient="data/reports")


def begun(ledger: Ledger, key: DeliveryKey, owner: str) -> int:
    """The number of a delivery that this owner has in hand."""
    (row,) = ledger.deliveries.plan([key])
    assert ledger.deliveries.begin(row.id, owner, "run-1")
    return row.id


def state_of(ledger: Ledger, delivery: int) -> DeliveryState:
    return ledger.deliveries.get([delivery])[0].state


def test_the_same_delivery_is_planned_once(ledger: Ledger) -> None:
    first = ledger.deliveries.plan([MAIL, FOLDER, MAIL])
    again = ledger.deliveries.plan([FOLDER, MAIL])
    assert [row.key for row in first] == [MAIL, FOLDER, MAIL]
    assert {row.id for row in first} == {row.id for row in again}
    assert {row.state for row in again} == {DeliveryState.PLANNED}


@pytest.mark.parametrize("field", ["report", "partition", "burst", "channel", "recipient", "content"])
def test_whatever_of_the_key_differs_makes_another_delivery(ledger: Ledger, field: str) -> None:
    other = replace(MAIL, **{field: "other"})
    one, two = ledger.deliveries.plan([MAIL, other])
    assert one.id != two.id
    assert MAIL.idempotency_key != other.idempotency_key


def test_only_one_sender_gets_a_delivery(ledger: Ledger) -> None:
    me, you = entered(ledger), entered(ledger)
    delivery = begun(ledger, MAIL, me)
    assert not ledger.deliveries.begin(delivery, you)
    assert ledger.deliveries.finish(delivery, me, DeliveryState.DELIVERED, "250 ok")
    assert not ledger.deliveries.begin(delivery, you)
    (row,) = ledger.deliveries.get([delivery])
    assert (row.state, row.detail, row.run, row.attempts) == (DeliveryState.DELIVERED, "250 ok", "run-1", 1)


def test_a_failed_delivery_may_be_begun_again(ledger: Ledger) -> None:
    me = entered(ledger)
    delivery = begun(ledger, MAIL, me)
    ledger.deliveries.finish(delivery, me, DeliveryState.FAILED, "550 no such user")
    assert ledger.deliveries.begin(delivery, me)
    assert ledger.deliveries.get([delivery])[0].attempts == 2


@pytest.mark.parametrize(("key", "state"), [(MAIL, DeliveryState.AMBIGUOUS), (FOLDER, DeliveryState.PLANNED)])
def test_what_a_lost_sender_had_in_hand_is_repeated_only_where_that_does_no_harm(
    ledger: Ledger, key: DeliveryKey, state: DeliveryState
) -> None:
    lost, me = entered(ledger), entered(ledger)
    delivery = begun(ledger, key, lost)
    assert [sender.id for sender in ledger.deliveries.senders([delivery])] == [lost]
    assert ledger.deliveries.recover({lost}, REPEATABLE) == 1
    assert state_of(ledger, delivery) is state
    assert ledger.deliveries.begin(delivery, me) is (state is DeliveryState.PLANNED)


def test_a_sender_that_comes_back_changes_nothing(ledger: Ledger) -> None:
    lost = entered(ledger)
    delivery = begun(ledger, MAIL, lost)
    ledger.deliveries.recover({lost}, REPEATABLE)
    assert not ledger.deliveries.finish(delivery, lost, DeliveryState.DELIVERED, "250 ok")
    assert state_of(ledger, delivery) is DeliveryState.AMBIGUOUS


def test_a_sender_whose_row_is_gone_is_shown_as_nobody(ledger: Ledger) -> None:
    lost = entered(ledger)
    delivery = begun(ledger, MAIL, lost)
    ledger.holders.leave(lost)
    (sender,) = ledger.deliveries.senders([delivery])
    assert (sender.id, sender.owner) == (lost, None)


def test_an_uncertain_delivery_is_sent_again_only_when_somebody_says_so(ledger: Ledger) -> None:
    lost, me = entered(ledger), entered(ledger)
    delivery = begun(ledger, MAIL, lost)
    assert ledger.deliveries.reopen([delivery]) == 0, "it is being sent"
    ledger.deliveries.recover({lost}, REPEATABLE)
    assert not ledger.deliveries.begin(delivery, me)
    assert ledger.deliveries.reopen([delivery]) == 1
    assert ledger.deliveries.begin(delivery, me)


def test_deliveries_of_a_report_are_listed_by_partition(ledger: Ledger) -> None:
    ledger.deliveries.plan([MAIL, replace(MAIL, partition="2013-01-02"), replace(MAIL, report="weekly")])
    assert len(ledger.deliveries.of_report("daily")) == 2
    assert [row.key for row in ledger.deliveries.of_report("daily", "2013-01-01")] == [MAIL]


def test_a_delivery_that_is_refused_before_it_is_begun_is_seen_as_failed(ledger: Ledger) -> None:
    (row,) = ledger.deliveries.plan([MAIL])
    assert ledger.deliveries.refuse(row.id, "the relay is away")
    (row,) = ledger.deliveries.get([row.id])
    assert (row.state, row.detail) == (DeliveryState.FAILED, "the relay is away")
    begun(ledger, MAIL, entered(ledger))
    assert not ledger.deliveries.refuse(row.id, "too late")
