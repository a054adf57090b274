"""What a worker does with memory that it has freed: keep it, the next chunk needs as much.

Given back to the system and asked for again, every page is made anew and zeroed: 15,000 of them, and a seventh of the
CPU, for each chunk of a CSV file. So a worker keeps as much as its largest chunk needed, in pages of 2 MiB where there
are such. Linux with glibc; elsewhere nothing is changed.
"""

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

KEEP_BYTES = 64 << 20  # of what is free at the end of the heap
LARGEST_KEPT_BYTES = 32 << 20  # larger blocks are the system's own, and go back at once
_TUNABLES = "GLIBC_TUNABLES"
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


def keep_freed_memory() -> bool:
    """Set up this process and those that it forks; before pyarrow is imported, for the sake of its allocator.

    Returns:
        Whether the C library could be told.
    """
    os.environ.setdefault("MIMALLOC_PURGE_DELAY", "-1")  # Arrow's allocator: never, instead of after 10 ms
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is None:
        return False
    said = mallopt(_M_TRIM_THRESHOLD, KEEP_BYTES), mallopt(_M_MMAP_THRESHOLD, LARGEST_KEPT_BYTES)
    return said == (1, 1)


@contextmanager
def large_pages() -> Iterator[None]:
    """Have processes that are begun meanwhile ask for large pages from their start: later is too late for glibc."""
    before = os.environ.get(_TUNABLES)
    os.environ[_TUNABLES] = ":".join(filter(None, [before, "glibc.malloc.hugetlb=1"]))
    try:
        yield
    finally:
        if before is None:
            del os.environ[_TUNABLES]
        else:
            os.environ[_TUNABLES] = before
