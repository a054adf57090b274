"""`bp report` and `bp open`: made here and now, checked, opened, delivered, explained; and the docs' own example."""

import json
import re
from pathlib import Path

import pytest

from batch_pipelines_tests.cli.deployment import Deployment, make_deployment

DOCS = Path(__file__).parents[2] / "docs" / "delivering-reports.md"
FLIGHTS = """
source: in/flights-{%Y-%m}.csv
partitions: {every: month, start: 2013-01, end: 2013-12}
columns: {date: date, carrier: string, flight: int, dest: string, arr_delay: int}
"""
JANUARY = "date,carrier,flight,dest,arr_delay\n2013-01-03,UA,1,LAX,75\n2013-01-04,AA,2,BOS,5\n2013-01-05,UA,3,SFO,130\n"


@pytest.fixture(scope="module")
def flights(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """The example of the docs, over a handful of flights. Tests add to what was made; none takes away."""
    made = make_deployment(tmp_path_factory.mktemp("flights") / "home")
    with pytest.MonkeyPatch.context() as patched:
        patched.delenv("BP_LEDGER_URL", raising=False)
        (made.home / "defs" / "flights").mkdir()
        attributes = FLIGHTS.strip().replace("\n", "\n  ")
        text = f"type: batch_pipelines.components.Dataset\nattributes:\n  {attributes}\n"
        (made.home / "defs" / "flights" / "defs.yaml").write_text(text)
        made.write("flights-2013-01.csv", JANUARY)
        (made.home / "defs" / "late_flights").mkdir()
        (example,) = re.findall(r"```yaml\n(.*?)```", DOCS.read_text(), re.DOTALL)
        (made.home / "defs" / "late_flights" / "defs.yaml").write_text(example)
        made.process("flights")
    return made


def test_a_new_report_is_one_yaml_file_and_the_docs_commands_make_it(flights: Deployment) -> None:
    commands = re.findall(r"^    bp (.* late_flights.*)$", DOCS.read_text(), re.MULTILINE)
    assert len(commands) == 3
    results = [flights.bp(*line.split()) for line in commands]
    assert [result.exit_code for result in results] == [0, 0, 0], [result.output for result in results]
    (opened,) = results[-1].stdout.splitlines()
    assert "/reports/late_flights/2013-01/" in opened
    assert len(Path(opened).read_text().splitlines()) == 3


def test_run_prints_the_files_and_the_same_again_is_unchanged(flights: Deployment) -> None:
    first = flights.bp("report", "run", "late_flights", "-p", "2013-01")
    again = flights.bp("report", "run", "late_flights", "-p", "2013-01")
    assert first.stdout == again.stdout
    assert [Path(line).suffix for line in first.stdout.splitlines()] == [".csv", ".json"]
    assert "Late flights of January 2013 (ready, unchanged)" in again.stderr


def test_without_a_partition_it_is_the_newest_whose_tables_are_there(flights: Deployment) -> None:
    assert "/2013-01/" in flights.bp("report", "preview", "late_flights").stdout


def test_a_preview_lies_apart_from_what_was_made_and_takes_the_place_of_the_last(
    flights: Deployment,
) -> None:
    asked = ("late_flights", "-p", "2013-01")
    made = flights.bp("report", "run", *asked).stdout.splitlines()
    first = flights.bp("report", "preview", *asked).stdout.splitlines()
    assert [line.replace("/reports/.preview/", "/reports/") for line in first] == made
    again = flights.bp("report", "preview", *asked, "--format", "json").stdout.splitlines()
    folder = flights.home / "data" / "reports" / ".preview" / "late_flights"
    left = [file for file in folder.rglob("*") if file.is_file() and file.name != "manifest.json"]
    assert [file.name for file in left] == [Path(line).name for line in again] == ["late_flights.json"]


def test_mail_goes_only_to_who_is_asked_for_and_once_to_each(flights: Deployment) -> None:
    for _ in range(2):
        done = flights.bp("report", "run", "late_flights", "-p", "2013-01", "--to", "me@example.com")
        assert "delivered: email to me@example.com" in done.stderr
    rows = json.loads(flights.bp("report", "deliveries", "late_flights", "--json").stdout)
    assert [(row["recipient"], row["state"], row["attempts"]) for row in rows] == [("me@example.com", "delivered", 1)]
    assert flights.bp("report", "resend", "late_flights", "99").exit_code == 3


def test_a_recipient_who_is_not_allowed_gets_nothing(flights: Deployment) -> None:
    asked = ("report", "run", "late_flights", "-p", "2013-01", "--to", "x@example.net")
    refused = flights.bp(*asked, BP_ALLOWED_RECIPIENTS="example.com")
    assert refused.exit_code == 1
    assert "error: x@example.net is not among the recipients that BP_ALLOWED_RECIPIENTS allows" in refused.stderr


def test_lint_names_file_line_and_key(flights: Deployment) -> None:
    folder = flights.home / "defs" / "broken"
    folder.mkdir()
    good = (flights.home / "defs" / "late_flights" / "defs.yaml").read_text()
    (folder / "defs.yaml").write_text(
        good.replace("arr_delay >= 60", "arr_dely >= 60").replace("[csv]}", "[csv], relay: nowhere}")
    )
    try:
        linted = flights.bp("report", "lint", "broken")
    finally:
        (folder / "defs.yaml").unlink()
    assert linted.exit_code == 1
    assert re.search(r"broken/defs.yaml:\d+: deliver.0.email.relay: there is no relay 'nowhere'", linted.stderr)
    assert re.search(r"broken/defs.yaml:\d+: queries.late: .*arr_dely", linted.stderr)


def test_a_report_that_is_not_there_is_not_found(flights: Deployment) -> None:
    missing = flights.bp("open", "late_flights", "--partition", "2013-09")
    assert missing.exit_code == 3
    assert "late_flights/2013-09 was not made yet" in missing.stderr
    wrong = flights.bp("report", "run", "late_flight")
    assert wrong.exit_code == 1
    assert "there is no report 'late_flight'; did you mean 'late_flights'?" in wrong.stderr


def test_a_window_without_its_data_names_the_command_that_cures_it(flights: Deployment) -> None:
    failed = flights.bp("report", "run", "late_flights", "-p", "2013-02")
    assert failed.exit_code == 1
    assert "flights 2013-02 is not processed; run: bp process flights" in failed.stderr


def test_the_list_shows_windows_and_formats(flights: Deployment) -> None:
    (row,) = json.loads(flights.bp("report", "list", "--json").stdout)
    assert (row["report"], row["every"], row["formats"], row["schedule"]) == (
        "late_flights",
        "month",
        "csv, json",
        "0 6 1 * *",
    )


@pytest.mark.parametrize("wrong", [["--filter", "origin"], ["--nonsense"]])
def test_wrong_usage_is_said(flights: Deployment, wrong: list[str]) -> None:
    assert flights.bp("report", "run", "late_flights", *wrong).exit_code == 2
