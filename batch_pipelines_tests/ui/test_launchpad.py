"""What a user of the Dagster UI does and sees: launch, watch, look at the table, its checks, its partitions.

With BP_SCREENSHOTS=1 it works on the whole year, and keeps what it saw in docs/ui/.
"""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import policy
from email.parser import BytesParser
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from batch_pipelines_tests.system.dagster_dev import DagsterDev, dagster_dev
from batch_pipelines_tests.system.small_project import ROOT, SAMPLES, SmallProject, flights, make_project

pytestmark = [pytest.mark.ui, pytest.mark.system, pytest.mark.timeout(300)]

KEEP = os.environ.get("BP_SCREENSHOTS") == "1"
WAIT_MS = 60_000
BIG = "2013-07"
DAY = "2013-01-01"
NOTICE = (ROOT / "examples" / "send_notice.yaml").read_text()
PROGRESS = re.compile(r"\d+% · [\d,]+ of [\d,]+ items")


@dataclass
class User:
    """A user before a browser.

    Attributes:
        page: What the browser shows.
        dev: The `dagster dev` behind it.
        project: Its home.
    """

    page: Page
    dev: DagsterDev
    project: SmallProject

    def opens(self, path: str, *sees: str) -> None:
        """Open a page of the UI, and wait until these words are there."""
        self.page.goto(self.dev.url + path)
        for words in sees:
            self.sees(words)

    def sees(self, words: str | re.Pattern[str]) -> None:
        """Wait until these words are there."""
        expect(self.page.get_by_text(words).first).to_be_visible(timeout=WAIT_MS)

    def launches(self) -> str:
        """Press "Launch Run"; the run's id."""
        button = self.page.get_by_role("button", name="Launch Run")
        expect(button).to_be_enabled(timeout=WAIT_MS)
        button.click()
        self.page.wait_for_url("**/runs/*", timeout=WAIT_MS)
        return self.page.url.rsplit("/", 1)[-1].split("?")[0]

    def keeps(self, name: str, *, settle_ms: int = 1500) -> None:
        """Keep a picture for the documentation, once what moves has come to rest."""
        if KEEP:
            self.page.wait_for_timeout(settle_ms)
            self.page.mouse.move(0, 0)
            self.page.screenshot(path=ROOT / "docs" / "ui" / f"{name}.png")


