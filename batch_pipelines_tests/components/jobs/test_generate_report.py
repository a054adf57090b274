"""The job `generate_report`: flat config in, one file and its result out; the same again is the same bytes."""

from pathlib import Path
from typing import Any, get_args

import dagster as dg
import pytest

from batch_pipelines.components.jobs.flat_config import refusal_of
from batch_pipelines.components.jobs.generate_report import generate_report_job, run_config_model
from batch_pipelines.reporting.declaration.catalog import Catalog
from batch_pipelines.reporting.declaration.delivery import FormatName
from batch_pipelines_tests.components.report_shop import STORES_BURST, ReportShop
from batch_pipelines_tests.components.shop import Shop, failure_text


@pytest.fixture
def reports(shop: Shop, instance: dg.DagsterInstance) -> ReportShop:
    made = ReportShop(shop, instance)
    made.sell("2013-01")
    made.declare()
    return made


def test_the_result_says_what_was_made_and_where_and_the_same_again_is_the_same(reports: ReportShop) -> None:
    first = reports.generate(type="monthly", period="2013-01", format="json")
    result = first.output_for_node("generating")
    assert set(result) == {"report_id", "url", "size", "format", "sha256", "rows"}
    file = Path(result["url"].removeprefix("file://"))
    assert (file.stat().st_size, result["format"], result["rows"]) == (result["size"], "json", 3)
    before = (file.read_bytes(), file.stat().st_mtime_ns)
    again = reports.generate(type="monthly", period="2013-01", format="json")
    assert again.output_for_node("generating") == result
    assert (file.read_bytes(), file.stat().st_mtime_ns) == before
    shown = [event.step_output_data.metadata for event in again.filter_events(lambda event: event.is_successful_output)]
    assert shown[-1]["state"].value == "ready, unchanged"
    assert shown[-1]["report_id"].value == result["report_id"]
    assert reports.mailed() == []


def test_without_a_period_it_is_the_newest_window_whose_tables_are_there(reports: ReportShop) -> None:
    result = reports.generate(format="json").output_for_node("generating")
    assert "/monthly/2013-01/" in result["url"]


def test_a_burst_is_one_report_for_all_or_for_the_filter_that_is_given(reports: ReportShop) -> None:
    reports.declare("stores_month", **STORES_BURST)
    asked: dict[str, Any] = {"type": "stores_month", "format": "json", "period": "2013-01"}
    assert reports.generate(**asked).output_for_node("generating")["rows"] == 3
    assert reports.generate(**asked, filters={"store": "A"}).output_for_node("generating")["rows"] == 2


def test_a_window_that_lacks_its_data_fails_with_the_command_that_cures_it(reports: ReportShop) -> None:
    said = failure_text(reports.generate(type="monthly", period="2013-02", format="json", raises=False))
    assert said.endswith("monthly/2013-02: sales 2013-02 is not processed; run: bp process sales")


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"period": "2013-13"}, "monthly/2013-13: partition '2013-13' is not a month; write for example 2013-01"),
        ({"filters": {"shop": "A"}}, "there is no filter 'shop'; declared: none"),
        ({"locale": "xx_YY", "period": "2013-01"}, "monthly/2013-01: locale: 'xx_YY' is not"),
    ],
)
def test_what_cannot_be_is_named(reports: ReportShop, config: dict[str, Any], said: str) -> None:
    assert said in failure_text(reports.generate(type="monthly", format="json", raises=False, **config))


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"type": "montly"}, "type: 'montly' is not allowed; write 'monthly' or 'weekly'"),
        ({"format": "docx"}, "format: 'docx' is not allowed; write 'pdf', 'xlsx', 'html', 'csv', 'parquet' or 'json'"),
        ({"periode": "2013-01"}, "unknown key 'periode'; did you mean 'period'?"),
        ({"filters": ["A"]}, "filters: "),
    ],
)
def test_wrong_config_gets_one_clear_line(config: dict[str, object], said: str) -> None:
    refusal = refusal_of(run_config_model(["monthly", "weekly"]), config)
    assert refusal is not None
    assert said in refusal
    assert "\n" not in refusal


def test_every_field_has_a_default_and_a_description() -> None:
    fields = run_config_model(["monthly"]).model_fields
    assert set(fields) == {"type", "filters", "format", "period", "locale"}
    assert all(not field.is_required() and field.description for field in fields.values())
    assert fields["format"].default == "pdf"
    assert set(get_args(FormatName)) == {"pdf", "xlsx", "html", "csv", "parquet", "json"}


def test_a_deployment_without_reports_has_no_such_job() -> None:
    assert generate_report_job(Catalog("report", {})) is None
