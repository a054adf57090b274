"""A small project to declare datasets in."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from batch_pipelines.core.faults import arm
from batch_pipelines_tests.processing.datasets import Project
from batch_pipelines_tests.system.memory_folder import MEMORY, memory_folder

ROOM = 1 << 30


@contextmanager
def quick_folder(otherwise: Path) -> Iterator[Path]:
    """A folder where fsync costs nothing, if there is room for one."""
    if not MEMORY.is_dir() or shutil.disk_usage(MEMORY).free < ROOM:
        yield otherwise
        return
    with memory_folder() as folder:
        yield folder


@pytest.fixture
def project(home: Path) -> Iterator[Project]:
    """An empty project whose workers are this process; faults are disarmed afterwards."""
    with quick_folder(home) as folder:
        (folder / "home" / "data").mkdir(parents=True)
        new = Project(folder / "home")
        yield new
        arm("")
        new.processing.close()
