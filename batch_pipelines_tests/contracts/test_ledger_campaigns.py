"""What every ledger promises of campaigns: one frozen audience, claims nobody shares, settlements under an epoch."""

import pytest

from batch_pipelines.core.clock import FakeClock
from batch_pipelines.core.errors import IntegrityError
from batch_pipelines.core.ledger.ledger import Ledger
from batch_pipelines.core.mailings import (
    EVERY_LIST,
    OccurrenceState,
    Reason,
    RecipientState,
    Screen,
    Settlement,
    Suppression,
)
from batch_pipelines_tests.contracts.mail_acts import (
    NOW,
    SCREEN,
    all_sent,
    claimed,
    people,
    sender,
    sending,
    seqs,
    states,
)


def test_an_occurrence_is_opened_once_a_partition(ledger: Ledger) -> None:
    first = ledger.occurrences.open("news", "2013-01-07", expires_at=5.0)
    assert ledger.occurrences.open("news", "2013-01-07", expires_at=9.0) == first
    assert ledger.occurrences.open("news", "2013-01-14").id != first.id
    assert (first.state, first.expires_at, first.name) == (OccurrenceState.PREPARING, 5.0, "news/2013-01-07")


def test_the_first_audience_recorded_decides(ledger: Ledger) -> None:
    occurrence = ledger.occurrences.open("news", "2013-01-07")
    ledger.occurrences.record(occurrence.id, audience="a", total=3, plan={"file": "one"})
    again = ledger.occurrences.record(occurrence.id, audience="b", total=9, plan={"file": "two"})
    assert (again.audience, again.total, again.plan) == ("a", 3, {"file": "one"})


def test_a_plan_over_64_kib_is_refused(ledger: Ledger) -> None:
    occurrence = ledger.occurrences.open("news", "2013-01-07")
    with pytest.raises(IntegrityError, match="65,536"):
        ledger.occurrences.record(occurrence.id, audience="a", total=1, plan={"text": "x" * 65_536})


def test_nothing_begins_without_an_audience(ledger: Ledger) -> None:
    occurrence = ledger.occurrences.open("news", "2013-01-07")
    assert not ledger.occurrences.begin(occurrence.id)


def test_recipients_are_added_once_however_often_they_are(ledger: Ledger) -> None:
    occurrence = sending(ledger, 3)
    owner = sender(ledger)
    ledger.recipients.settle(owner.id, claim := claimed(ledger, owner, occurrence), all_sent(claim))
    ledger.occurrences.fill(occurrence.id, people(4))
    assert states(ledger, occurrence) == {"sent": 3, "pending": 1}


def test_two_claims_share_nobody(ledger: Ledger) -> None:
    occurrence = sending(ledger, 5)
    one, other = sender(ledger), sender(ledger)
    first, second = claimed(ledger, one, occurrence, limit=3), claimed(ledger, other, occurrence, limit=3)
    assert (seqs(first), seqs(second)) == ([0, 1, 2], [3, 4])
    assert ledger.recipients.claim(one, occurrence.id, "j", screen=SCREEN, limit=3, now=NOW) is None


def test_an_occurrence_that_is_not_sending_gives_no_claim(ledger: Ledger) -> None:
    occurrence, owner = sending(ledger), sender(ledger)
    assert ledger.occurrences.pause(occurrence.id, "so I say")
    assert ledger.recipients.claim(owner, occurrence.id, "j", screen=SCREEN, limit=3, now=NOW) is None
    assert ledger.occurrences.get(occurrence.id).reason == "so I say"
    assert ledger.occurrences.resume(occurrence.id)
    assert len(claimed(ledger, owner, occurrence).recipients) == 5


def test_who_is_suppressed_before_the_claim_is_not_of_it(ledger: Ledger) -> None:
    occurrence, owner = sending(ledger), sender(ledger)
    ledger.suppressions.add(
        [
            Suppression("p0@example.com", "news", Reason.UNSUBSCRIBED, "link"),
            Suppression("p1@example.com", EVERY_LIST, Reason.BOUNCED, "relay"),
            Suppression("p2@example.com", "other", Reason.UNSUBSCRIBED, "link"),
            Suppression("p3@example.com", "news", Reason.MANUAL, "operator"),
        ]
    )
    claim = claimed(ledger, owner, occurrence)
    assert (seqs(claim), claim.suppressed) == ([2, 3, 4], 2)
    assert states(ledger, occurrence) == {"claimed": 3, "suppressed": 2}
    found = ledger.recipients.find(occurrence.id, "p1@example.com")
    assert found
    assert (found.reply, found.done_at) == ("bounced", NOW)


