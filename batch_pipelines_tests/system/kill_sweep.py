"""The kill sweep: kill a role at every named point and at random ones, resume, and compare row for row.

A trial has a fresh data folder. Child after child works in it, each armed with the next kill, until one comes to the
end undisturbed; then an inspector compares. What must not live here: what is processed (sweep_home.py).
"""

import json
import random
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import batch_pipelines
from batch_pipelines_tests.system import sweep_home
from batch_pipelines_tests.system.acts import chunks_begun
from batch_pipelines_tests.system.forks import Child, Forks

SWEPT = ("chunk", "claim", "commit", "lane", "plan", "publish", "settle", "split")
"""First words of the points that this sweep kills at: all that a run of sweep_home.py passes."""
ELSEWHERE = {
    "compact": "processing/tables/test_compact.py",
    "delivery": "system/test_delivery_kills.py",
    "export": "system/test_export_kills.py",
    "extract": "system/test_extract_kills.py",
    "fetch": "processing/test_s3.py",
    "items": "items/test_items_killed.py",
    "mail": "system/test_mail_kills.py",
    "upsert": "system/test_write_mode_kills.py",
    "widen": "system/test_write_mode_kills.py",
    "withdraw": "processing/tables/test_janitor.py",
}
"""First words of the others, and the tests that kill or fail there."""
IN_TRIAL = 12  # kills of one trial at most


@dataclass
class Figures:
    """What a sweep came to.

    Attributes:
        kills: By point (`any` for the random ones).
        redone: Chunks begun more often than once, over all trials.
        orphans: Files that janitors swept.
        wrong: What was not as it must be.
    """

    seed: int
    trials: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    redone: int = 0
    orphans: int = 0
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """One line."""
        return (
            f"seed {self.seed}: {self.kills.total()} kills at {len(self.kills)} points in {self.trials} trials, "
            f"{self.redone} chunks redone, {self.orphans} orphans swept, {len(self.wrong)} wrong"
        )


class KillSweep:
    """A sweep over one home.

    Args:
        forks: Whose children work.
        folder: Where homes and data folders are made.
        seed: Of input and dice.
        ledger: An empty ledger to copy, None to have each trial make its own.
        plants: Mutants to plant into every child that works.
        rows: Of each month.
    """

    def __init__(
        self,
        forks: Forks,
        folder: Path,
        seed: int,
        *,
        ledger: Path | None = None,
        plants: Sequence[str] = (),
        rows: int = sweep_home.ROWS,
    ) -> None:
        self.home = sweep_home.make_home(folder / "home", seed, rows)
        self.figures = Figures(seed)
        self._forks = forks
        self._folder = folder
        self._ledger = ledger
        self._plants = plants
        self._dice = random.Random(seed)
        first = self.trial_folder()
        self.points: Counter[str] = Counter(self.child(first, plants=()).wait().answer)
        self.reference = self.content(first)
        self._reference = folder / "reference.json"
        self._reference.write_text(json.dumps(self.reference))
        self.chunks = len(chunks_begun(first))

    def trial_folder(self) -> Path:
        """A new folder with a data folder that holds nothing."""
        self.figures.trials += 1
        folder = self._folder / f"trial-{self.figures.trials}"
        sweep_home.fresh_data(folder / "data", self._ledger)
        return folder

    def child(self, folder: Path, fault: str = "", plants: Sequence[str] | None = None) -> Child:
        """A child that plans and works until all is published."""
        planted = self._plants if plants is None else plants
        return self.act("run", folder, fault=fault, plants=planted)

    def act(self, act: str, folder: Path, *more: Path, fault: str = "", plants: Sequence[str] = ()) -> Child:
        """A child that does this in a trial's folder."""
        arguments = (self.home, folder / "data", *more)
        return self._forks.child(act, *arguments, folder=folder, fault=fault, plants=plants)

    def content(self, folder: Path) -> dict[str, Any]:
        """What tables and dead letters of a trial hold."""
        found: dict[str, Any] = self.act("content", folder).wait().answer
        return found

    def every_point(self) -> list[str]:
        """Kills at the first, the middle and the last time that an undisturbed run passes each point."""
        kills = []
        for point, times in sorted(self.points.items()):
            if point != "any":
                kills += [f"kill@{point}:{n}" for n in sorted({1, (times + 1) // 2, times})]
        return kills

    def anywhere(self, count: int) -> list[str]:
        """Kills at random points, whatever their name; each is a random way on from where the last one was."""
        return [f"kill@any:{self._dice.randint(1, self.points['any'] // 3)}" for _ in range(count)]

    def sweep(self, kills: Iterable[str]) -> Figures:
        """Do all of these kills. One that is never reached in a fresh folder is wrong."""
        waiting = list(kills)
        while waiting:
            waiting = self._trial(waiting)
        return self.figures

    def _trial(self, waiting: list[str]) -> list[str]:
        """One trial; the kills that are left."""
        folder, left, killed = self.trial_folder(), list(waiting), list[str]()
        while left and len(killed) < IN_TRIAL:
            if not self.child(folder, left[0]).wait().killed:
                break
            killed.append(left.pop(0))
        else:
            assert not self.child(folder).wait().killed
        if not killed:
            self.figures.wrong.append(f"{left.pop(0)} was never reached")
        self.figures.kills.update(kill.partition("@")[2].rpartition(":")[0] for kill in killed)
        self._judge(folder, killed)
        return left

    def _judge(self, folder: Path, killed: list[str]) -> None:
        redone = len(chunks_begun(folder)) - self.chunks
        self.figures.redone += redone
        found = self.inspect(folder)
        self.figures.orphans += found["orphans"]
        if redone > len(killed):
            self.figures.wrong.append(f"{killed}: {redone} chunks redone after {len(killed)} kills")
        self.figures.wrong += [f"{killed}: {what}" for what in found["wrong"]]

    def inspect(self, folder: Path) -> dict[str, Any]:
        """Have a child look at everything that must hold when a run has come to its end."""
        found: dict[str, Any] = self.act("inspect", folder, self._reference).wait().answer
        return found


def named_points() -> set[str]:
    """Every point that the product's source names."""
    package = Path(batch_pipelines.__file__).parent
    sources = "\n".join(file.read_text() for file in package.rglob("*.py") if file.name != "faults.py")
    return set(re.findall(r"""fault\("([a-z_.]+)"\)""", sources))


def first_word(point: str) -> str:
    """What a point's name begins with: who passes it."""
    return point.partition(".")[0]


def as_json(figures: Figures) -> str:
    """All figures."""
    return json.dumps({**vars(figures), "kills": dict(figures.kills)}, indent=2)
