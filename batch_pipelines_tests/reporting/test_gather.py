"""Gathering: queries run once, their rows are kept, and the whole has an id."""

import datetime as dt
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from batch_pipelines.core.errors import ConfigError, PermanentError
from batch_pipelines.reporting.model import Gathered, ReportRequest, as_json, from_json
from batch_pipelines_tests.reporting.shop import ORDERS, REPORT, Shop, one_table


def test_rows_of_the_window_are_kept_and_queries_use_each_other(shop: Shop) -> None:
    found = shop.gathered()
    folder = shop.data / found.folder
    expected = [row["id"] for row in ORDERS if row["day"] == dt.date(2024, 3, 2)]
    assert pq.read_table(folder / "day.parquet")["id"].to_pylist() == expected
    assert pq.read_table(folder / "totals.parquet")["orders"].to_pylist() == [10]
    assert (found.start, found.end, found.previous) == ("2024-03-02T00:00:00", "2024-03-03T00:00:00", "2024-03-01")
    assert (found.state, found.rows) == ("ready", {"day": 10, "totals": 1, "by_city": 1})


def test_filters_are_bound_and_hostile_ones_match_nothing(shop: Shop) -> None:
    assert shop.gathered(filters={"city": "Bonn"}).rows["day"] == 10
    assert shop.gathered(filters={"city": "Celle"}).rows["day"] == 0
    shop.declare(REPORT.replace("enum: [Aachen, Bonn, Celle], ", ""))
    assert shop.gathered(filters={"city": "x' or 1=1; drop table day; --"}).rows["day"] == 0


