"""The page: one file that needs nothing else, and in which no value is code."""

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from batch_pipelines.reporting.render.html_tables import fitting
from batch_pipelines_tests.reporting.shop import REPORT, Shop, one_table


class Page(HTMLParser):
    """What stands in a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def source(shop: Shop, **asked: Any) -> str:
    return shop.file(shop.made(**{"formats": ("html",), **asked}), "html").read_text()


def test_a_page_has_language_title_heads_with_scope_and_words_for_pictures(shop: Shop) -> None:
    text = source(shop)
    page = Page(text)
    assert page.of("html")[0] == {"lang": "en-US", "dir": "ltr"}
    assert "<title>Orders of Saturday, March 2, 2024 · March 2, 2024</title>" in text
    assert {head["scope"] for head in page.of("th")} == {"col", "row"}
    pictures = [each for _, each in page.tags if each.get("role") == "img"]
    assert [str(each["aria-label"])[:25] for each in pictures] == ["Bar chart: Orders by city"]
    assert [len(page.of(level)) for level in ("h1", "h2", "h3")] == [1, 1, 3]


def test_a_page_needs_no_network_and_no_script(shop: Shop) -> None:
    text = source(shop)
    page = Page(text)
    assert page.of("script") == page.of("link") == []
    outside = [
        each
        for each in re.findall(r"(?:src|href)=\"([^\"]*)\"|url\(\"?([^\")]*)", text)
        if not any(part.startswith(("data:", "#", "")) and "://" not in part for part in each)
    ]
    assert outside == []
    assert "default-src 'none'" in text
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text


def test_figures_and_notices_stand_in_the_page(shop: Shop) -> None:
    shop.declare(REPORT.replace("pdf_rows: 5", "html_rows: 3"))
    made = shop.made(formats=("html",))
    text = Page(shop.file(made, "html").read_text()).text
    for words in ("€245.00", "30.0%", "vs March 1, 2024", "First 3 of 10 rows"):
        assert words in text
    assert made.truncated == ["html: Orders: First 3 of 10 rows"]


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        '"><svg onload=alert(1)>',
        "{{ 7 * 7 }}",
        "</style><script>x</script>",
        "javascript:alert(1)",
    ],
)
def test_values_are_never_code(shop: Shop, hostile: str) -> None:
    sql_text = hostile.replace("'", "''")
    chart = "- chart: {title: C, type: bar, data: rows, x: value, y: n}"
    blocks = f"- table: {{title: Rows, data: rows}}\n{chart}\n" + '- text: "{{ rows.value }}"'
    shop.declare(one_table(f"select '{sql_text}' as value, 1 as n", blocks))
    page = Page(source(shop, partition=None))
    assert page.of("script") == page.of("img") == []
    assert all(not name.startswith("on") for _, each in page.tags for name in each)
    assert hostile in page.text


def test_links_lead_to_the_web_only(shop: Shop) -> None:
    blocks = '- text: "[a](https://example.com/?a=1&b=2) [b](javascript:alert(1)) [c](data:text/html,x)"'
    shop.declare(one_table("select 1 as a", blocks))
    assert [each["href"] for each in Page(source(shop, partition=None)).of("a")] == ["https://example.com/?a=1&b=2"]


def test_a_heat_map_has_colours_of_its_own_on_a_dark_screen_and_other_charts_the_pages(shop: Shop) -> None:
    blocks = "- chart: {title: C, type: heatmap, data: rows, x: a, y: n, series: b}"
    shop.declare(one_table("select 1 as a, 'x' as b, 2 as n", blocks))
    text = source(shop, partition=None)
    kinds = re.findall(r'<div class="((?:wide|narrow) (?:light|dark))">', text)
    assert kinds == ["wide light", "wide dark", "narrow light", "narrow dark"]
    assert "plate" not in re.findall(r'role="img"[^>]*>', text)[0]
    shop.declare(one_table("select 1 as a, 2 as n", "- chart: {title: C, type: bar, data: rows, x: a, y: n}"))
    text = source(shop, partition=None)
    assert re.findall(r'<div class="((?:wide|narrow)[^"]*)">', text) == ["wide ", "narrow "]
    assert 'fill="var(--accent)"' in text


def test_a_small_table_is_cards_on_a_phone_and_a_large_one_scrolls_and_says_so(shop: Shop) -> None:
    wide = ", ".join(f"'value {n}' as \"column {n}\"" for n in range(8))
    shop.declare(one_table(f"select {wide} from range(5)"))
    small = source(shop, partition=None)
    assert "scroll sideways" not in small.lower()
    assert small.count('role="row"') == 6
    assert small.count('data-label="Column 7"') == 5
    shop.declare(one_table(f"select {wide} from range(60)"))
    large = source(shop, partition=None)
    assert '<p class="note hint">Scroll sideways for all columns.</p>' in large
    assert "data-label" not in Page(large).text + "".join(str(each) for each in Page(large).of("td"))


@pytest.mark.parametrize(
    ("letters", "cells", "cards", "scrolls"),
    [
        ([3, 5, 5], 30, 0, 0),  # fits everywhere
        ([7, 10, 4, 3, 9, 9, 7], 175, 451, 0),
        ([7, 10, 4, 3, 9, 9, 7], 3500, 0, 451),
        ([20] * 6, 60, 640, 100_000),
        ([12] * 7, 5000, 0, 863),
    ],
)
def test_tables_fit_as_far_as_their_letters_say(letters: list[int], cells: int, cards: int, scrolls: int) -> None:
    assert fitting(letters, cells=cells) == (cards, scrolls)


def test_scripts_from_right_to_left_go_from_right_to_left(shop: Shop) -> None:
    page = Page(source(shop, locale="ar_EG"))
    assert page.of("html")[0] == {"lang": "ar-EG", "dir": "rtl"}
