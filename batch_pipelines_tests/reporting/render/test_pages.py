"""What stands on which page: small tables and charts stay whole, tall charts fit, nothing is cut off."""

import pypdfium2
import pytest

from batch_pipelines.reporting.render.pdf_layout import chart_share, layout
from batch_pipelines_tests.reporting.shop import Shop, one_table


def pages_of(shop: Shop, attributes: str) -> list[str]:
    shop.declare(attributes)
    file = shop.file(shop.made(None, formats=("pdf",)), "pdf")
    with pypdfium2.PdfDocument(file) as opened:
        return [page.get_textpage().get_text_bounded() for page in opened]


def test_a_small_table_stands_on_one_page_with_its_title(shop: Shop) -> None:
    blocks = "\n".join(
        f"- table: {{title: Filler, data: rows, pdf_rows: {rows}}}\n- table: {{title: Small, data: few}}"
        for rows in (20, 26, 31, 35)
    )
    yaml = one_table("select i from range(40) r(i)", blocks).replace(
        "queries:", "queries:\n  few: select 'first' as a union all select 'second' union all select 'last'"
    )
    pages = pages_of(shop, yaml)
    assert len(pages) > 1
    for page in pages:
        assert page.count("Small") == page.count("first") == page.count("last")


def test_a_chart_of_many_bars_fits_onto_a_page(shop: Shop) -> None:
    chart = "- chart: {title: Many, type: hbar, data: rows, x: name, y: n}"
    *_, page = pages_of(shop, one_table("select 'bar ' || i as name, i as n from range(80) r(i)", chart))
    assert "bar 0" in page
    assert "bar 79" in page


def test_a_report_may_begin_with_a_table_or_a_chart(shop: Shop) -> None:
    chart = "- chart: {title: First, type: bar, data: rows, x: i, y: i}"
    table = "- table: {title: First, data: rows}"
    for block in (chart, table):
        shop.declare(one_table("select i from range(3) r(i)", block))
        assert shop.made(None, formats=("pdf",)).warnings == []


@pytest.mark.parametrize(("ratio", "flipped", "half", "whole"), [
    (0.5, False, False, True), (1.3, False, False, True), (1.5, False, False, False),
    (0.8, True, False, False), (1.5, False, True, True),
])  # fmt: skip
def test_only_a_chart_taller_than_a_page_is_made_smaller(ratio: float, flipped: bool, half: bool, whole: bool) -> None:  # noqa: FBT001 - cases
    assert (chart_share(ratio, "a4", flipped=flipped, half=half) == 1.0) is whole


def test_heads_and_texts_are_broken_into_lines_before_columns_are_left_out() -> None:
    plan = layout([20] * 20, [6] * 20, [False] * 20, [None] * 20, "a4", flipped=False)
    assert plan.shown == 20
    assert plan.landscape
    assert plan.across == pytest.approx(sum(plan.inner) + 19 * 2 * plan.gap)
