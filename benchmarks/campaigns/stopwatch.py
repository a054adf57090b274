"""What a loop takes, without imports and preparations."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from benchmarks.measure import Json


def measured(count: int, work: Callable[[], int]) -> Json:
    """Do the work once; return what it took for each of `count`, and what it said."""
    cpu, wall = time.process_time(), time.perf_counter()
    said = work()
    wall_s, cpu_s = time.perf_counter() - wall, time.process_time() - cpu
    return {"said": said, "cpu_us": cpu_s / count * 1e6, "per_s": count / wall_s}


def now() -> datetime:
    """The time that letters bear."""
    return datetime.now(UTC)
