"""Processing behind one name: plan partitions, work batches, review what became of them.

All that Dagster's ops, the `bp` command, the demo and tests need of datasets. Nothing here decides anything.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from batch_pipelines.core.clock import Clock, SystemClock
from batch_pipelines.core.errors import BatchError, BatchFailed, ConfigError
from batch_pipelines.core.lane import Lane, LanePolicy
from batch_pipelines.core.ledger.ledger import Ledger, open_ledger
from batch_pipelines.core.model import Batch, BatchState, Json, Task
from batch_pipelines.core.progress import Progress
from batch_pipelines.core.retry import RetryPolicy
from batch_pipelines.core.settings import Settings
from batch_pipelines.core.workers.local import LocalPool, start_fork_server
from batch_pipelines.core.workers.pool import Lost, Raised, Returned, WorkerPool
from batch_pipelines.lake.delta import table_path, version
from batch_pipelines.processing.declaration.catalog import Catalog, load_catalog
from batch_pipelines.processing.early import worker_modules
from batch_pipelines.processing.export.exporter import Exporter, Exporting
from batch_pipelines.processing.planning.plan import Found, Planner, Request
from batch_pipelines.processing.planning.sourcing import Sources
from batch_pipelines.processing.reports import BatchReport, Planning, failures_of, report_of
from batch_pipelines.processing.sources.inbox import Misfit, misfits
from batch_pipelines.processing.workload import DatasetWorkload

PROBE = "batch_pipelines.processing.working.chunk:probe"
PROBE_LIMIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Overrides:
    """What a run may ask for instead of what the dataset declares. None: as declared.

    Attributes:
        chunk_size: Bytes of a chunk, for batches that are planned by this run.
        attempts: Tries per chunk.
        soft_s: Soft time limit of a chunk, seconds.
        hard_s: Hard time limit of a chunk, seconds.
        workers: Worker processes of a lane; None is one a core.
    """

    chunk_size: int | None = None
    attempts: int | None = None
    soft_s: float | None = None
    hard_s: float | None = None
    workers: int | None = None


class Processing:
    """Datasets of one deployment.

    Args:
        settings: Where everything is.
        clock: Time.
        make_pool: Makes the workers of a lane; local processes by default.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        make_pool: Callable[[], WorkerPool] | None = None,
    ) -> None:
        self.settings = settings
        self._clock = clock or SystemClock()
        self._make_pool = make_pool

    @cached_property
    def catalog(self) -> Catalog:
        """All declared datasets."""
        return load_catalog(self.settings.defs)

    @cached_property
    def ledger(self) -> Ledger:
        """The ledger."""
        return open_ledger(self.settings.ledger_url, self._clock)

    def close(self) -> None:
        """Close the ledger."""
        if "ledger" in self.__dict__:
            self.ledger.close()

    def partitions(self, dataset: str) -> list[str]:
        """Every partition of the dataset that has files now."""
        return self._sources.partitions(self.catalog.entry(dataset).declaration)

    def misfits(self, dataset: str) -> list[Misfit]:
        """What lies in the dataset's inbox and fits no partition: nothing will be done with it."""
        return misfits(self.catalog.entry(dataset).declaration, self.settings.home, self.settings.data)

    def due(self, dataset: str) -> list[str]:
        """The partitions of a query that a schedule asks for: the newest, and all that were never published."""
        there, published = self.partitions(dataset), self.ledger.batches.currents(dataset)
        return [partition for partition in there if partition not in published or partition == there[-1]]

    def plan(
        self,
        dataset: str,
        partitions: Sequence[str] | None = None,
        *,
        force: bool = False,
        root_run: str | None = None,
        overrides: Overrides | None = None,
    ) -> Planning:
        """Find or make the batches of these partitions (None: of all that have files).

        Referenced datasets that have never been processed are processed first.

        Raises:
            ConfigError: There is no such dataset, or no file at all.
            BatchFailed: A referenced dataset could not be processed.
        """
        prepared = self._prepare(dataset, root_run)
        wanted = self.partitions(dataset) if partitions is None else list(dict.fromkeys(partitions))
        if not wanted:
            said = self.catalog.entry(dataset).declaration
            why = "no partition has ended yet" if said.from_sql else f"nothing matches {said.source}"
            msg = f"dataset {dataset!r} has no {'rows' if said.from_sql else 'files'}: {why}"
            raise ConfigError(msg)
        planning = Planning(dataset, [], [], {}, prepared)
        planner = self._planner()
        chunk_size = overrides.chunk_size if overrides else None
        self._expect_work(dataset, wanted)
        for partition in wanted:
            try:
                batch, found = planner.plan(Request(dataset, partition, force, root_run, chunk_size))
            except BatchError as error:
                planning.problems[partition] = str(error)
                continue
            planning.batch_ids.append(batch.id)
            if found is Found.CURRENT:
                planning.current.append(batch.id)
        return planning

    def current(self, dataset: str, partitions: Sequence[str] | None = None) -> dict[str, Batch | None]:
        """For these partitions (None: all with files): the published batch if it is current, None if there is work.

        Reads the files once, to know their content; plans nothing.
        """
        planner = self._planner()
        wanted = self.partitions(dataset) if partitions is None else partitions
        return {partition: planner.current(dataset, partition) for partition in wanted}

    def work(
        self,
        batch_ids: Sequence[int],
        *,
        overrides: Overrides | None = None,
        report: Callable[[Progress], None] | None = None,
        wait_for_others: bool = False,
    ) -> None:
        """Be one lane of these batches, until nothing waits. See core/lane.py.

        Raises:
            LeaseLost: This process was still for too long; run it again.
        """
        asked = overrides or Overrides()
        unfinished = [batch for batch in self.ledger.batches.get(batch_ids) if batch.state is BatchState.OPEN]
        if not unfinished:
            return
        attempts = asked.attempts or max(batch.plan["declaration"]["attempts"] for batch in unfinished)
        workload = DatasetWorkload(self.settings.home, self.settings.data, (asked.soft_s, asked.hard_s))
        lane = Lane(
            self.ledger,
            workload,
            self._make_pool or (lambda: LocalPool(asked.workers, preload=self._worker_modules)),
            clock=self._clock,
            policy=LanePolicy(retry=RetryPolicy(attempts=attempts)),
            report=report,
        )
        lane.run([batch.id for batch in unfinished], wait_for_others=wait_for_others)

    def review(self, batch_ids: Sequence[int]) -> list[BatchReport]:
        """What became of these batches, in order of partition."""
        batches = sorted(self.ledger.batches.get(batch_ids), key=lambda batch: batch.partition)
        return [
            report_of(
                batch, self.ledger.chunks.of_batch(batch.id), self.ledger.chunks.counts([batch.id]), self._clock.now()
            )
            for batch in batches
        ]

    def export(self, dataset: str, partitions: Sequence[str] | None = None) -> Exporting:
        """Have the dataset's targets hold what is published of these partitions (None: of all). What they hold is left.

        Raises:
            ConfigError: There is no such dataset.
        """
        declaration = self.catalog.entry(dataset).declaration
        wanted = list(self.ledger.batches.currents(dataset)) if partitions is None else partitions
        return self._exporter.export(declaration, sorted(wanted))

    def not_exported(self, dataset: str) -> list[str]:
        """A line for each published partition that a target of the dataset does not hold."""
        currents = self.ledger.batches.currents(dataset)
        numbers = {partition: batch.publication for partition, batch in sorted(currents.items())}
        return self._exporter.behind(self.catalog.entry(dataset).declaration, numbers)

    def run(self, dataset: str, partitions: Sequence[str] | None = None, *, force: bool = False) -> list[BatchReport]:
        """Plan, work and review in one go, in this process.

        Raises:
            BatchFailed: Not everything was published; what could be, was.
        """
        planning = self.plan(dataset, partitions, force=force)
        self.work(planning.batch_ids, wait_for_others=True)
        reports = self.review(planning.batch_ids)
        if failures := failures_of(planning, reports):
            raise BatchFailed(failures)
        return reports

    @cached_property
    def _sources(self) -> Sources:
        here = self.settings
        return Sources(here.home, here.data, here.connections, self._clock.now)

    def _planner(self) -> Planner:
        here = self.settings
        return Planner(self.catalog, self.ledger, self._sources, here.home, here.data, self._probe)

    @cached_property
    def _exporter(self) -> Exporter:
        return Exporter(self.settings.home, self.settings.data, self.settings.connections, self._clock)

    @cached_property
    def _worker_modules(self) -> tuple[str, ...]:
        """What the fork server imports once for all workers, of whatever dataset: it can't be told more later."""
        declarations = [entry.declaration for entry in self.catalog.entries.values()]
        return worker_modules(sql=any(each.derive or each.where or each.transform for each in declarations))

    def _expect_work(self, dataset: str, partitions: Sequence[str]) -> None:
        """Let a fork server import what workers need beside the planning, if it looks as if they will be needed."""
        if self._make_pool is not None or threading.current_thread() is not threading.main_thread():
            return
        if not self.ledger.batches.currents(dataset).keys() >= set(partitions):
            start_fork_server(self._worker_modules)

    def _prepare(self, dataset: str, root_run: str | None) -> list[BatchReport]:
        references = {name for name, _ in self.catalog.entry(dataset).declaration.references}
        missing = [name for name in references if version(table_path(self.settings.data, name)) is None]
        reports: list[BatchReport] = []
        for name in self.catalog.order(missing) if missing else []:
            planning = self.plan(name, root_run=root_run)
            self.work(planning.batch_ids, wait_for_others=True)
            done = self.review(planning.batch_ids)
            if failures := failures_of(planning, done):
                raise BatchFailed(failures)
            reports += [*planning.prepared, *done]
        return reports

    def _probe(self, payload: Json) -> Json:
        """Run `work.probe` in a worker: user code may hang or crash."""
        pool = (self._make_pool or (lambda: LocalPool(1, preload=self._worker_modules)))()
        try:
            pool.submit(0, Task(PROBE, payload, PROBE_LIMIT_S, PROBE_LIMIT_S + 10))
            endings = pool.wait(PROBE_LIMIT_S + 60)
        finally:
            pool.stop()
        ending = endings[0][1] if endings else Lost("no answer")
        if isinstance(ending, Returned):
            return dict(ending.value)
        what = ending.message if isinstance(ending, Raised) else str(ending)
        msg = f"{payload['dataset']}: its transform cannot be tried out on the first rows: {what}"
        raise ConfigError(msg)