def test_a_claim_of_only_suppressed_people_leaves_no_open_claim(ledger: Ledger) -> None:
    occurrence, owner = sending(ledger, 1), sender(ledger)
    ledger.suppressions.add([Suppression("p0@example.com", EVERY_LIST, Reason.BOUNCED, "relay")])
    claim = claimed(ledger, owner, occurrence)
    assert (claim.recipients, claim.suppressed) == ([], 1)
    assert ledger.recipients.open_claims() == []
    assert ledger.occurrences.finish(occurrence.id)


def test_a_settlement_says_what_became_of_each_and_releases_the_rest(ledger: Ledger) -> None:
    occurrence, owner = sending(ledger, 4), sender(ledger)
    claim = claimed(ledger, owner, occurrence)
    said = [
        Settlement(0, RecipientState.SENT, 1, code=250, enhanced="2.0.0", reply="queued", done_at=NOW),
        Settlement(1, RecipientState.DEFERRED, 1, due_at=NOW + 300, code=451, reply="later"),
        Settlement(2, RecipientState.FAILED, 1, code=550, enhanced="5.1.1", reply="no\0such", done_at=NOW),
    ]
    gone = [Suppression("p2@example.com", EVERY_LIST, Reason.BOUNCED, "relay")]
    assert ledger.recipients.settle(owner.id, claim, said, gone)
    assert states(ledger, occurrence) == {"sent": 1, "deferred": 1, "failed": 1, "pending": 1}
    assert [each.key for each in ledger.suppressions.all()] == ["p2@example.com"]
    assert ledger.recipients.of(occurrence.id, [RecipientState.FAILED])[0].reply == "no\\0such"
    assert ledger.recipients.open_claims() == []
    assert ledger.recipients.journals() == set()


def test_who_is_deferred_is_claimed_again_when_due(ledger: Ledger) -> None:
    occurrence, owner = sending(ledger, 1), sender(ledger)
    later = Settlement(0, RecipientState.DEFERRED, 1, due_at=NOW + 300, code=451)
    ledger.recipients.settle(owner.id, claimed(ledger, owner, occurrence), [later])
    assert ledger.recipients.next_due(occurrence.id) == NOW + 300
    assert (ledger.recipients.due(NOW + 299), ledger.recipients.due(NOW + 300)) == ([], [occurrence.id])
    assert ledger.recipients.claim(owner, occurrence.id, "j", screen=SCREEN, limit=3, now=NOW + 299) is None
    assert claimed(ledger, owner, occurrence, now=NOW + 300).recipients[0].attempts == 1


def test_a_claim_is_settled_once(ledger: Ledger) -> None:
    occurrence, owner = sending(ledger), sender(ledger)
    claim = claimed(ledger, owner, occurrence)
    assert ledger.recipients.settle(owner.id, claim, all_sent(claim))
    assert not ledger.recipients.settle(owner.id, claim, [])
    assert states(ledger, occurrence) == {"sent": 5}


def test_after_a_claim_is_taken_over_its_old_holder_changes_nothing(ledger: Ledger) -> None:
    occurrence, old, new = sending(ledger), sender(ledger), sender(ledger)
    claim = claimed(ledger, old, occurrence)
    (there,) = ledger.recipients.open_claims(occurrence.id)
    assert (there.claim, there.sender, there.holder.id) == (claim, old, old.id)
    taken = ledger.recipients.take_over(new, there)
    assert taken
    assert taken.epoch == 2
    assert ledger.recipients.take_over(old, there) is None
    assert not ledger.recipients.settle(old.id, claim, all_sent(claim))
    assert states(ledger, occurrence) == {"claimed": 5}
    held = [Settlement(0, RecipientState.AMBIGUOUS, 1, done_at=NOW)]
    assert ledger.recipients.settle(new.id, taken, held)
    assert states(ledger, occurrence) == {"ambiguous": 1, "pending": 4}


def test_who_took_over_and_died_leaves_the_sender_named(ledger: Ledger) -> None:
    occurrence, first, second = sending(ledger), sender(ledger), sender(ledger)
    claimed(ledger, first, occurrence)
    ledger.recipients.take_over(second, ledger.recipients.open_claims()[0])
    ledger.holders.leave(second.id)
    (there,) = ledger.recipients.open_claims()
    assert (there.sender, there.holder.owner) == (first, None)


def test_an_owner_that_holds_a_claim_is_not_forgotten(ledger: Ledger) -> None:
    occurrence, owner = sending(ledger), sender(ledger)
    claim = claimed(ledger, owner, occurrence)
    ledger.holders.forget_idle([owner.id])
    assert [state.id for state in ledger.holders.all()] == [owner.id]
    ledger.recipients.settle(owner.id, claim, [])
    ledger.holders.forget_idle([owner.id])
    assert ledger.holders.all() == []


