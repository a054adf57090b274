"""`bp demo` and `bp backfill`, whole: with real Dagster processes, and for the demo the real flights."""

import json
import shlex
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from batch_pipelines_tests.cli.deployment import ALL_BAD, Deployment, make_deployment

ROOT = Path(__file__).parents[2]

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]


def with_dagster(deployment: Deployment) -> Deployment:
    for name in ("dagster.yaml", "workspace.yaml"):
        shutil.copy(ROOT / name, deployment.home)
    return deployment


@pytest.fixture(scope="module")
def flights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """The repository's own pipelines and samples, in a place of their own."""
    home = tmp_path_factory.mktemp("demo")
    shutil.copytree(ROOT / "data" / "samples", home / "data" / "samples")
    yield with_dagster(Deployment(home, {"BP_HOME": str(home), "BP_DATA": str(home / "data")}))
    shutil.rmtree(home)


def test_the_demo_fails_clearly_goes_on_brings_dead_letters_back_and_then_has_nothing_to_do(
    flights: Deployment,
) -> None:
    may = flights.home / "data" / "samples" / "flights-2013-05.csv.gz"
    whole = may.read_bytes()
    may.write_bytes(whole[:100_000])

    failed = flights.shell("bp demo")

    assert failed.returncode == 1
    assert "error: flights/2013-05: data/samples/flights-2013-05.csv.gz: the gzip file is truncated" in failed.stderr
    assert "all of it is in data/logs/demo.log. Correct it, then bp demo goes on where it stopped" in failed.stderr
    assert failed.stdout == ""

    may.write_bytes(whole)
    done = flights.shell("bp demo")

    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[0].startswith("process_data: 1 partition of flights")
    assert "  0.0 s  starting Dagster" in done.stderr
    assert done.stdout.splitlines()[1:5] == [
        "    336,776  read",
        "    329,174  written",
        "      7,602  dead-lettered",
        "           dest is not in airports.faa: SJU 5,819 · BQN 896 · STT 522 · PSE 365",
    ]
    assert "process_data: 1 partition of airports; Dagster's log: data/logs/demo-airports.log" in done.stderr
    assert "replay_dead_letters: 12 partitions of flights; Dagster's log: data/logs/demo-replay.log" in done.stderr
    assert "asset daily_operations: 2013-02-09; Dagster's log: data/logs/demo-report.log" in done.stderr
    assert "send_emails: punctuality_digest of 2013-06-03; Dagster's log: data/logs/demo-campaign.log" in done.stderr
    lines = done.stdout.splitlines()
    replayed, (closing,) = lines[6:11], [at for at, line in enumerate(lines) if line.startswith("The table lies in ")]
    assert replayed[1:4] == ["    336,776  read", "    336,776  written", "          0  dead-lettered"]
    shown_report, shown_campaign = lines[11:14], lines[14 : closing - 1]
    assert [Path(line).suffix for line in shown_report] == [".pdf", ".xlsx", ".html"]
    assert all((flights.home / line).is_file() for line in shown_report)
    assert shown_campaign[:4] == ["", "        334  sent", "          5  skipped", "        339  total"]
    assert len(list((flights.home / "data" / "mail" / "punctuality_digest" / "2013-06-03").glob("*.eml"))) == 334
    assert runs_in(flights) == [
        ("process_data", "FAILURE"),
        ("process_data", "SUCCESS"),
        ("process_data", "SUCCESS"),
        ("replay_dead_letters", "SUCCESS"),
        ("__ASSET_JOB", "SUCCESS"),
        ("process_data", "SUCCESS"),
        ("send_emails", "SUCCESS"),
    ]
    assert max(map(len, lines)) <= 80
    assert "\x1b" not in done.stdout + done.stderr

    again = flights.shell("time -p bp demo")

    assert again.stderr.splitlines()[:4] == [
        "nothing to do: 12 of 12 partitions are current",
        "nothing to do: every flight goes to an airport that is known",
        "nothing to do: the report of 2013-02-09 is made of the tables as they are",
        "nothing to do: punctuality_digest of 2013-06-03 went out",
    ]
    assert again.stdout.splitlines() == replayed + lines[closing - 1 :]
    spent = dict(line.split() for line in again.stderr.splitlines()[-3:])
    assert float(spent["user"]) + float(spent["sys"]) < 5  # seconds of CPU: the machine may have other work to do

    following = [shlex.split(line) for line in lines[lines.index("Next:") + 1 : -1]]
    assert [command[:2] for command in following] == [
        ["bp", "query"],
        ["bp", "datasets"],
        ["bp", "open"],
        ["bp", "campaign"],
    ]
    for command in following:
        if command[1] != "open":  # it would open a window
            assert flights.bp(*command[1:]).exit_code == 0, command


def runs_in(deployment: Deployment) -> list[tuple[str, str]]:
    """Job and status of every run that the UI shows, in order."""
    with closing(sqlite3.connect(deployment.home / "data" / "dagster" / "history" / "runs.db")) as connection:
        return connection.execute("select pipeline_name, status from runs order by id").fetchall()


def test_a_backfill_is_one_run_a_contiguous_range(tmp_path: Path) -> None:
    orders = with_dagster(make_deployment(tmp_path / "home"))
    orders.write("orders-2024-04.csv", ALL_BAD)

    some = orders.shell("bp backfill orders --from 2024-01 --to 2024-03 --json")

    assert some.returncode == 0, some.stderr
    assert "left out, they have no file: 2024-03" in some.stderr
    (run,) = json.loads(some.stdout)
    assert (run["from"], run["to"], run["partitions"], run["ok"]) == ("2024-01", "2024-02", 2, True)

    rest = orders.shell("bp backfill orders --missing")

    assert rest.returncode == 1
    assert ": orders 2024-04 to 2024-04, 1 partition" in rest.stdout
    assert "error: orders/2024-04: failed: 2 of 2 items are dead letters" in rest.stderr
    assert "error: 1 of 1 runs failed. See bp datasets orders" in rest.stderr
