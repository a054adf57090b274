"""January of the shipped daily report, 31 days, as one run over the repository's own samples."""

from pathlib import Path
from shutil import copytree

import dagster as dg
import pytest

from batch_pipelines.lake.query import open_tables, run_query
from batch_pipelines.orchestration.report_records import recorded, recorded_partitions
from batch_pipelines_tests.components.report_shop import ReportShop, checked
from batch_pipelines_tests.components.shop import Shop, materialised

ROOT = Path(__file__).parents[3]
DAYS = [f"2013-01-{day:02d}" for day in range(1, 32)]
SHIPPED = ("flights", "airlines", "airports", "planes", "daily_operations")


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """What is shipped, with data of its own; of the report's formats one, for the cost of the others."""
    for name in SHIPPED:
        copytree(ROOT / "batch_pipelines" / "defs" / name, tmp_path / "defs" / name)
    declared = tmp_path / "defs" / "daily_operations" / "defs.yaml"
    text = declared.read_text(encoding="utf-8")
    assert "formats: [pdf, xlsx, html]" in text
    declared.write_text(text.replace("formats: [pdf, xlsx, html]", "formats: [pdf]"), encoding="utf-8")
    environ = {"BP_HOME": str(ROOT), "BP_DATA": str(tmp_path / "data"), "BP_DEFS": str(tmp_path / "defs")}
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    return Shop(ROOT, environ)


@pytest.mark.timeout(240)
def test_a_backfill_of_january_is_one_run_of_31_whole_reports_that_goes_to_nobody(
    shipped: Shop, instance: dg.DagsterInstance
) -> None:
    shipped.process(instance, dataset="flights", partitions=["2013-01"])
    runs = len(instance.get_runs())
    reports = ReportShop(shipped, instance)
    result = reports.run(*DAYS, name="daily_operations")
    assert len(instance.get_runs()) == runs + 1
    assert instance.get_materialized_partitions(dg.AssetKey("daily_operations")) == set(DAYS)
    assert set(checked(result).values()) == {True}
    shown = materialised(result, "daily_operations")
    assert {shown[day]["state"] for day in DAYS} == {"ready"}
    assert {day: shown[day]["Flights"] for day in DAYS} == flights_by_day(shipped)
    assert recorded_partitions(shipped.settings.data, "daily_operations") == DAYS
    (last,) = recorded(shipped.settings.data, "daily_operations", DAYS[-1])
    file = shipped.settings.data / last.manifest.folder / "daily_operations.pdf"
    assert file.read_bytes().startswith(b"%PDF-")
    assert reports.mailed() == []


def flights_by_day(shop: Shop) -> dict[str, int]:
    """What the table says."""
    with open_tables(shop.settings.data, ["flights"]) as connection:
        sql = "select strftime(date, '%Y-%m-%d') as day, count(*) as flights from flights group by date"
        return {row["day"]: row["flights"] for row in run_query(connection, sql).to_pylist()}
