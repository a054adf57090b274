"""Kills between "written" and "delivered": no mail twice, nobody forgotten, no half file to be seen.

A trial delivers one report to folders, mailboxes and webhooks. Child after child does it, each armed with the next
kill, until one comes to the end undisturbed; the other sides (a relay and a receiver that keep files) then tell what
arrived. What must not live here: how deliveries work (delivery/).
"""

import hashlib
import os
import random
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from batch_pipelines.core.clock import SystemClock
from batch_pipelines.core.delivered import DeliveryKey, DeliveryState
from batch_pipelines.core.ledger.ledger import Ledger, open_ledger
from batch_pipelines.delivery.channels import Channel, Delivered, Ending, Go, Parcel, ParcelFile
from batch_pipelines.delivery.deliverer import Deliverer
from batch_pipelines.delivery.folder import FolderChannel
from batch_pipelines.delivery.mail import MailChannel
from batch_pipelines.delivery.transport import Journal, Kind, Outcome, Outgoing
from batch_pipelines_tests.ledgers import copied, made
from batch_pipelines_tests.system.forks import Forks, forks

MAILS, FOLDERS, HOOKS = 6, 2, 2
CONTENTS = {"daily.pdf": b"%PDF" * 50_000, "daily.xlsx": b"PK" * 70_000}
TO = [
    *(("folder", f"out-{n}") for n in range(FOLDERS)),
    *(("email", f"reader-{n}@example.com") for n in range(MAILS)),
    *(("webhook", f"https://hooks.example.com/{n}") for n in range(HOOKS)),
]
POINTS = ("planned", "half_written", "written", "renamed", "begun", "sent", "marked")
IN_TRIAL = 8


def deliver(home: Path) -> dict[str, int]:
    """Deliver the report in `home`; what a child does."""
    ledger = _ledger(home)
    channels: dict[str, Channel] = {
        "folder": FolderChannel(home),
        "email": MailChannel(lambda _: _Relay(home), "reports@example.com", SystemClock()),
        "webhook": _Receiver(home),
    }
    rows = Deliverer(ledger, channels, SystemClock(), random.Random(1)).deliver([(_parcel(home), TO)])
    ledger.close()
    return dict(Counter(row.state.value for row in rows))


@dataclass
class Figures:
    """What the trials came to."""

    trials: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    ambiguous: int = 0
    ambiguous_that_had_arrived: int = 0
    mails: int = 0
    wrong: list[str] = field(default_factory=list)


class DeliveryKills:
    """Trials below one folder.

    Args:
        forks: Whose children deliver.
        folder: Where trials are made.
        ledger: An empty ledger to copy.
        seed: Of the dice.
    """

    def __init__(self, forks: Forks, folder: Path, ledger: Path, seed: int) -> None:
        self._forks, self._folder, self._ledger = forks, folder, ledger
        self._dice = random.Random(seed)
        self.figures = Figures()

    def at_every_point(self) -> list[str]:
        """A kill at the first time each point is passed."""
        return [f"kill@delivery.{point}:1" for point in POINTS]

    def anywhere(self, count: int) -> list[str]:
        """Kills at random points."""
        return [f"kill@any:{self._dice.randint(1, 12)}" for _ in range(count)]

    def sweep(self, kills: Iterable[str]) -> Figures:
        """Do all of these kills; those that a trial does not reach are tried in the next."""
        waiting = list(kills)
        while waiting:
            left = self._trial(list(waiting))
            if left == waiting:
                self.figures.wrong.append(f"{left.pop(0)} was never reached")
            waiting = left
        return self.figures

    def _trial(self, waiting: list[str]) -> list[str]:
        self.figures.trials += 1
        home = self._folder / f"trial-{self.figures.trials}"
        for name in ("made", "accepted", "posted"):
            (home / name).mkdir(parents=True)
        for name, content in CONTENTS.items():
            (home / "made" / name).write_bytes(content)
        copied(self._ledger, home)
        killed: list[str] = []
        while waiting and len(killed) < IN_TRIAL and self._child(home, waiting[0]):
            killed.append(waiting.pop(0))
            self._look(home, killed)
        assert not self._child(home, "")
        assert not self._child(home, ""), "once more: nothing may change"
        self._judge(home, killed)
        self.figures.kills.update(kill.partition("@")[2].rpartition(":")[0] for kill in killed)
        return waiting

    def _child(self, home: Path, fault: str) -> bool:
        return self._forks.child("deliver", home, folder=home, fault=fault).wait().killed

    def _look(self, home: Path, killed: list[str]) -> None:
        """Whatever file people can see is whole."""
        for file in visible(home):
            if file.read_bytes() != CONTENTS[file.name]:
                self.figures.wrong.append(f"{killed}: half of {file} is to be seen")

    def _judge(self, home: Path, killed: list[str]) -> None:
        self._look(home, killed)
        wrong = list(_not_as_it_must_be(home, len(killed)))
        self.figures.wrong += [f"{killed}: {what}" for what in wrong]
        ledger = _ledger(home)
        held = [row for row in ledger.deliveries.of_report("daily") if row.state is DeliveryState.AMBIGUOUS]
        ledger.close()
        accepted = _accepted(home)
        self.figures.ambiguous += len(held)
        self.figures.ambiguous_that_had_arrived += sum(accepted[row.key.recipient] for row in held)
        self.figures.mails += accepted.total()


