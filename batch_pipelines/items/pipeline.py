"""Item jobs behind one name: plan, work, review. All that Dagster's ops and the command line need of them."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from batch_pipelines.core.clock import Clock, SystemClock
from batch_pipelines.core.errors import BatchFailed
from batch_pipelines.core.lane import Lane, LanePolicy
from batch_pipelines.core.ledger.ledger import Ledger, open_ledger
from batch_pipelines.core.model import Batch, BatchState, Json
from batch_pipelines.core.progress import Progress
from batch_pipelines.core.retry import RetryPolicy
from batch_pipelines.core.settings import Settings
from batch_pipelines.core.workers.local import LocalPool
from batch_pipelines.core.workers.pool import WorkerPool
from batch_pipelines.items.planning import ItemOrder, plan_items
from batch_pipelines.items.sources import stage
from batch_pipelines.items.workload import DEAD_LETTERS, MANIFEST, RESULTS, ItemWorkload, results_folder, work_folder

WORKER_MODULES = ("batch_pipelines.items.work",)


@dataclass(frozen=True, slots=True)
class ItemReport:
    """What an item job came to.

    Attributes:
        processed: Items handed to the function.
        success: Whether every item came back.
        results: The file of results, from the data folder: a line an item, in order, `{"index": …, "result": …}`.
        dead_letters: The file of items that failed, with `error`; None if there are none.
        dead: How many those are.
    """

    processed: int
    success: bool
    results: Path
    dead_letters: Path | None
    dead: int


class Items:
    """Item jobs of one deployment.

    Args:
        settings: Where everything is.
        clock: Time.
        make_pool: Makes the workers of a lane; local processes by default.
    """

    def __init__(
        self, settings: Settings, *, clock: Clock | None = None, make_pool: Callable[[], WorkerPool] | None = None
    ) -> None:
        self.settings = settings
        self._clock = clock or SystemClock()
        self._make_pool = make_pool or (lambda: LocalPool(None, preload=WORKER_MODULES))

    @cached_property
    def ledger(self) -> Ledger:
        """The ledger."""
        return open_ledger(self.settings.ledger_url, self._clock)

    def close(self) -> None:
        """Close the ledger."""
        if "ledger" in self.__dict__:
            self.ledger.close()

    def plan(self, order: ItemOrder) -> Batch:
        """Find or make the batch of an order. It is published already if its results are there.

        Raises:
            ConfigError: The items or the processor cannot be.
            InputError: The file of items cannot be read.
        """
        staged = stage(order.items, self.settings.home, work_folder(self.settings.data))
        return plan_items(order, staged, self.ledger, self.settings.home)

    def work(
        self, batch_id: int, *, report: Callable[[Progress], None] | None = None, wait_for_others: bool = False
    ) -> None:
        """Be one lane of this batch, until nothing waits. See core/lane.py.

        Raises:
            LeaseLost: This process was still for too long; run it again.
        """
        batch = self._batch(batch_id)
        if batch.state is not BatchState.OPEN:
            return
        policy = LanePolicy(retry=RetryPolicy(attempts=batch.plan["attempts"]))
        workload = ItemWorkload(self.settings.data)
        lane = Lane(self.ledger, workload, self._make_pool, clock=self._clock, policy=policy, report=report)
        lane.run([batch_id], wait_for_others=wait_for_others)

    def review(self, batch_id: int) -> ItemReport:
        """What became of a batch.

        Raises:
            BatchFailed: Its results are not there; the message says why.
        """
        batch = self._batch(batch_id)
        if batch.state is not BatchState.PUBLISHED:
            raise BatchFailed([f"{batch.plan['items']} → {batch.plan['processor']}: {batch.state}: {batch.reason}"])
        folder = results_folder(self.settings.data, batch)
        counts: Json = json.loads((folder / MANIFEST).read_text())
        dead = int(counts["dead"])
        letters = folder / DEAD_LETTERS if dead else None
        return ItemReport(int(counts["processed"]), dead == 0, folder / RESULTS, letters, dead)

    def run(self, order: ItemOrder) -> ItemReport:
        """Plan, work and review in one go, in this process.

        Raises:
            BatchFailed: Its results are not there.
        """
        batch = self.plan(order)
        self.work(batch.id, wait_for_others=True)
        return self.review(batch.id)

    def _batch(self, batch_id: int) -> Batch:
        return self.ledger.batches.get([batch_id])[0]
