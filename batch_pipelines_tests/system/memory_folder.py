"""A temporary folder in memory where there is one: SIGKILL loses nothing of what was written, synced or not."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from batch_pipelines_tests.disposable import disposable_folder

MEMORY = Path("/dev/shm")  # noqa: S108


@contextmanager
def memory_folder() -> Iterator[Path]:
    """The folder, until the block ends, or the process."""
    made = Path(tempfile.mkdtemp(prefix="sweep-", dir=_all_of_them()))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


@cache
def _all_of_them() -> Path:
    return disposable_folder("bp-", MEMORY if MEMORY.is_dir() else None)
