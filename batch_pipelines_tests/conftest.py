"""The fixtures that all tests share: a project's home, a PostgreSQL database, a Valkey server."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NoReturn

import pytest
import redis

from batch_pipelines_tests.disposable import disposable_folder
from batch_pipelines_tests.ledgers import made
from batch_pipelines_tests.servers import (
    Database,
    PostgresServer,
    ServerMissing,
    postgres_server,
    valkey_server,
)

SETTINGS = ("BP_DEFS", "BP_FAULTS", "BP_LEDGER_URL", "DAGSTER_HOME")


def pytest_configure(config: pytest.Config) -> None:
    """Give the run, its workers and all that they start one temporary folder, which goes when it ends or is killed.

    pytest's own folder stays where it was: the last three are kept, to be looked at.
    """
    if hasattr(config, "workerinput"):
        return  # a worker of pytest-xdist inherits it
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", tempfile.gettempdir())
    folder = disposable_folder("bp-tests-")
    folder.chmod(0o711)  # PostgreSQL runs as somebody else, and has its folder in it
    os.environ["TMPDIR"] = str(folder)
    tempfile.tempdir = None  # to be worked out again


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the long trials unless `-m` speaks of them.

    Long files come first, so that no worker is left with one of them when the others are done.
    """
    if "soak" not in config.option.markexpr:
        config.hook.pytest_deselected(items=[item for item in items if any(item.iter_markers("soak"))])
        items[:] = [item for item in items if not any(item.iter_markers("soak"))]
    items.sort(key=lambda item: item.path.parent.name not in ("system", "ui") and not any(item.iter_markers("system")))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project home with its data folder; this process and its children use it, whatever was set."""
    folder = tmp_path / "home"
    (folder / "data").mkdir(parents=True)
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BP_HOME", str(folder))
    monkeypatch.setenv("BP_DATA", str(folder / "data"))
    return folder


@pytest.fixture(scope="session")
def blank_ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty SQLite ledger, to be copied (see ledgers.py)."""
    return made(tmp_path_factory.mktemp("ledger"))


@pytest.fixture(scope="session")
def postgres_instance() -> Iterator[PostgresServer]:
    """One PostgreSQL server for the session."""
    with ExitStack() as stack:
        try:
            server = stack.enter_context(postgres_server())
        except ServerMissing as missing:
            cannot(str(missing))
        yield server


@pytest.fixture
def postgres(postgres_instance: PostgresServer) -> Iterator[Database]:
    """A new, empty PostgreSQL database; `.url` is what SQLAlchemy takes."""
    with postgres_instance.database() as database:
        yield database


@pytest.fixture(scope="session")
def valkey_instance() -> Iterator[str]:
    """One Valkey server for the session."""
    with ExitStack() as stack:
        try:
            url = stack.enter_context(valkey_server())
        except ServerMissing as missing:
            cannot(str(missing))
        yield url


@pytest.fixture
def valkey(valkey_instance: str) -> str:
    """The address of an empty Valkey server."""
    with redis.Redis.from_url(valkey_instance) as client:
        client.flushall()
    return valkey_instance


def cannot(reason: str) -> NoReturn:
    """Skips the test; fails it where BP_REQUIRE_ALL says that nothing may be missing."""
    if os.environ.get("BP_REQUIRE_ALL") == "1":
        pytest.fail(f"BP_REQUIRE_ALL is set, but {reason}")
    pytest.skip(reason)
