"""The Dagster instance of this deployment: opened once at a time while it is new, and its pool limits.

A SQLite home that two processes open for the first time at once can be spoiled for good, so whatever of ours opens
it takes a file lock meanwhile. The paths in dagster.yaml are relative to the home, so that is the working directory
while an instance of ours is open.
"""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import chdir, contextmanager
from pathlib import Path

import dagster as dg

from batch_pipelines.core.errors import ConfigError
from batch_pipelines.core.settings import Settings
from batch_pipelines.orchestration.policies import POOL_LIMITS

LOCK = Path("dagster") / ".init.lock"


@contextmanager
def open_instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """Open the instance that `DAGSTER_HOME` names, by default the one in the project's home.

    Raises:
        ConfigError: `DAGSTER_HOME` is not a folder, or not an absolute path.
    """
    home = Path(os.environ.setdefault("DAGSTER_HOME", str(settings.home)))
    if not home.is_absolute() or not home.is_dir():
        raise ConfigError(f"DAGSTER_HOME={home} is not the absolute path of a folder; correct or unset it")
    with chdir(settings.home):
        with _alone(settings.data / LOCK):
            instance = dg.DagsterInstance.get()
        with instance:
            yield instance


def prepare_instance(settings: Settings) -> None:
    """Have the instance's databases made, before several processes open it at once."""
    with open_instance(settings) as instance:
        keep_pool_limits(instance)


def keep_pool_limits(instance: dg.DagsterInstance, limits: Mapping[str, int] = POOL_LIMITS) -> dict[str, int]:
    """Set each pool's limit where nobody has set one; return what was set. An operator's limit stays.

    Args:
        instance: The instance.
        limits: Limit by pool.
    """
    storage = instance.event_log_storage
    if not storage.supports_global_concurrency_limits:
        return {}
    chosen = {pool.name for pool in storage.get_pool_limits() if not pool.from_default}
    missing = {name: limit for name, limit in limits.items() if name not in chosen}
    for name, limit in missing.items():
        storage.set_concurrency_slots(name, limit)
    return missing


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