@pytest.fixture(scope="module")
def user(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    project = make_project(tmp_path_factory.mktemp("ui") / "batch_pipelines", rows=10**6 if KEEP else 300)
    project.source(BIG).write_bytes((SAMPLES / f"flights-{BIG}.csv.gz").read_bytes())
    outside: list[str] = []
    errors: list[str] = []
    with dagster_dev(project.home) as dev:
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        context.set_default_timeout(WAIT_MS)
        page = context.new_page()
        page.on("request", lambda request: outside.extend([] if request.url.startswith(dev.url) else [request.url]))
        page.on("pageerror", lambda error: errors.append(str(error)))
        yield User(page, dev, project)
        context.close()
    assert [url for url in outside if not url.startswith(("data:", "blob:"))] == []
    assert errors == []


@pytest.fixture(scope="module")
def first_run(user: User) -> str:
    """The run that the Launchpad launches as it opens, ended well."""
    user.opens("/locations/batch_pipelines/jobs/process_data/playground", "dataset", "No errors")
    expect(user.page.locator(".CodeMirror").first).to_contain_text("flights", timeout=WAIT_MS)
    user.keeps("launchpad")
    run = user.launches()
    user.dev.succeeded(run)
    return run


def test_the_launchpad_opens_on_what_succeeds_and_processes_the_year(user: User, first_run: str) -> None:
    good = sum(len(user.project.good_rows(month)) for month in ("2013-01", BIG))
    assert len(user.project.rows("2013-01", BIG)) == good
    assert user.dev.run(first_run)["tags"]["batch/progress"].startswith("100% · ")


def test_a_wrong_dataset_cannot_be_launched(user: User, first_run: str) -> None:
    user.opens("/locations/batch_pipelines/jobs/process_data/playground", "No errors")
    write_config(user, "dataset: fligths\n")
    user.sees("Value at path root:dataset not in enum type Dataset got fligths")
    expect(user.page.get_by_role("button", name="Launch Run")).to_be_disabled()


def test_progress_is_seen_while_a_run_is_at_work(user: User, first_run: str) -> None:
    user.opens("/locations/batch_pipelines/jobs/process_data/playground", "dataset")
    write_config(user, f"dataset: flights\npartitions: ['{BIG}']\nforce: true\nchunk_size: 16KB\n")
    run = user.launches()
    user.sees(PROGRESS)
    seen = user.dev.run(run)
    user.keeps("run", settle_ms=0)
    assert seen["status"] == "STARTED"
    assert PROGRESS.match(seen["tags"]["batch/progress"])
    user.dev.succeeded(run)
    user.opens("/runs", "process_data", "batch/progress: 100%")
    user.keeps("runs")


def test_the_tables_page_says_what_it_is_and_has(user: User, first_run: str) -> None:
    user.opens("/assets/flights", "Every departure from New York's airports in 2013.", "Row count", "data@example.com")
    user.sees(f"{user.project.count():,}")
    for column in ("dep_delay", "min -120", "Derived: arr_delay < 15"):
        user.sees(column)
    user.keeps("asset")


def test_a_partitions_page_has_rows_reasons_and_chunks(user: User, first_run: str) -> None:
    user.opens("/assets/flights?view=partitions&partition=2013-01", "Materialized", "dagster/partition_row_count")
    read = len(flights("2013-01", 0, 10**6 if KEEP else 300).splitlines()) - 1
    user.sees(f"{read:,} read, {len(user.project.good_rows('2013-01')):,} written")
    for words in ("preview", "reject_reasons", "reference: dest", "chunks", "data/samples/flights-2013-01.csv.gz"):
        user.sees(words)
    user.keeps("partition")
    user.page.get_by_text("[Show Markdown]").first.click()
    user.sees("delay_band")
    user.keeps("preview")


def test_the_checks_have_been_made(user: User, first_run: str) -> None:
    user.opens("/assets/flights?view=checks", "conservation", "reject_rate", "row_count")
    user.sees("every record read was written, filtered or dead-lettered")
    expect(user.page.get_by_role("button", name="Execute all")).to_be_enabled(timeout=WAIT_MS)
    user.keeps("checks")


def test_dead_letters_are_shown_with_line_and_reason(user: User, first_run: str) -> None:
    user.opens("/assets/flights_dead_letters", "not in flights", "reference: dest")
    user.sees(re.compile(r"flights-2013-\d\d\.csv\.gz:\d+"))
    user.keeps("dead_letters")


def test_a_misplaced_file_is_named_by_the_sensor(user: User, first_run: str) -> None:
    (user.project.inbox / "flights-2031-01.csv").write_bytes(b"x\n")
    words = "2031-01 is outside the partitions"
    user.dev.wait_for("the tick", lambda: words in (user.dev.ticks("flights_inbox")[0]["skipReason"] or ""))
    user.opens("/locations/batch_pipelines/sensors/flights_inbox", "Takes files from data/inbox/flights/")
    user.page.get_by_text("0 runs requested").nth(2).click()  # of the newest tick
    user.sees(re.compile(f"flights-2031-01.csv: {words}"))
    user.keeps("sensor")


@pytest.fixture(scope="module")
def report_run(user: User, first_run: str) -> str:
    """A run of the daily report's first day, ended well."""
    run = user.dev.launch("daily_operations_job", {}, partition=DAY)
    user.dev.succeeded(run)
    return run


def test_a_reports_partition_has_its_figures_its_files_and_its_first_page(user: User, report_run: str) -> None:
    user.opens(f"/assets/daily_operations?view=partitions&partition={DAY}", "Daily operations", "Materialized")
    for words in ("Flights", "On time", "Departure delay", "state", "files", "daily_operations.pdf", "sha256"):
        user.sees(words)
    folder = user.project.data / "reports" / "daily_operations" / DAY
    (manifest,) = [json.loads(file.read_text()) for file in folder.glob("*/manifest.json")]
    for file in manifest["files"]:
        user.sees(file["name"])
        user.sees(file["sha256"][:16])
    user.sees(str(manifest["kpis"][0]["value"]))
    user.keeps("report_partition")
    user.page.get_by_text("[Show Markdown]").first.click()
    picture = user.page.get_by_role("img", name=manifest["title"])
    expect(picture).to_be_visible(timeout=WAIT_MS)
    assert picture.evaluate("picture => [picture.naturalWidth, picture.complete]") == [414, True]
    user.keeps("report_preview")
    user.opens("/assets/daily_operations?view=checks", "kpis_in_pdf", "tables_complete")
    user.sees("good in one report")
    user.keeps("report_checks")


def test_a_report_is_made_from_the_launchpad(user: User, report_run: str) -> None:
    user.opens("/locations/batch_pipelines/jobs/generate_report/playground", "type", "No errors")
    write_config(user, f"type: daily_operations\nperiod: '{DAY}'\nfilters: {{origin: JFK}}\nformat: html\n")
    user.sees("No errors")
    run = user.launches()
    user.dev.succeeded(run)
    (answer,) = [found for said in user.dev.messages(run) for found in re.findall(r'\{"report_id".*\}', said)]
    made = json.loads(answer)
    page = Path(made["url"].removeprefix("file://"))
    assert page.is_relative_to(user.project.data / "reports" / "daily_operations" / DAY)
    assert (made["format"], made["size"]) == ("html", page.stat().st_size)
    assert "Airport: <b>JFK</b>" in page.read_text()
    user.sees("Succeeded")


def test_mails_are_sent_from_the_launchpad_and_their_counts_are_seen(user: User) -> None:
    user.opens("/locations/batch_pipelines/jobs/send_emails/playground", "campaign", "No errors")
    write_config(user, NOTICE)
    user.sees("No errors")
    run = user.launches()
    user.dev.succeeded(run)
    user.sees(re.compile(r'"sent": 2, .*"total": 2'))
    user.sees("Succeeded")
    user.keeps("mails")
    mails = (user.project.data / "mail" / "account_notice").glob("*/*.eml")
    received = [BytesParser(policy=policy.default).parsebytes(file.read_bytes()) for file in mails]
    assert sorted(mail["To"] for mail in received) == ["ann@example.com", "bob@example.org"]
    assert {str(mail["Subject"]) for mail in received} == {"Your password was changed"}


def write_config(user: User, text: str) -> None:
    """Replace what stands in the Launchpad's editor."""
    user.page.locator(".CodeMirror").first.click()
    user.page.keyboard.press("Control+A")
    user.page.keyboard.insert_text(text)
