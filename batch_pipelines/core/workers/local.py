"""Worker processes of this machine, on pebble: hard limits by killing, recycling, a fork server without ballast.

The pool must be made in the main thread: the fork server dies with the *thread* that started it (guard.py).
"""

import os
import queue
import sys
import types
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError, Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import context, forkserver
from typing import Any

from pebble import ProcessExpired, ProcessPool

from batch_pipelines.core.model import Task
from batch_pipelines.core.workers import entry
from batch_pipelines.core.workers.guard import PARENT, guard_worker
from batch_pipelines.core.workers.pool import Died, Ending, Lost, Raised, Returned, TimedOut

RECYCLE_AFTER = 1000
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
        self._endings: queue.SimpleQueue[tuple[int, Ending]] = queue.SimpleQueue()
        self._context = _WorkerContext()
        self._context.set_forkserver_preload([PRELOAD, *preload])
        os.environ[PARENT] = str(os.getpid())
        with _no_main_module():
            forkserver.ensure_running()
        self._pool = self._new_pool()

    def submit(self, ticket: int, task: Task) -> None:
        """See `WorkerPool`."""
        try:
            future = self._schedule(task)
        except (RuntimeError, BrokenProcessPool):  # broken or stopped meanwhile: one fresh start
            self._pool.stop()  # type: ignore[no-untyped-call]
            self._pool = self._new_pool()
            future = self._schedule(task)
        hard_s = task.hard_s or 0.0
        future.add_done_callback(lambda done: self._endings.put((ticket, _ending(done, hard_s))))

    def wait(self, timeout_s: float) -> list[tuple[int, Ending]]:
        """See `WorkerPool`."""
        endings: list[tuple[int, Ending]] = []
        try:
            endings.append(self._endings.get(timeout=timeout_s))
            while True:
                endings.append(self._endings.get_nowait())
        except queue.Empty:
            return endings

    def stop(self) -> None:
        """See `WorkerPool`."""
        self._pool.stop()  # type: ignore[no-untyped-call]
        self._pool.join(timeout=10)

    def _schedule(self, task: Task) -> "Future[Any]":
        arguments = (task.function, dict(task.payload), task.soft_s)
        future: Future[Any] = self._pool.schedule(entry.run, args=arguments, timeout=task.hard_s)
        return future

    def _new_pool(self) -> ProcessPool:
        return ProcessPool(
            max_workers=self.workers,
            max_tasks=self._recycle_after,
            context=self._context,
            initializer=guard_worker,
        )


def _ending(done: "Future[Any]", hard_s: float) -> Ending:
    try:
        error = done.exception()
    except CancelledError:
        return Lost("cancelled")
    if error is None:
        value: Returned | Raised = done.result()
        return value
    if isinstance(error, TimeoutError):
        return TimedOut(hard_s)
    if isinstance(error, ProcessExpired):
        return Died(error.exitcode)
    return Lost(f"{type(error).__name__}: {error}")


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
