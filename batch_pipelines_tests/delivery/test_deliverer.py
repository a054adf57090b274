"""Deliveries: each recipient once, whatever fails, whoever else is at it, however often it is run."""

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from batch_pipelines.core.clock import FakeClock
from batch_pipelines.core.delivered import Delivery, DeliveryKey, DeliveryState
from batch_pipelines.core.ledger.ledger import Ledger
from batch_pipelines.core.owners import new_owner
from batch_pipelines.delivery.channels import Channel, Delivered, Ending, Go, Parcel, Refused
from batch_pipelines.delivery.deliverer import Deliverer
from batch_pipelines.delivery.folder import FolderChannel
from batch_pipelines.delivery.mail import MailChannel
from batch_pipelines.delivery.transport import Kind
from batch_pipelines_tests.delivery.parcels import SENDER, ScriptedRelay, parcel

TO = [("folder", "out"), ("email", "ops@example.com"), ("email", "chief@example.com")]


class ScriptedHook:
    """A webhook that answers as told, then well."""

    name = "webhook"
    repeatable = True

    def __init__(self, *script: Ending) -> None:
        self.keys: list[str] = []
        self._script = list(script)

    def send(self, parcel: Parcel, key: DeliveryKey, go: Go) -> Ending:
        """See `Channel`."""
        del parcel
        go()
        self.keys.append(key.idempotency_key)
        return self._script.pop(0) if self._script else Delivered("HTTP 200")


class Post:
    """A deliverer with a scripted relay and webhook."""

    def __init__(self, ledger: Ledger, clock: FakeClock, home: Path) -> None:
        self.ledger, self.clock, self.home = ledger, clock, home
        self.relay, self.hook = ScriptedRelay(), ScriptedHook()

    def deliver(self, made: Parcel, to: Sequence[tuple[str, str]] = TO) -> list[Delivery]:
        """Deliver one parcel."""
        mail, folder = MailChannel(self.relay.opened, SENDER, self.clock), FolderChannel(self.home)
        channels: dict[str, Channel] = {"email": mail, "folder": folder, "webhook": self.hook}
        deliverer = Deliverer(self.ledger, channels, self.clock, random.Random(1))
        return deliverer.deliver([(made, to)], "run-1")

    def mailed(self) -> list[str]:
        """Who got a mail."""
        return [each.recipient for each in self.relay.took]


@pytest.fixture
def post(ledger: Ledger, clock: FakeClock, tmp_path: Path) -> Post:
    return Post(ledger, clock, tmp_path)


def states(rows: list[Delivery]) -> list[str]:
    return [row.state.value for row in rows]


def test_every_recipient_gets_it_once_however_often_it_is_run(post: Post, tmp_path: Path) -> None:
    made = parcel(tmp_path / "made", pdf=b"%PDF")
    assert states(post.deliver(made)) == states(post.deliver(made)) == ["delivered"] * 3
    assert post.mailed() == ["ops@example.com", "chief@example.com"]
    assert post.ledger.holders.all() == []


def test_changed_content_is_another_delivery(post: Post, tmp_path: Path) -> None:
    post.deliver(parcel(tmp_path / "made", pdf=b"one"))
    post.deliver(parcel(tmp_path / "made", pdf=b"two"))
    assert post.mailed() == ["ops@example.com", "chief@example.com"] * 2


def test_a_new_recipient_gets_what_the_others_have_already(post: Post, tmp_path: Path) -> None:
    made = parcel(tmp_path / "made", pdf=b"one")
    post.deliver(made, TO[:2])
    post.deliver(made, TO)
    assert post.mailed() == ["ops@example.com", "chief@example.com"]


def test_what_is_refused_for_now_is_tried_again_later(post: Post, tmp_path: Path) -> None:
    post.relay = ScriptedRelay("away", Kind.DEFERRED)
    began = post.clock.monotonic()
    (row,) = post.deliver(parcel(tmp_path / "made", pdf=b"one"), TO[1:2])
    assert (row.state, row.attempts, post.mailed()) == (DeliveryState.DELIVERED, 3, ["ops@example.com"])
    assert 7 < post.clock.monotonic() - began < 9  # 2 s, 6 s, with jitter