def test_an_occurrence_is_done_when_everybody_has_come_to_an_end(ledger: Ledger) -> None:
    occurrence, owner = sending(ledger), sender(ledger)
    assert not ledger.occurrences.finish(occurrence.id)
    claim = claimed(ledger, owner, occurrence)
    assert not ledger.occurrences.finish(occurrence.id)
    ledger.recipients.settle(owner.id, claim, all_sent(claim))
    assert ledger.occurrences.finish(occurrence.id)
    assert not ledger.occurrences.pause(occurrence.id, "too late")
    assert ledger.occurrences.get(occurrence.id).finished_at


@pytest.mark.parametrize("state", [OccurrenceState.CANCELLED, OccurrenceState.EXPIRED])
def test_who_waits_in_an_ended_occurrence_is_skipped_and_says_why(ledger: Ledger, state: OccurrenceState) -> None:
    occurrence, owner = sending(ledger), sender(ledger)
    ledger.recipients.settle(owner.id, claim := claimed(ledger, owner, occurrence, limit=2), all_sent(claim))
    assert ledger.recipients.counts(occurrence.id).unfinished == 3
    assert ledger.occurrences.skip_waiting(occurrence.id, "not ended yet") == 0
    assert ledger.occurrences.end(occurrence.id, state, "so be it")
    assert ledger.occurrences.skip_waiting(occurrence.id, "so be it") == 3
    assert states(ledger, occurrence) == {"sent": 2, "skipped": 3}
    assert not ledger.occurrences.end(occurrence.id, OccurrenceState.CANCELLED)
    assert not ledger.occurrences.resume(occurrence.id)


def test_the_ambiguous_are_resolved_by_a_decision_or_by_evidence(ledger: Ledger) -> None:
    occurrence, owner = sending(ledger, 3), sender(ledger)
    claim = claimed(ledger, owner, occurrence)
    unsure = [Settlement(n, RecipientState.AMBIGUOUS, 1, done_at=NOW) for n in range(3)]
    ledger.recipients.settle(owner.id, claim, unsure)
    ledger.occurrences.finish(occurrence.id)
    before = [RecipientState.AMBIGUOUS]
    resolve = ledger.recipients.resolve
    assert resolve(occurrence.id, before, RecipientState.SENT, seqs=[0], reply="seen in the relay's log") == 1
    assert resolve(occurrence.id, before, RecipientState.BOUNCED, seqs=[1, 0]) == 1
    assert resolve(occurrence.id, before, RecipientState.PENDING) == 1
    assert states(ledger, occurrence) == {"sent": 1, "bounced": 1, "pending": 1}
    assert ledger.occurrences.reopen(occurrence.id)
    assert seqs(claimed(ledger, owner, occurrence)) == [2]


def test_the_most_frequent_replies_are_told_first(ledger: Ledger) -> None:
    occurrence, owner = sending(ledger, 3), sender(ledger)
    claim = claimed(ledger, owner, occurrence)
    said = [Settlement(n, RecipientState.FAILED, 1, code=550, enhanced=f"5.1.{n // 2}", reply="no") for n in range(3)]
    ledger.recipients.settle(owner.id, claim, said)
    assert ledger.recipients.replies(occurrence.id, [RecipientState.FAILED]) == [
        ("550 5.1.0 no", 2),
        ("550 5.1.1 no", 1),
    ]


def test_a_suppression_is_added_once_and_removed_by_list_or_reason(ledger: Ledger, clock: FakeClock) -> None:
    kept = ledger.suppressions
    both = [
        Suppression("a@example.com", "news", Reason.UNSUBSCRIBED, "link"),
        Suppression("a@example.com", EVERY_LIST, Reason.BOUNCED, "relay"),
    ]
    assert (kept.add(both), kept.add(both), kept.add([])) == (2, 0, 0)
    assert {each.created_at for each in kept.of("a@example.com")} == {clock.now().isoformat()}
    every = Screen("news", tuple(Reason))
    assert set(kept.among(["a@example.com", "b@example.com"], every)) == {"a@example.com"}
    assert kept.among(["a@example.com"], Screen("other", (Reason.UNSUBSCRIBED,))) == {}
    assert kept.remove("a@example.com", "news") == 1
    assert [each.reason for each in kept.of("a@example.com")] == [Reason.BOUNCED]
    assert kept.remove("a@example.com", reason=Reason.BOUNCED) == 1
    assert kept.all() == []
