"""Opening the instance: where it is, one at a time, and its pools."""

import fcntl
import os
import subprocess
import sys
from contextlib import chdir
from pathlib import Path

import dagster as dg
import pytest

from batch_pipelines.core.errors import ConfigError
from batch_pipelines.core.settings import Settings, load_settings
from batch_pipelines.orchestration.instance import LOCK, open_instance, prepare_instance

YAML = """\
telemetry: {enabled: false}
storage: {sqlite: {base_dir: data/dagster}}
local_artifact_storage:
  module: dagster._core.storage.root
  class: LocalArtifactStorage
  config: {base_dir: data/dagster}
"""


@pytest.fixture
def settings(home: Path) -> Settings:
    (home / "dagster.yaml").write_text(YAML)
    return load_settings({"BP_HOME": str(home)}, home)


def test_without_dagster_home_it_is_the_one_of_the_project(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "")  # so that it is restored
    monkeypatch.delenv("DAGSTER_HOME")
    monkeypatch.chdir(tmp_path)
    with open_instance(settings) as instance:
        assert instance.get_runs() == []
        assert os.environ["DAGSTER_HOME"] == str(settings.home)
    assert (settings.home / "data" / "dagster" / "history" / "runs.db").is_file()
    assert Path.cwd() == tmp_path


def test_a_dagster_home_that_cannot_be_is_named(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "relative/path")
    with (
        pytest.raises(ConfigError, match="DAGSTER_HOME=relative/path is not the absolute path of a folder"),
        open_instance(settings),
    ):
        pass


def test_a_new_home_is_opened_by_one_at_a_time(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another holds the lock, opening waits: a child that tries is still waiting when we look."""
    monkeypatch.setenv("DAGSTER_HOME", str(settings.home))
    lock = settings.data / LOCK
    lock.parent.mkdir(parents=True)
    program = (
        "import os, pathlib;from batch_pipelines.core.settings import load_settings;"
        "from batch_pipelines.orchestration.instance import prepare_instance;print('ready', flush=True);"
        "prepare_instance(load_settings(os.environ, pathlib.Path.cwd()))"
    )
    with lock.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        child = subprocess.Popen([sys.executable, "-W", "ignore", "-c", program], stdout=subprocess.PIPE)
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(timeout=1.5)
        assert not (settings.home / "data" / "dagster" / "history").exists()
    assert child.wait(timeout=60) == 0
    child.stdout.close()
    assert (settings.home / "data" / "dagster" / "history" / "runs.db").is_file()


def test_preparing_sets_the_pools_limits(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(settings.home))
    prepare_instance(settings)
    with chdir(settings.home), dg.DagsterInstance.get() as instance:
        limits = {pool.name: pool.limit for pool in instance.event_log_storage.get_pool_limits()}
    assert limits == {"process_data": 10, "generate_report": 2, "send_emails": 5}
