"""Runs of a report in Dagster: its steps, what they log, what is checked, who gets it and who does not."""

from pathlib import Path
from shutil import copytree

import dagster as dg
import pytest

from batch_pipelines.core.errors import ConfigError
from batch_pipelines.orchestration.report_checking import check_reports
from batch_pipelines_tests.components.report_shop import STORES_BURST, ReportShop, checked, steps
from batch_pipelines_tests.components.shop import MONTHS, Shop, failure_text, materialised

PASSED = dict.fromkeys(("files", "opens", "kpis_in_pdf", "rows", "letters", "tables_complete"), True)


@pytest.fixture(scope="module")
def sold(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which two months were sold, to be copied: processing them costs a second."""
    home = tmp_path_factory.mktemp("sold")
    with pytest.MonkeyPatch.context() as patched, dg.DagsterInstance.ephemeral() as instance:
        environ = {"BP_HOME": str(home), "BP_DATA": str(home / "data"), "BP_DEFS": str(home / "defs")}
        for name, value in environ.items():
            patched.setenv(name, value)
        ReportShop(Shop(home, environ), instance).sell("2013-01", "2013-02")
    return home


@pytest.fixture
def reports(shop: Shop, instance: dg.DagsterInstance, sold: Path) -> ReportShop:
    copytree(sold, shop.home, dirs_exist_ok=True)
    return ReportShop(shop, instance)


def test_a_run_gathers_processes_generates_checks_and_delivers(reports: ReportShop) -> None:
    reports.declare(formats=["pdf", "json"])
    result = reports.run("2013-01")
    order = ["monthly.gathering_data", "monthly.processing", "monthly.generating", "monthly_checks", "monthly_delivery"]
    assert steps(result) == order
    assert checked(result) == PASSED
    shown = materialised(result, "monthly")["2013-01"]
    assert (shown["title"], shown["state"], shown["Sales"]) == ("Sales of January 2013", "ready", 6)
    assert shown["preview"].startswith("![Sales of January 2013](data:image/png;base64,")
    assert len(shown["preview"]) < 30_000
    assert [row.data["file"] for row in shown["files"].records] == ["monthly.pdf", "monthly.json"]
    assert materialised(result, "monthly_delivery")["2013-01"]["delivered"] == 2
    assert reports.mailed() == ["boss@example.com", "desk@example.com"]
    mail = reports.mails()[0]
    assert mail["Subject"] == "Sales of January 2013"
    assert [part.get_filename() for part in mail.iter_attachments()] == ["monthly.json"]
    assert "Sales: 6" in str(mail.get_body())


def test_the_same_again_makes_the_same_bytes_says_so_and_mails_nobody(reports: ReportShop) -> None:
    reports.declare()
    reports.run("2013-01")
    before = reports.made("2013-01")[0].manifest.files
    shown = materialised(reports.run("2013-01"), "monthly")["2013-01"]
    assert shown["state"] == "ready, unchanged"
    assert reports.made("2013-01")[0].manifest.files == before
    assert len(reports.mailed()) == 2


def test_a_backfill_of_a_year_is_one_run_and_delivers_only_if_asked(reports: ReportShop) -> None:
    reports.sell(*MONTHS)
    reports.declare()
    runs = len(reports.instance.get_runs())
    result = reports.run(*MONTHS)
    assert len(reports.instance.get_runs()) == runs + 1
    assert set(materialised(result, "monthly")) == set(MONTHS)
    why = materialised(result, "monthly_delivery")["2013-07"]["not_delivered_because"]
    assert why.startswith("a backfill delivers only if it is asked to")
    assert reports.mailed() == []
    reports.run("2013-01", "2013-02", tags={"batch/deliver": "true"})
    assert len(reports.mailed()) == 4


def test_a_check_that_fails_keeps_the_report_from_everybody(reports: ReportShop) -> None:
    reports.declare(checks=[{"name": "enough", "sql": "select sales > 100 from totals"}])
    result = reports.run("2013-01", raises=False)
    assert not result.success
    assert checked(result) == {**PASSED, "enough": False}
    assert "monthly_delivery" not in steps(result)
    assert reports.mailed() == []


def test_a_check_that_warns_keeps_it_from_nobody(reports: ReportShop) -> None:
    reports.declare(checks=[{"name": "enough", "sql": "select sales > 100 from totals", "severity": "warn"}])
    assert not checked(reports.run("2013-01"))["enough"]
    assert len(reports.mailed()) == 2


def test_a_window_whose_tables_lack_a_partition_is_partial_and_goes_to_nobody(reports: ReportShop) -> None:
    reports.declare()
    result = reports.run("2013-03", raises=False)
    shown = materialised(result, "monthly")["2013-03"]
    assert (shown["state"], shown["notices"]) == ("partial", "- sales 2013-03 is not processed")
    assert not checked(result)["tables_complete"]
    assert reports.mailed() == []


def test_a_table_that_was_never_processed_is_named_with_the_command_that_cures_it(
    shop: Shop, instance: dg.DagsterInstance
) -> None:
    shop.declare_sales()
    reports = ReportShop(shop, instance)
    reports.declare()
    said = failure_text(reports.run("2013-01", raises=False))
    assert said == "monthly: sales has not been processed; run: bp process sales"


def test_a_partition_that_fails_is_named_and_the_others_are_there(reports: ReportShop) -> None:
    sold = "select * exclude id, cast(case when $start < '2013-02-01' then 'x' else '1' end as int) as id from sales"
    totals = "select count(*) as sales, sum(amount) as amount from sold"
    reports.declare(queries={"sold": sold, "totals": totals})
    result = reports.run("2013-01", "2013-02", raises=False)
    assert "1 of 2 partitions of monthly failed:\n  monthly/2013-01: " in failure_text(result)
    assert reports.instance.get_materialized_partitions(dg.AssetKey("monthly")) == {"2013-02"}


@pytest.mark.parametrize(
    ("rule", "mails", "because"),
    [("send", 2, None), ("skip", 0, "empty, and on_empty is skip"), ("notify", 2, None)],
)
def test_an_empty_report_goes_where_its_yaml_says(
    reports: ReportShop, rule: str, mails: int, because: str | None
) -> None:
    totals = "select count(*) as sales, sum(amount) as amount from sold"
    reports.declare(queries={"sold": "select * from sales where false", "totals": totals}, on_empty=rule)
    result = reports.run("2013-01")
    assert materialised(result, "monthly")["2013-01"]["state"] == "empty"
    assert materialised(result, "monthly_delivery")["2013-01"].get("not_delivered_because") == because
    assert len(reports.mails()) == mails
    attached = [part for mail in reports.mails() for part in mail.iter_attachments()]
    assert len(attached) == (2 if rule == "send" else 0)
    if rule == "notify":
        assert "There was nothing to report." in str(reports.mails()[0].get_body())


def test_an_empty_report_fails_where_it_may_not_be(reports: ReportShop) -> None:
    queries = {"sold": "select * from sales where false", "totals": "select 1 as sales, 1 as amount"}
    reports.declare(queries=queries, on_empty="fail")
    assert "monthly/2013-01: it is empty, and on_empty is fail" in failure_text(reports.run("2013-01", raises=False))


def test_send_if_holds_a_report_back_and_an_error_in_it_is_no_no(reports: ReportShop) -> None:
    reports.declare(send_if="select sales > 100 from totals")
    shown = materialised(reports.run("2013-01"), "monthly_delivery")["2013-01"]
    assert shown["not_delivered_because"] == "send_if says no"
    reports.declare(send_if="select cast('x' as int) > 0 from totals")
    result = reports.run("2013-02", raises=False)
    assert not result.success
    assert "send_if" in failure_text(result)
    assert reports.mailed() == []


def test_figures_that_are_the_same_as_last_time_are_not_sent_again(reports: ReportShop) -> None:
    always = {"sold": "select count(*) as n from sales", "totals": "select n as sales, n as amount from sold"}
    reports.declare(queries=always, only_if_changed=True)
    reports.run("2013-01")
    shown = materialised(reports.run("2013-02"), "monthly_delivery")["2013-02"]
    assert shown["not_delivered_because"] == "unchanged since it was delivered last"
    assert len(reports.mailed()) == 2


def test_a_burst_is_a_report_for_each_row_each_to_its_own_recipient(reports: ReportShop) -> None:
    reports.declare(**STORES_BURST)
    result = reports.run("2013-01")
    assert materialised(result, "monthly")["2013-01"]["reports"] == 2
    assert [report.manifest.key for report in reports.made("2013-01")] == ["A", "B"]
    assert [report.manifest.kpis[0].value for report in reports.made("2013-01")] == [4, 2]
    assert reports.mailed() == ["a@example.com", "b@example.com"]


def test_a_file_that_was_changed_afterwards_fails_its_check(reports: ReportShop) -> None:
    reports.declare()
    reports.run("2013-01")
    (report,) = reports.made("2013-01")
    assert [str(finding) for finding in check_reports([report], reports.shop.settings.data) if finding.wrong] == []
    (reports.shop.settings.data / report.manifest.folder / report.manifest.files[0].name).write_text("{}")
    wrong = {each.check: str(each) for each in check_reports([report], reports.shop.settings.data) if each.wrong}
    assert wrong["files"] == "2013-01: missing or changed: monthly.json"
    assert wrong["opens"] == "2013-01: was not looked at, for a file is missing or changed"


def test_a_recipient_who_is_not_allowed_is_refused_as_definitions_load(
    reports: ReportShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    reports.declare()
    monkeypatch.setenv("BP_ALLOWED_RECIPIENTS", "example.org, boss@example.com")
    with pytest.raises(ConfigError, match=r"monthly/defs.yaml:\d+: desk@example.com is not among the recipients"):
        reports.shop.definitions()


def test_a_report_may_not_be_called_as_a_dataset(reports: ReportShop) -> None:
    reports.declare("sales_again", name="sales")
    with pytest.raises(ConfigError, match=r"the name 'sales' is taken by dataset 'sales'; give this report another"):
        reports.shop.definitions()


def test_sql_that_is_none_is_refused_with_its_line(reports: ReportShop) -> None:
    reports.declare(queries={"sold": "selec 1", "totals": "select 1 as sales, 2 as amount"})
    with pytest.raises(ConfigError, match=r"monthly/defs.yaml:\d+: queries.sold: Parser Error: syntax error"):
        reports.shop.definitions()


def test_a_table_that_is_no_dataset_is_refused_with_the_nearest(reports: ReportShop) -> None:
    reports.declare(queries={"sold": "select * from sale", "totals": "select 1 as sales, 2 as amount"})
    with pytest.raises(ConfigError, match=r"queries: there is no dataset 'sale'; did you mean 'sales'\?"):
        reports.shop.definitions()


def test_its_schedule_runs_by_default_and_says_today_that_there_is_no_partition(reports: ReportShop) -> None:
    reports.declare(schedule="0 6 1 * *")
    sensor = reports.shop.definitions().resolve_sensor_def("monthly_schedule")
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
    with dg.build_sensor_context(instance=reports.instance) as context:
        data = sensor.evaluate_tick(context)
    assert data.run_requests == []
    assert data.skip_message == "no partition: sales ends 2013-12-31"


def test_the_declared_attempts_are_the_tries_of_each_step(reports: ReportShop) -> None:
    reports.declare(attempts=5)
    job = reports.shop.job("monthly_job")
    policies = {node.name: node.retry_policy for node in job.all_node_defs if isinstance(node, dg.OpDefinition)}
    steps = [policies[f"monthly_{step}"] for step in ("gathering_data", "processing", "generating")]
    assert [each and each.max_retries for each in steps] == [4, 4, 4]
