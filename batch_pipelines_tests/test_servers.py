"""The servers that other tests rest on: they start, keep tests apart, and leave nothing behind."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import psycopg2
import pytest
import redis
from dagster import DagsterInstance, job, op
from dagster_postgres import PostgresRunStorage

from batch_pipelines_tests.conftest import cannot
from batch_pipelines_tests.servers import Database, PostgresServer

ROOT = Path(__file__).parents[1]


@op
def nothing() -> None:
    """Does nothing."""


@job
def idle() -> None:
    """One op that does nothing."""
    nothing()


def query(database: Database, statement: str) -> list[tuple[object, ...]]:
    connection = psycopg2.connect(host=database.host, port=database.port, user=database.user, dbname=database.name)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def test_each_test_gets_a_database_of_its_own_that_is_gone_afterwards(
    postgres_instance: PostgresServer,
) -> None:
    with postgres_instance.database() as first, postgres_instance.database() as second:
        query(first, "CREATE TABLE t (a int)")
        assert query(second, "SELECT to_regclass('t')") == [(None,)]
        with postgres_instance.database(template=first.name) as copy:
            assert query(copy, "SELECT count(*) FROM t") == [(0,)]
        names = query(second, "SELECT datname FROM pg_database WHERE datname LIKE 'test%' ORDER BY 1")

    assert {(first.name,), (second.name,)} <= set(names)
    assert (copy.name,) not in names


def test_dagster_keeps_its_runs_in_postgres_with_the_settings_of_deploy(
    postgres: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "HOST": postgres.host,
        "PORT": str(postgres.port),
        "USER": postgres.user,
        "PASSWORD": "none",
        "DB": postgres.name,
    }.items():
        monkeypatch.setenv(f"BP_POSTGRES_{name}", value)
    home = tmp_path / "dagster_home"
    home.mkdir()
    (home / "dagster.yaml").write_bytes((ROOT / "deploy/postgres/dagster.yaml").read_bytes())
    monkeypatch.setenv("DAGSTER_HOME", str(home))

    with DagsterInstance.get() as instance:
        idle.execute_in_process(instance=instance)
        assert isinstance(instance.run_storage, PostgresRunStorage)

    assert query(postgres, "SELECT pipeline_name, status FROM runs") == [("idle", "SUCCESS")]
    assert list(home.iterdir()) == [home / "dagster.yaml"]


def test_dagster_keeps_its_files_under_data_when_it_runs_in_the_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    (tmp_path / "dagster.yaml").write_bytes((ROOT / "dagster.yaml").read_bytes())

    with DagsterInstance.get() as instance:
        idle.execute_in_process(instance=instance)
        assert instance.telemetry_enabled is False
        assert instance.nux_enabled is False

    assert {path.name for path in tmp_path.iterdir()} == {"dagster.yaml", "data"}
    assert (tmp_path / "data/dagster/history/runs.db").is_file()


def test_a_valkey_server_starts_every_test_empty(valkey: str) -> None:
    with redis.Redis.from_url(valkey) as client:
        assert client.dbsize() == 0
        client.set("left", "behind")


def test_a_valkey_server_forgot_what_the_test_before_left(valkey: str) -> None:
    with redis.Redis.from_url(valkey) as client:
        assert client.get("left") is None


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
@pytest.mark.parametrize("server", ["postgres_server", "valkey_server"])
def test_a_server_dies_with_a_test_process_that_is_killed(server: str) -> None:
    program = (
        "import os, signal\n"
        f"from batch_pipelines_tests.servers import {server}\n"
        f"with {server}():\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )

    reading, writing = os.pipe()
    with os.fdopen(writing, "wb"), os.fdopen(reading, "rb") as standard_input:
        killed = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdin=standard_input)
        standard_input.close()
        assert killed.wait() == -signal.SIGKILL
        # The server has that standard input too: the last reader is gone only when the server is.
        ended = select.poll()
        ended.register(writing, 0)
        assert ended.poll(30_000) == [(writing, select.POLLERR)]


def test_what_is_missing_skips_a_test_but_fails_it_where_nothing_may_be_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BP_REQUIRE_ALL", "0")
    with pytest.raises(pytest.skip.Exception, match="no server"):
        cannot("no server")
    monkeypatch.setenv("BP_REQUIRE_ALL", "1")
    with pytest.raises(pytest.fail.Exception, match="no server"):
        cannot("no server")
