"""How many short tasks a worker is handed at a time: a hand-over costs more than a task of a millisecond.

Nobody is blamed for what a bundle came to: if its worker died, all its tasks are `Lost`, and the next ones go one by
one, so that the guilty one is found alone. A lane without prefetch never has enough tasks waiting for a bundle.
"""

from collections.abc import Sequence

from batch_pipelines.core.workers.pool import Ending, Returned

SHORT_S = 0.005  # on average; longer tasks go one by one
LARGEST = 32
ONE_BY_ONE = 1000  # tasks after an accident
_WEIGHT = 0.1  # of the newest task in the average


class Bundles:
    """Decides the size of bundles by what tasks took lately."""

    def __init__(self) -> None:
        self._typical_s: float | None = None
        self._one_by_one = 0

    def size(self, unfinished: int, workers: int) -> int:
        """Tasks of the next bundle.

        Args:
            unfinished: Tasks that the pool has, begun or not.
            workers: Its workers: each should find a second bundle when it is done with the first.
        """
        if self._one_by_one or self._typical_s is None or self._typical_s > SHORT_S:
            return 1
        return max(1, min(LARGEST, unfinished // (2 * workers)))

    def handed_out(self, tasks: int) -> None:
        """Note that so many tasks went out as one bundle."""
        if tasks == 1 and self._one_by_one:
            self._one_by_one -= 1

    def ended(self, endings: Sequence[Ending]) -> None:
        """Note what tasks took."""
        for ending in endings:
            if isinstance(ending, Returned):
                before = ending.seconds if self._typical_s is None else self._typical_s
                self._typical_s = before + _WEIGHT * (ending.seconds - before)

    def met_an_accident(self) -> None:
        """A bundle's worker died, or was killed."""
        self._one_by_one = ONE_BY_ONE
