"""A temporary folder in memory where there is one: SIGKILL loses nothing of what was written, synced or not."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108


@contextmanager
def memory_folder() -> Iterator[Path]:
    """The folder, until the block ends."""
    made = Path(tempfile.mkdtemp(prefix="bp-sweep-", dir=MEMORY if MEMORY.is_dir() else None))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)