def visible(home: Path) -> list[Path]:
    """The files of all folders that people look into."""
    return [
        file for folder in home.glob("out-*") for file in folder.rglob("*") if file.is_file() and file.name[0] != "."
    ]


def _not_as_it_must_be(home: Path, kills: int) -> Iterator[str]:
    ledger = _ledger(home)
    rows = ledger.deliveries.of_report("daily")
    owners = ledger.holders.all()
    ledger.close()
    accepted, posted = _accepted(home), Counter(path.read_text() for path in (home / "posted").iterdir())
    yield from (f"{who} got {count} mails" for who, count in accepted.items() if count > 1)
    states = {(row.key.channel, row.key.recipient): row.state for row in rows}
    if set(states) != set(TO):
        yield f"only {sorted(states)} are recorded"
    for (channel, recipient), state in states.items():
        if channel == "email" and state is DeliveryState.DELIVERED and accepted[recipient] != 1:
            yield f"{recipient} is delivered, but got nothing"
        if state is not DeliveryState.DELIVERED and not (channel == "email" and state is DeliveryState.AMBIGUOUS):
            yield f"{channel} {recipient} is {state}"
    if (held := list(states.values()).count(DeliveryState.AMBIGUOUS)) > kills:
        yield f"{held} are ambiguous after {kills} kills"
    if len(posted) != HOOKS:
        yield f"webhooks were posted under {len(posted)} keys"
    if len(visible(home)) != FOLDERS * len(CONTENTS) or list(home.glob("out-*/**/.*")):
        yield "a folder does not hold exactly the files"
    if len(owners) > kills:
        yield f"{len(owners)} owners are left after {kills} kills"


def _accepted(home: Path) -> Counter[str]:
    return Counter(path.read_text() for path in (home / "accepted").iterdir())


def _ledger(home: Path) -> Ledger:
    return open_ledger(f"sqlite:///{home / 'ledger.db'}")


def _parcel(home: Path) -> Parcel:
    files = tuple(
        ParcelFile(
            name, home / "made" / name, len(content), hashlib.sha256(content).hexdigest(), "application/pdf", name
        )
        for name, content in CONTENTS.items()
    )
    return Parcel("daily", "2013-01-15", "", "Daily", "All is well.", files)


def _keep(folder: Path, text: str) -> None:
    """What the other side does: it has it, whatever becomes of us."""
    (folder / f"{len(list(folder.iterdir()))}-{os.getpid()}").write_text(text)


class _Relay:
    """Accepts every mail, and keeps who it was for."""

    name, is_real, is_open = "files", False, True
    offers: frozenset[str] = frozenset()

    def __init__(self, home: Path) -> None:
        self._folder = home / "accepted"

    def connect(self) -> "_Relay":
        return self

    def send(self, messages: Iterable[Outgoing | None], journal: Journal) -> Iterator[Outcome]:
        for message in messages:
            if message is not None:
                journal.intent(message.seq)
                _keep(self._folder, message.recipient)
                outcome = Outcome(message.seq, Kind.SENT, 250, None, "ok")
                journal.result(outcome)
                yield outcome

    def close(self) -> None:
        """Nothing is open."""


class _Receiver:
    """A webhook that keeps the keys of its posts."""

    name, repeatable = "webhook", True

    def __init__(self, home: Path) -> None:
        self._folder = home / "posted"

    def send(self, parcel: Parcel, key: DeliveryKey, go: Go) -> Ending:
        del parcel
        go()
        _keep(self._folder, key.idempotency_key)
        return Delivered("HTTP 200")


def run_kills(folder: Path, seed: int, kills: int = 200) -> dict[str, Any]:
    """Kill at every point, then at random ones; return the figures for the record.

    Raises:
        AssertionError: Something is not as it must be.
    """
    with forks() as children:
        trials = DeliveryKills(children, folder, made(folder), seed)
        figures = trials.sweep(trials.at_every_point())
        figures = trials.sweep(trials.anywhere(kills - figures.kills.total()))
    assert figures.wrong == [], figures.wrong
    assert figures.ambiguous <= figures.kills.total() == kills
    return {
        "kills": kills,
        "at": dict(figures.kills),
        "trials": figures.trials,
        "mails": figures.mails,
        "mails_twice": 0,
        "half_files_seen": 0,
        "ambiguous": figures.ambiguous,
        "ambiguous_that_had_arrived": figures.ambiguous_that_had_arrived,
    }
