"""A small project to declare datasets in."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from batch_pipelines.core.faults import arm
from batch_pipelines_tests.processing.datasets import Project


@pytest.fixture
def project(home: Path) -> Iterator[Project]:
    """An empty project whose workers are this process; faults are disarmed afterwards."""
    new = Project(home)
    yield new
    arm("")
    new.processing.close()
