"""Fixtures: a deployment that was processed once for all tests that only look, and a fresh one for the others."""

from pathlib import Path

import pytest

from batch_pipelines_tests.cli.deployment import Deployment, make_deployment

SETTINGS = (
    "BP_DEBUG",
    "BP_FAULTS",
    "BP_LEDGER_URL",
    "COLUMNS",
    "DAGSTER_HOME",
    "FORCE_COLOR",
    "NO_COLOR",
    "TTY_COMPATIBLE",
)


@pytest.fixture(autouse=True)
def _plain_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Commands are run in an empty folder, and nothing of this machine's settings reaches them."""
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """Processed already; tests must not change it."""
    made = make_deployment(tmp_path_factory.mktemp("seen") / "home")
    with pytest.MonkeyPatch.context() as patched:
        patched.delenv("BP_LEDGER_URL", raising=False)
        made.process("orders")
    return made


@pytest.fixture
def fresh(tmp_path: Path) -> Deployment:
    """Nothing is processed yet."""
    return make_deployment(tmp_path / "home")