def test_tries_come_to_an_end_and_the_next_run_begins_anew(post: Post, tmp_path: Path) -> None:
    made = parcel(tmp_path / "made", pdf=b"one")
    post.relay = ScriptedRelay(*["away"] * 3)
    (row,) = post.deliver(made, TO[1:2])
    assert (row.state, row.attempts) == (DeliveryState.FAILED, 3)
    assert row.detail == "relay 'scripted', connect: nobody answers"
    assert states(post.deliver(made, TO[1:2])) == ["delivered"]


def test_one_that_is_refused_for_good_does_not_stop_the_others(post: Post, tmp_path: Path) -> None:
    post.relay = ScriptedRelay(Kind.FAILED)
    assert states(post.deliver(parcel(tmp_path / "made", pdf=b"one"))) == ["delivered", "failed", "delivered"]


def test_an_uncertain_mail_is_held_until_somebody_has_it_sent_again(post: Post, tmp_path: Path) -> None:
    made = parcel(tmp_path / "made", pdf=b"one")
    post.relay = ScriptedRelay(Kind.AMBIGUOUS)
    (row,) = post.deliver(made, TO[1:2])
    assert row.state is DeliveryState.AMBIGUOUS
    post.deliver(made, TO[1:2])
    assert len(post.mailed()) == 1
    post.ledger.deliveries.reopen([row.id])
    assert states(post.deliver(made, TO[1:2])) == ["delivered"]
    assert len(post.mailed()) == 2


def test_a_webhook_is_tried_again_under_the_same_key(post: Post, tmp_path: Path) -> None:
    post.hook = ScriptedHook(Refused("no answer: timed out", again=True), Refused("HTTP 503", again=True))
    (row,) = post.deliver(parcel(tmp_path / "made", pdf=b"one"), [("webhook", "https://hooks.example.com/x")])
    assert row.state is DeliveryState.DELIVERED
    assert post.hook.keys == [row.key.idempotency_key] * 3


def test_what_a_killed_process_had_in_hand_is_held_or_done_again(post: Post, tmp_path: Path) -> None:
    made = parcel(tmp_path / "made", pdf=b"one")
    keys = [DeliveryKey(made.report, made.partition, made.burst, *to, made.content) for to in TO]
    for row in post.ledger.deliveries.plan(keys)[:2]:
        post.ledger.deliveries.begin(row.id, "an owner that is gone")
    assert states(post.deliver(made)) == ["delivered", "ambiguous", "delivered"]
    assert post.mailed() == ["chief@example.com"]
    assert (tmp_path / "out/daily/2013-01-15/daily.pdf").exists()


def test_a_frozen_process_is_waited_for_and_given_up_when_it_stands_still(post: Post, tmp_path: Path) -> None:
    made, frozen = parcel(tmp_path / "made", pdf=b"one"), new_owner()  # this very process: it lives, and never renews
    post.ledger.holders.enter(frozen)
    (row,) = post.ledger.deliveries.plan([DeliveryKey("daily", made.partition, "", *TO[1], made.content)])
    post.ledger.deliveries.begin(row.id, frozen.id)
    began = post.clock.monotonic()
    assert states(post.deliver(made, TO[1:2])) == ["ambiguous"]
    assert 30 <= post.clock.monotonic() - began <= 33
    assert not post.ledger.deliveries.finish(row.id, frozen.id, DeliveryState.DELIVERED, "woken up")


def test_what_somebody_else_delivers_meanwhile_is_not_sent_twice(post: Post, tmp_path: Path) -> None:
    made = parcel(tmp_path / "made", pdf=b"one")
    other = Post(post.ledger, post.clock, tmp_path)

    class Interrupted(ScriptedRelay):
        def connect(self) -> ScriptedRelay:
            other.deliver(made, TO[1:2])
            return super().connect()

    post.relay = Interrupted()
    assert states(post.deliver(made, TO[1:2])) == ["delivered"]
    assert (post.mailed(), other.mailed()) == ([], ["ops@example.com"])
