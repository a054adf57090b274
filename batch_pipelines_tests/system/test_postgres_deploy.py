"""deploy/postgres: Dagster's storage and the ledger on PostgreSQL; the tables come to the same."""

from pathlib import Path

import psycopg2
import pytest

from batch_pipelines_tests.servers import Database, PostgresServer
from batch_pipelines_tests.system.commands import execute_job, run
from batch_pipelines_tests.system.small_project import ROOT, make_project

pytestmark = [pytest.mark.system, pytest.mark.timeout(200)]

DEPLOYED = ROOT / "deploy" / "postgres"


def test_process_data_runs_on_postgresql(postgres_instance: PostgresServer, postgres: Database, tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    config = project.home / "config.yaml"
    config.write_text('partitions: ["2013-01", "2013-02"]\n')
    with postgres_instance.database() as ledger:
        environ = {
            "DAGSTER_HOME": str(DEPLOYED),
            "BP_POSTGRES_HOST": postgres.host,
            "BP_POSTGRES_PORT": str(postgres.port),
            "BP_POSTGRES_DB": postgres.name,
            "BP_POSTGRES_USER": postgres.user,
            "BP_POSTGRES_PASSWORD": "unused: the server trusts",
            "BP_LEDGER_URL": ledger.url,
        }
        first = execute_job(project.home, config, **environ)
        again = execute_job(project.home, config, **environ)
        listed = run(project.home, "bp", "datasets", "flights", **environ).stdout
        assert first.returncode == 0, first.stdout
        assert again.returncode == 0, again.stdout
        assert "2013-02: current, nothing to do" in again.stdout
        assert rows(postgres, "select status, count(*) from runs group by status") == [("SUCCESS", 2)]
        assert rows(ledger, "select count(*) from batches where pipeline = 'flights'") == [(2,)]
        assert listed.count("published") >= 2
    assert project.rows("2013-01", "2013-02") == project.good_rows("2013-01", "2013-02")
    assert not (project.data / "ledger.db").exists()
    assert not list((project.data / "dagster").glob("**/*.db"))
    assert sorted(path.name for path in DEPLOYED.iterdir()) == ["README.md", "dagster.yaml"]


def rows(database: Database, statement: str) -> list[tuple[object, ...]]:
    """What a database answers."""
    connection = psycopg2.connect(host=database.host, port=database.port, user=database.user, dbname=database.name)
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())
    finally:
        connection.close()
