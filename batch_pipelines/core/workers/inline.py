"""Works tasks in the calling process, when it is asked for endings. No hard limit, no protection from crashes."""

from collections import deque

from batch_pipelines.core.model import Task
from batch_pipelines.core.workers import entry
from batch_pipelines.core.workers.pool import Ending


class InlinePool:
    """See `WorkerPool`."""

    workers = 1

    def __init__(self) -> None:
        self._queue: deque[tuple[int, Task]] = deque()

    def submit(self, ticket: int, task: Task) -> None:
        """See `WorkerPool`."""
        self._queue.append((ticket, task))

    def wait(self, timeout_s: float) -> list[tuple[int, Ending]]:
        """See `WorkerPool`; works one task."""
        del timeout_s
        if not self._queue:
            return []
        ticket, task = self._queue.popleft()
        return [(ticket, entry.run(task.function, task.payload, task.soft_s))]

    def stop(self) -> None:
        """See `WorkerPool`."""
        self._queue.clear()
