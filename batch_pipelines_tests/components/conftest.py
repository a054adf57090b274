"""Fixtures: a small deployment, a Dagster instance."""

import os
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from batch_pipelines_tests.components.shop import Shop


@pytest.fixture
def shop(home: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    (home / "defs").mkdir()
    monkeypatch.setenv("BP_DEFS", str(home / "defs"))
    return Shop(home, {name: os.environ[name] for name in ("BP_HOME", "BP_DATA", "BP_DEFS")})


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """An instance in memory; one on disk takes seconds to make."""
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def disk_instance() -> Iterator[dg.DagsterInstance]:
    """An instance on disk, for what other processes, pools or re-execution need."""
    with dg.instance_for_test() as made:
        yield made
