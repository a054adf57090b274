"""How far a dataset's batches or a campaign's mails are, as the ledger has them: what another process does.

Pure but for reading the ledger; nothing here draws (progress_bar.py).
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from batch_pipelines.core.mailings import OccurrenceState
from batch_pipelines.core.model import BatchState

if TYPE_CHECKING:
    from batch_pipelines.core.ledger.ledger import Ledger
    from batch_pipelines.core.model import Batch


@dataclass(frozen=True, slots=True)
class Stage:
    """What is being done now.

    Attributes:
        what: For people, e.g. `planning`.
        done: How much of it.
        total: Out of how much; 0 where that is not known.
        unit: What is counted.
        note: What keeps it from going on, if anything does.
    """

    what: str
    done: int = 0
    total: int = 0
    unit: str = ""
    note: str | None = None

    def __str__(self) -> str:
        """`processing: 62% · 208,000 of 336,776 items`."""
        if not self.total:
            return self.what
        return f"{self.what}: {self.percent}% · {self.figures}"

    @property
    def percent(self) -> int:
        """Whole percents done; 100 only when all is done."""
        return 100 if self.done >= self.total else int(100 * self.done / self.total)

    @property
    def figures(self) -> str:
        """`208,000 of 336,776 items`, and the note."""
        if not self.total:
            return self.note or ""
        return " · ".join(filter(None, (f"{self.done:,} of {self.total:,} {self.unit}", self.note)))


STARTING, RECORDING = Stage("starting Dagster"), Stage("recording in Dagster")


class Watch:
    """Tells the stage of a run that another process is about to begin.

    Args:
        ledger: The ledger.
        dataset: The dataset that is processed.
        references: Datasets that may have to be processed before.
        partitions: How many partitions there are to process.
        begin: What is being done until there is a batch.
    """

    def __init__(
        self,
        ledger: "Ledger",
        dataset: str,
        references: Collection[str],
        partitions: int,
        *,
        begin: Stage = STARTING,
    ) -> None:
        self._begin = begin
        self._batches = ledger.batches
        self._chunks = ledger.chunks
        self._dataset = dataset
        self._references = sorted(references)
        self._partitions = partitions
        self._ended_before = {
            batch.id: batch.state
            for name in (dataset, *self._references)
            for batch in self._batches.of_pipeline(name)
            if batch.state is not BatchState.OPEN
        }

    def look(self) -> Stage:
        """Read the ledger."""
        batches = self._moved(self._dataset)
        if not batches:
            first = any(self._moved(name) for name in self._references)
            return Stage("preparing references") if first else self._begin
        counts = self._chunks.counts([batch.id for batch in batches])
        ended = sum(batch.state is not BatchState.OPEN for batch in batches)
        if len(batches) < self._partitions and not counts.chunks_done and not counts.chunks_claimed:
            return Stage("planning", len(batches), self._partitions, "partitions")
        if counts.items_done < counts.items and ended < len(batches):
            return Stage("processing", counts.items_done, counts.items, "items")
        if ended < len(batches):
            return Stage("publishing", ended, len(batches), "partitions")
        return RECORDING

    def _moved(self, dataset: str) -> list["Batch"]:
        """Batches that are new, open, or have changed since the watch began."""
        return [
            batch for batch in self._batches.of_pipeline(dataset) if self._ended_before.get(batch.id) is not batch.state
        ]


class MailWatch:
    """Tells the stage of a run that sends an occurrence of a campaign.

    Args:
        ledger: The ledger.
        campaign: The campaign.
        partition: Its occurrence, which need not be begun.
    """

    def __init__(self, ledger: "Ledger", campaign: str, partition: str) -> None:
        self._ledger = ledger
        self._campaign, self._partition = campaign, partition

    def look(self) -> Stage:
        """Read the ledger."""
        occurrence = self._ledger.occurrences.find(self._campaign, self._partition)
        if occurrence is None:
            return STARTING
        if occurrence.state is OccurrenceState.PREPARING:
            return Stage("choosing recipients")
        counts = self._ledger.recipients.counts(occurrence.id)
        if not counts.unfinished:
            return RECORDING
        return Stage("sending", counts.total - counts.unfinished, counts.total, "recipients")
