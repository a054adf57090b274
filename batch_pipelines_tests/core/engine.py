"""A ledger on disk, a workload in memory, and lanes on them, with time turned by hand."""

from batch_pipelines.core.clock import FakeClock
from batch_pipelines.core.lane import Lane, LanePolicy
from batch_pipelines.core.ledger.ledger import Ledger, open_ledger
from batch_pipelines.core.model import Batch
from batch_pipelines.core.progress import Progress
from batch_pipelines.core.retry import RetryPolicy
from batch_pipelines_tests.core.fakes import OK, MemoryWorkload, Script, ScriptedPool, numbers_plan


class Engine:
    """A ledger, a workload and lanes on them."""

    def __init__(self, url: str) -> None:
        self.clock = FakeClock()
        self.ledger: Ledger = open_ledger(url, self.clock)
        self.workload = MemoryWorkload()
        self.progress: list[Progress] = []
        self.pool = ScriptedPool()

    def open(self, *sizes: int, partition: str = "p") -> Batch:
        return self.ledger.batches.open(numbers_plan(*sizes, partition=partition))

    def run(self, *batches: Batch, script: Script = lambda _payload, _time: OK, attempts: int = 3) -> None:
        self.pool = ScriptedPool(script)
        lane = Lane(
            self.ledger,
            self.workload,
            lambda: self.pool,
            clock=self.clock,
            policy=LanePolicy(retry=RetryPolicy(attempts=attempts)),
            report=self.progress.append,
        )
        lane.run([batch.id for batch in batches])

    def now(self, batch: Batch) -> Batch:
        return self.ledger.batches.get([batch.id])[0]
