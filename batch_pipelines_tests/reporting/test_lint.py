"""Problems that can be known before a run: each with file, line, key and what there is."""

import pytest

from batch_pipelines_tests.reporting.shop import REPORT, Shop


def test_a_report_that_is_right_has_no_problems(shop: Shop) -> None:
    assert shop.reporting.lint("orders_report") == []


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("sum(price) as revenue, avg", "sum(prize) as revenue, avg", 10, "queries.totals: Binder Error"),
        ("select city, count(*)", "selec city, count(*)", 11, "queries.by_city: Parser Error"),
        ("from orders where", "from ordres where", 9, "queries.day: table 'ordres' holds nothing yet"),
        ("totals.late, format", "totals.latest, format", 17, "kpis[2].value: query 'totals' has no column 'latest'"),
        ("x: city, y: orders", "x: town, y: orders", 18, "chart.x: query 'by_city' has no column 'town'"),
        ("totals: [orders, revenue]", "totals: [profit]", 19, "table.totals: query 'by_city' has no column 'profit'"),
        ("{{ totals.late |", "{{ total.late |", 21, "text: there is no variable 'total'; did you mean 'totals'?"),
        ("{{ totals.late |", "{{ totals.latest |", 21, "has no attribute 'latest'"),
        ("date('full')", "dates('full')", 3, "title: template, line 1: No filter named 'dates'"),
        ("Orders by city", "Orders by 北京", 18, "chart.title: the font"),
        ("label: Orders,", "label: 北京,", 15, "kpis[0].label: the font Source Sans Pro has no '京'"),
        ("data_sheets: [day]", "send_if: select nothing from day", 22, "send_if: Binder Error"),
        ("data_sheets: [day]", "checks: [select nothing from day]", 22, "checks[0]"),
    ],
)  # fmt: skip
def test_each_problem_names_file_line_and_key(shop: Shop, old: str, new: str, line: int, words: str) -> None:
    assert old in REPORT
    shop.declare(REPORT.replace(old, new))
    found = shop.reporting.lint("orders_report")
    assert any(words in each for each in found), found
    (first,) = [each for each in found if words in each][:1]
    assert f"defs/orders_report/defs.yaml:{line}: " in first


def test_several_problems_are_told_at_once(shop: Shop) -> None:
    shop.declare(
        REPORT.replace("sum(price) as revenue, avg", "sum(prize), avg").replace("x: city, y: orders", "x: a, y: b")
    )
    assert len(shop.reporting.lint("orders_report")) >= 3
