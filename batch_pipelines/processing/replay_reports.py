"""What became of dead letters that were tried again, as values for people."""

from collections import Counter
from dataclasses import dataclass

from batch_pipelines.processing.reports import BatchReport


@dataclass(frozen=True, slots=True)
class Became:
    """What became of dead letters that were tried again.

    Attributes:
        tried: How many there were.
        written: They are in the table now.
        filtered: `where` or the transform left them out.
        dead: They are dead letters still.
        reasons: Why.
    """

    tried: int
    written: int
    filtered: int
    dead: int
    reasons: dict[str, int]

    def __add__(self, other: "Became") -> "Became":
        """Of both."""
        reasons = Counter(self.reasons)
        reasons.update(other.reasons)
        return Became(
            self.tried + other.tried,
            self.written + other.written,
            self.filtered + other.filtered,
            self.dead + other.dead,
            _most_first(reasons),
        )

    def __str__(self) -> str:
        """One line."""
        filtered = f", {self.filtered:,} filtered" if self.filtered else ""
        why = f" ({', '.join(f'{name} {count:,}' for name, count in self.reasons.items())})" if self.reasons else ""
        return f"{self.tried:,} dead letters tried: {self.written:,} written{filtered}, {self.dead:,} still dead{why}"


NOTHING = Became(0, 0, 0, 0, {})


def became(report: BatchReport) -> Became:
    """Return what became of the dead letters that a batch tried; of nothing, if it is no replay."""
    said = report.replay
    if said is None:
        return NOTHING
    reasons = Counter(report.reasons)
    reasons.subtract(said["passed_reasons"])
    return Became(
        tried=said["tried"],
        written=report.rows - said["rows"],
        filtered=report.counts.filtered - said["filtered"],
        dead=report.dead_letters - said["passed"],
        reasons=_most_first(+reasons),
    )


def _most_first(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
