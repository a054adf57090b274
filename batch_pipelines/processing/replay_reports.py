"""What became of dead letters that were tried again, as values for people."""

from collections import Counter
from dataclasses import dataclass

from batch_pipelines.core.model import Counts, Json


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
        letters = "dead letter" if self.tried == 1 else "dead letters"
        return f"{self.tried:,} {letters} tried: {self.written:,} written{filtered}, {self.dead:,} still dead{why}"


NOTHING = Became(0, 0, 0, 0, {})


def became(said: Json, counts: Counts, reasons: dict[str, int]) -> Became:
    """Return what became of the letters that a batch tried.

    Args:
        said: What its plan says of the replay (replaying/plan.py).
        counts: What the batch came to.
        reasons: Of all its dead letters.
    """
    still = Counter(reasons)
    still.subtract(said["passed_reasons"])
    return Became(
        tried=said["tried"],
        written=counts.written - said["rows"],
        filtered=counts.filtered - said["filtered"],
        dead=counts.dead - said["passed"],
        reasons=_most_first(+still),
    )


def _most_first(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
