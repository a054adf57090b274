"""Worker processes of this machine, on pebble: hard limits by killing, recycling, a fork server without ballast.

The pool must be made in the main thread: the fork server dies with the *thread* that started it (guard.py).
"""

import math
import os
import queue
import sys
import time
import types
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError, Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from multiprocessing import context, forkserver
from typing import Any

from pebble import ProcessExpired, ProcessPool

from batch_pipelines.core.model import Task
from batch_pipelines.core.workers import entry
from batch_pipelines.core.workers.bundles import Bundles
from batch_pipelines.core.workers.guard import PARENT, guard_worker
from batch_pipelines.core.workers.memory import large_pages
from batch_pipelines.core.workers.pool import Died, Ending, Lost, TimedOut

RECYCLE_AFTER = 1000
STUCK_AFTER_S = 30.0  # beyond the hard limit of all that is being worked on
BEGUN_AFTER_S = 15.0  # a worker that is free takes a task within milliseconds, a new fork server's within seconds
PRELOAD = "batch_pipelines.core.workers.preload"


class LocalPool:
    """See `WorkerPool`.

    Args:
        workers: Worker processes; by default one a core.
        preload: Modules to import in the fork server, so that workers have them at once.
        recycle_after: Tasks after which a worker is replaced by a fresh one.
    """

    def __init__(
        self, workers: int | None = None, *, preload: Sequence[str] = (), recycle_after: int = RECYCLE_AFTER
    ) -> None:
        self.workers = workers or os.cpu_count() or 1
        self._recycle_after = recycle_after
        self._waiting: deque[tuple[int, Task]] = deque()
        self._bundles = Bundles()
        self._endings: queue.SimpleQueue[list[tuple[int, Ending]]] = queue.SimpleQueue()
        self._context = start_fork_server(preload)
        self._pool = self._new_pool()
        self._pending: dict[int, float] = {}  # ticket -> hard limit
        self._futures: list[Future[Any]] = []
        self._moved_at = time.monotonic()

    def submit(self, ticket: int, task: Task) -> None:
        """See `WorkerPool`; it is handed out by the next `wait`."""
        if not self._pending:
            self._moved_at = time.monotonic()
        self._pending[ticket] = task.hard_s or math.inf
        self._waiting.append((ticket, task))

    def wait(self, timeout_s: float) -> list[tuple[int, Ending]]:
        """See `WorkerPool`."""
        self._hand_out()
        arrived: list[tuple[int, Ending]] = []
        try:
            arrived += self._endings.get(timeout=timeout_s)
            while True:
                arrived += self._endings.get_nowait()
        except queue.Empty:
            pass
        # what is not pending was given up with a stuck pool
        endings = [(ticket, ending) for ticket, ending in arrived if self._pending.pop(ticket, None) is not None]
        self._futures = [future for future in self._futures if not future.done()]
        if not endings:
            return self._unstick()
        self._moved_at = time.monotonic()
        self._bundles.ended([ending for _, ending in endings])
        return endings

    def stop(self) -> None:
        """See `WorkerPool`."""
        _retire(self._pool)

    def _unstick(self) -> list[tuple[int, Ending]]:
        """Give up a pool in which a worker died with pebble's lock in hand: nothing is begun, or no limit is kept."""
        begun = any(future.running() for future in self._futures)
        limit_s = max(self._pending.values(), default=math.inf) + STUCK_AFTER_S
        if self._pending and not begun:
            limit_s = BEGUN_AFTER_S
        if time.monotonic() - self._moved_at <= limit_s:
            return []
        _retire(self._pool)
        self._pool = self._new_pool()
        lost: list[tuple[int, Ending]] = [(ticket, Lost("the pool was stuck")) for ticket in self._pending]
        self._pending.clear()
        self._futures.clear()
        return lost

    def _hand_out(self) -> None:
        """Pass on all tasks that wait, short ones several at a time."""
        size = self._bundles.size(len(self._pending), self.workers)
        while self._waiting:
            bundle = [self._waiting.popleft() for _ in range(min(size, len(self._waiting)))]
            self._bundles.handed_out(len(bundle))
            try:
                future = self._schedule([task for _, task in bundle])
            except (RuntimeError, BrokenProcessPool):  # broken meanwhile: one fresh start
                _retire(self._pool)
                self._futures.clear()
                self._pool = self._new_pool()
                future = self._schedule([task for _, task in bundle])
            self._futures.append(future)
            future.add_done_callback(partial(self._done, bundle))

    def _schedule(self, tasks: Sequence[Task]) -> "Future[Any]":
        arguments = [(task.function, dict(task.payload), task.soft_s) for task in tasks]
        limits = [task.hard_s for task in tasks if task.hard_s]
        timeout = max(limits) if len(limits) == len(tasks) else None
        future: Future[Any] = self._pool.schedule(entry.run_bundle, args=(arguments,), timeout=timeout)
        return future

    def _done(self, bundle: Sequence[tuple[int, Task]], done: "Future[Any]") -> None:
        """Called in a thread of the pool."""
        endings = _endings(done, [task for _, task in bundle])
        if len(bundle) > 1 and isinstance(endings[0], Lost):
            self._bundles.met_an_accident()
        self._endings.put([(ticket, ending) for (ticket, _), ending in zip(bundle, endings, strict=True)])

    def _new_pool(self) -> ProcessPool:
        return ProcessPool(
            max_workers=self.workers,
            max_tasks=self._recycle_after,
            context=self._context,
            initializer=guard_worker,
        )


def start_fork_server(preload: Sequence[str] = ()) -> context.ForkServerContext:
    """Start the process that forks workers, unless it runs; does not wait for its imports. In the main thread only.

    Args:
        preload: As for `LocalPool`: who knows early that there will be a pool starts it early.
    """
    workers = _WorkerContext()
    workers.set_forkserver_preload([PRELOAD, *preload])
    os.environ[PARENT] = str(os.getpid())
    with _no_main_module(), large_pages():
        forkserver.ensure_running()
    return workers


def _retire(pool: ProcessPool) -> None:
    """Kill the workers (asked politely, each has three seconds to disobey), then let the pool's threads end."""
    pool.stop()  # type: ignore[no-untyped-call]
    for worker in list(pool._pool_manager.worker_manager.workers.values()):  # noqa: SLF001
        worker.kill()
    pool.join()


def _endings(done: "Future[Any]", tasks: Sequence[Task]) -> Sequence[Ending]:
    """How each task of a bundle ended. If the bundle broke, only a task that was alone in it is to blame."""
    try:
        error = done.exception()
    except CancelledError:
        return [Lost("cancelled")] * len(tasks)
    if error is None:
        endings: list[Ending] = done.result()
        return endings
    if len(tasks) == 1 and isinstance(error, TimeoutError):
        return [TimedOut(tasks[0].hard_s or 0.0)]
    if len(tasks) == 1 and isinstance(error, ProcessExpired):
        return [Died(error.exitcode)]
    return [Lost(f"{type(error).__name__}: {error}")] * len(tasks)


@contextmanager
def _no_main_module() -> Iterator[None]:
    """Hide `__main__` while a process is prepared: workers would import it again, Dagster and all."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


class _WorkerProcess(context.ForkServerProcess):
    @staticmethod
    def _Popen(process_obj: Any) -> Any:  # noqa: N802  multiprocessing's own name
        with _no_main_module():
            return context.ForkServerProcess._Popen(process_obj)  # noqa: SLF001


class _WorkerContext(context.ForkServerContext):
    Process = _WorkerProcess