@pytest.mark.parametrize(
    ("filters", "words"),
    [
        ({"city": "Paris"}, "'Paris' is not allowed; write Aachen, Bonn, Celle"),
        ({"town": "Bonn"}, "there is no filter 'town'; declared: city"),
    ],
)
def test_filters_that_are_not_declared_so_are_refused(shop: Shop, filters: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        shop.gathered(filters=filters)


def test_partitions_that_are_none_are_refused(shop: Shop) -> None:
    for partition, words in (
        ("2023-01-01", "outside the partitions"),
        ("soon", "is not a day"),
        (None, "needs a partition, for example 2024-03-01"),
        ("../../etc", "is not a day"),
    ):
        with pytest.raises(ConfigError, match=words):
            shop.gathered(partition)


def test_the_same_again_has_the_same_id_and_another_request_another(shop: Shop) -> None:
    first = shop.gathered()
    assert shop.gathered() == first
    others = [
        shop.gathered("2024-03-01"),
        shop.gathered(formats=("pdf",)),
        shop.gathered(locale="de_DE"),
        shop.gathered(filters={"city": "Bonn"}),
        shop.gathered(key="a"),
    ]
    assert len({first.report_id, *(other.report_id for other in others)}) == 6
    assert others[1].content_sha256 == first.content_sha256


def test_a_new_version_of_a_table_is_a_new_report_of_the_same_content(shop: Shop) -> None:
    first = shop.gathered()
    shop.table("orders", ORDERS)
    second = shop.gathered()
    assert second.report_id != first.report_id
    assert second.content_sha256 == first.content_sha256
    assert [each.version for each in (*first.versions, *second.versions)] == [0, 1]


def test_a_window_without_rows_is_empty_and_says_so(shop: Shop) -> None:
    assert shop.gathered("2024-03-04").state == "empty"


def test_days_begin_in_the_time_zone_of_the_report(shop: Shop) -> None:
    utc = dt.datetime(2024, 3, 1, 22, 59, tzinfo=dt.UTC), dt.datetime(2024, 3, 1, 23, tzinfo=dt.UTC)
    shop.table("moments", [{"moment": each} for each in utc])
    yaml = (
        REPORT.partition("filters:")[0]
        + "queries: {day: select * from moments where moment >= $start and moment < $end}\n"
    )
    shop.declare(yaml + "content:\n  - table: {title: t, data: day}\n")
    found = shop.gathered()
    assert pq.read_table(shop.data / found.folder / "day.parquet")["moment"].to_pylist() == [utc[1]]


def test_wrong_sql_names_file_line_and_key(shop: Shop) -> None:
    shop.declare(REPORT.replace("sum(price) as revenue, avg", "sum(prize) as revenue, avg"))
    with pytest.raises(ConfigError) as caught:
        shop.gathered()
    assert caught.value.line == 10
    assert 'queries.totals: Binder Error: Referenced column "prize" not found' in str(caught.value)


@pytest.mark.parametrize(
    "sql",
    [
        "select * from read_csv('{secret}')",
        "select * from '{secret}'",
        "copy (select 1) to '{secret}'",
        "select 1; drop view orders",
        "set threads = 1",
        "attach '{secret}' as x",
        "install httpfs",
        "select * from read_text('{secret}')",
        "create table x as select 1",
    ],
)
def test_sql_reaches_nothing_but_the_tables(shop: Shop, tmp_path: Path, sql: str) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    shop.declare(
        f"title: t\nqueries:\n  q: |\n    {sql.format(secret=secret)}\ncontent: [{{table: {{title: t, data: q}}}}]"
    )
    with pytest.raises(ConfigError):
        shop.gathered(None)
    assert secret.read_text() == "a\n1\n"
    assert shop.reporting.lint("orders_report") != []


def test_conditions_are_judged_and_wrong_ones_are_errors_not_a_no(shop: Shop) -> None:
    checks = (
        "send_if: select count(*) > 100 from day\nchecks:\n  - select sum(price) > 0 from day\n"
        "  - {sql: select false, name: never, severity: warn}\n"
    )
    shop.declare(REPORT + checks + "max_age: 1h\n")
    found = shop.gathered()
    assert found.send is False
    assert [(each.name, each.passed, each.severity) for each in found.checks] == [
        ("check_1", True, "error"), ("never", False, "warn"), ("max_age", True, "error")
    ]  # fmt: skip
    shop.declare(REPORT + "send_if: select nothing from day\n")
    with pytest.raises(ConfigError, match="send_if"):
        shop.gathered()


def test_old_tables_fail_the_age_check(shop: Shop) -> None:
    shop.declare(REPORT + "max_age: 1h\n")
    shop.clock.advance(10 * 365 * 86400)
    (check,) = shop.gathered().checks
    assert not check.passed
    assert "orders is from" in check.message


def test_what_was_gathered_survives_json(shop: Shop) -> None:
    found = shop.gathered(filters={"city": "Bonn"})
    assert from_json(Gathered, as_json(found)) == found


def test_nothing_is_left_of_a_snapshot_that_failed(shop: Shop) -> None:
    shop.declare(REPORT.replace("select city, count", "select nothing, count"))
    with pytest.raises(ConfigError):
        shop.gathered()
    assert list((shop.data / "reports/.work").iterdir()) == []


def test_a_burst_is_one_request_a_row(shop: Shop) -> None:
    sql = "select distinct city, lower(city) || '@example.com' as mail from orders order by city"
    burst = f'burst: {{query: "{sql}", key: city, filters: {{city: city}}, email: mail}}\n'
    shop.declare(REPORT + burst)
    made = shop.reporting.burst(ReportRequest("orders_report", "2024-03-02"))
    assert [(each.request.key, each.request.filters, each.email) for each in made] == [
        (city, {"city": city}, f"{city.lower()}@example.com") for city in ("Aachen", "Bonn", "Celle")
    ]
    folder = shop.reporting.make(made[1].request).folder
    assert folder.startswith("reports/orders_report/2024-03-02/Bonn/")


@pytest.mark.parametrize("key", ["../../etc", "a/b", "", ".hidden", "x" * 200, "a\nb"])
def test_a_key_that_could_lead_elsewhere_is_refused(shop: Shop, key: str) -> None:
    quoted = key.replace("\n", "' || chr(10) || '")
    shop.declare(
        REPORT
        + f"burst: {{query: \"select '{quoted}' as k, city from orders limit 1\", key: k, filters: {{city: city}}}}\n"
    )
    with pytest.raises(ConfigError, match="cannot name a report of a burst"):
        shop.reporting.burst(ReportRequest("orders_report", "2024-03-02"))


@pytest.mark.parametrize("value", ["timestamp 'infinity'", "date '-infinity'", "date '290000-01-01'"])
def test_a_date_that_nobody_can_show_is_refused_by_name(shop: Shop, value: str) -> None:
    shop.declare(one_table(f"select {value} as due"))
    with pytest.raises(ConfigError, match=r"defs.yaml:6: queries.rows: column 'due' holds a date beyond the years"):
        shop.gathered(None)
    shop.declare(one_table("select date '9999-12-31' as due, {'a': 1} as nested"))
    assert shop.gathered(None).rows == {"rows": 1}


def test_a_report_without_windows_knows_no_start(shop: Shop) -> None:
    shop.declare(one_table("select * from orders where day >= $start"))
    with pytest.raises(ConfigError, match="start"):
        shop.gathered(None)


def test_a_row_of_a_burst_without_a_key_is_refused(shop: Shop) -> None:
    burst = "burst: {query: select null as city, key: city, filters: {city: city}}\n"
    shop.declare(REPORT + burst)
    with pytest.raises(ConfigError, match="burst: its query has a row without 'city'"):
        shop.reporting.burst(ReportRequest("orders_report", "2024-03-02"))


def test_queries_that_take_too_long_are_interrupted_and_leave_nothing(shop: Shop) -> None:
    endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) as orders from n"
    shop.declare(f"title: Endless\nqueries: {{q: '{endless}'}}\ncontent: [{{text: None.}}]\ntimeout: 300ms")

    words = r"ran past their time limit of 0\.3 s; give them more \(timeout: in the YAML\)"
    with pytest.raises(PermanentError, match=words):
        shop.gathered(None)

    assert list((shop.data / "reports" / ".work").iterdir()) == []
