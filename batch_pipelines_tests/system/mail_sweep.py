"""The kill sweep of campaigns: kill senders at every named point and at random ones, send on, count what arrived.

One occurrence is sent by child after child, each armed with the next kill; the sink says who got what. Then everybody
is accounted for: nobody twice, nobody lost, and as ambiguous no more than what was in flight.
"""

import json
import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import batch_pipelines
from batch_pipelines.delivery.sink.server import running
from batch_pipelines.delivery.sink.session import Received
from batch_pipelines_tests.campaigns.shop_news import make_shop_news
from batch_pipelines_tests.system.forks import Child, Forks

PREPARING = ("mail.frozen", "mail.recorded", "mail.filled", "mail.prepared")  # in this order
RECOVERING = ("mail.sender_ended", "mail.taken_over")


@dataclass
class MailFigures:
    """What a sweep came to.

    Attributes:
        kills: By point (`any` for the random ones).
        ambiguous: Recipients that are held.
        delivered: Of these, in fact accepted.
        lost: Recipients that are sent, and got nothing.
        doubled: Recipients that got more than one.
        wrong: What was not as it must be.
    """

    recipients: int
    connections: int
    kills: Counter[str] = field(default_factory=Counter)
    ambiguous: int = 0
    delivered: int = 0
    lost: int = 0
    doubled: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def share(self) -> float:
        """Ambiguous recipients per kill and connection."""
        return self.ambiguous / max(1, self.kills.total() * self.connections)

    def __str__(self) -> str:
        """One line."""
        return (
            f"{self.recipients:,} recipients, {self.kills.total()} kills at {len(self.kills)} points, "
            f"{self.connections} connections: {self.ambiguous} ambiguous ({self.share:.2f} per kill and connection; "
            f"{self.delivered} of them delivered), {len(self.wrong)} wrong"
        )


class MailSweep:
    """One occurrence, its sink, and the children that send it.

    Args:
        forks: Whose children send.
        folder: Where the home is made.
        recipients: Of the audience.
        connections: Of each sender.
        seed: Of the dice.
        ledger: An empty SQLite ledger to copy.
        ledger_url: Address of another ledger, instead.
    """

    def __init__(
        self,
        forks: Forks,
        folder: Path,
        recipients: int,
        *,
        connections: int = 4,
        seed: int = 0,
        ledger: Path | None = None,
        ledger_url: str | None = None,
    ) -> None:
        self.figures = MailFigures(recipients, connections)
        self.dice = random.Random(seed)
        self.tally: Counter[str] = Counter()
        self._forks = forks
        self.shop = make_shop_news(folder / "home", ledger)
        if ledger_url:
            self.shop.environ["BP_LEDGER_URL"] = ledger_url
        self.shop.declare(limits={"connections": connections})
        self.people = self.shop.people(recipients)

    def to(self, port: int) -> None:
        """Let the relay be this sink."""
        self.shop.relay(port, connections=self.figures.connections)
        self.shop.write("environ.json", json.dumps(self.shop.environ))
        self.shop.write("people.json", json.dumps(self.people))

    def keep(self, mail: Received) -> None:
        """Count who got a mail."""
        self.tally.update(mail.recipients)

    def child(self, what: str, fault: str = "", plants: Sequence[str] = ()) -> Child:
        """A child that does this; see mail_role.py."""
        home = self.shop.home
        return self._forks.child("mail", home, Path(what), folder=home, fault=fault, plants=plants)

    def sweep(self, kills: Sequence[str], what: str = "send", plants: Sequence[str] = ("small_claims",)) -> None:
        """Do these kills, child after child, while there is somebody to send to; the last child comes to its end."""
        for kill in kills:
            if not self.child(what, kill, plants).wait().killed:
                continue
            self.figures.kills[kill.partition("@")[2].rpartition(":")[0]] += 1
        assert not self.child(what, plants=plants).wait().killed

    def judge(self, *, held: bool = True) -> MailFigures:
        """Account for everybody."""
        found = self.child("states").wait().answer
        states: dict[str, list[str]] = found["states"]
        figures, wrong = self.figures, self.figures.wrong
        sent, ambiguous = states["sent"], states["ambiguous"]
        figures.ambiguous, figures.delivered = len(ambiguous), sum(self.tally[each] for each in ambiguous)
        if sorted(sent + ambiguous) != sorted(self.people):
            others = {name: len(each) for name, each in states.items() if each}
            wrong.append(f"not everybody is sent or ambiguous: {others}")
        if not found["adds_up"] or found["state"] != "done":
            wrong.append(f"the occurrence is {found['state']}, adds up: {found['adds_up']}")
        doubled = {each: count for each, count in self.tally.items() if count > 1}
        lost = [each for each in sent if not self.tally[each]]
        figures.doubled, figures.lost = len(doubled), len(lost)
        wrong += [f"{each} got {count}" for each, count in doubled.items()]
        wrong += [f"{each} is sent, and got nothing" for each in lost]
        kills, most = figures.kills.total(), figures.kills.total() * figures.connections
        if held and figures.ambiguous > most:
            wrong.append(f"{figures.ambiguous} ambiguous after {kills} kills of {figures.connections} connections")
        return figures


def sending_kills(dice: random.Random, count: int, points: Sequence[str], spread: int) -> list[str]:
    """So many kills, in random order: three of four at the named points in turn, the others at random ones."""
    named = [f"kill@{points[n % len(points)]}:{1 + n // len(points) % 3}" for n in range(count * 3 // 4)]
    kills = [*named, *(f"kill@any:{dice.randint(1, spread)}" for _ in range(count - len(named)))]
    dice.shuffle(kills)
    return kills


def mail_points() -> set[str]:
    """Every point that campaigns name."""
    package = Path(batch_pipelines.__file__).parent
    sources = "\n".join(file.read_text() for file in package.rglob("*.py") if file.name != "faults.py")
    return set(re.findall(r"""fault\("(mail\.[a-z_]+)"\)""", sources))


@contextmanager
def swept(sweep: MailSweep) -> Iterator[MailSweep]:
    """The sweep with its sink at work."""
    with running(sweep.keep) as sink:
        sweep.to(sink.port)
        yield sweep


def as_json(figures: MailFigures) -> dict[str, Any]:
    """All figures."""
    return {
        "recipients": figures.recipients,
        "connections": figures.connections,
        "kills": figures.kills.total(),
        "at_random_points": figures.kills["any"],
        "ambiguous": figures.ambiguous,
        "ambiguous_per_kill_and_connection": round(figures.share, 3),
        "of_these_delivered": figures.delivered,
        "lost": figures.lost,
        "duplicated": figures.doubled,
    }
