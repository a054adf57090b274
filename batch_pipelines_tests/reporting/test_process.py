"""Processing: rows become one document in the reader's language."""

import pyarrow.parquet as pq
import pytest

from batch_pipelines.core.errors import ConfigError
from batch_pipelines.reporting.document import Document, KpiBlock, TableBlock, TextBlock
from batch_pipelines.reporting.model import as_json, from_json
from batch_pipelines.reporting.text import paragraphs
from batch_pipelines_tests.reporting.shop import REPORT, Shop, one_table


def kpis(document: Document) -> list[tuple[str, str, str | None]]:
    return [(item.label, item.text, item.change) for item in document.kpis]


def tables(document: Document) -> list[TableBlock]:
    return [block for block in document.blocks if isinstance(block, TableBlock)]


def test_a_document_says_what_when_and_as_of(shop: Shop) -> None:
    made = shop.document(filters={"city": "Bonn"})
    assert (made.title, made.period, made.filters) == (
        "Orders of Saturday, March 2, 2024", "March 2, 2024", [("City", "Bonn")]
    )  # fmt: skip
    assert made.as_of.startswith("Data as of ")
    assert [block.kind for block in made.blocks] == ["heading", "kpis", "chart", "table", "table", "text"]


def test_figures_are_compared_with_the_window_before(shop: Shop) -> None:
    made = shop.document("2024-03-02")
    assert kpis(made) == [
        ("Orders", "10", "0.0%"), ("Revenue", "€245.00", "−7.5%"), ("Late", "30.0%", None)
    ]  # fmt: skip
    block = made.blocks[1]
    assert isinstance(block, KpiBlock)
    assert block.against == "vs March 1, 2024"


def test_without_a_window_before_it_says_so_in_place_of_changes(shop: Shop) -> None:
    made = shop.document("2024-03-01", locale="de_DE")
    assert [change for _, _, change in kpis(made)] == [None, None, None]
    block = made.blocks[1]
    assert isinstance(block, KpiBlock)
    assert block.against == "Kein früherer Zeitraum zum Vergleich."


def test_an_empty_window_says_so_and_its_figures_are_dashes(shop: Shop) -> None:
    made = shop.document("2024-03-04")
    assert kpis(made)[1:] == [("Revenue", "–", "–"), ("Late", "–", None)]
    assert made.state == "empty"
    first = made.blocks[0]
    assert isinstance(first, TextBlock)
    assert first.paragraphs[0].runs[0].text == "Nothing to report for this period."


def test_the_documents_own_words_are_the_locales(shop: Shop) -> None:
    made = shop.document(locale="de_DE")
    assert (made.title, made.period) == ("Orders of Samstag, 2. März 2024", "2. März 2024")
    assert kpis(made)[1][1] == "245,00\xa0€"
    assert made.as_of.startswith("Datenstand: ")
    assert made.filters == [("City", "alle")]


def test_a_document_survives_json(shop: Shop) -> None:
    made = shop.document()
    assert from_json(Document, as_json(made)) == made


def test_tables_are_turned(shop: Shop) -> None:
    sql = "select * from (values ('a', 'x', 1), ('a', 'y', 2), ('b', 'x', 3), ('b', 'x', 4)) t(k, c, v)"
    shop.declare(
        one_table(sql, "- table: {title: T, data: rows, pivot: {rows: k, columns: c, values: v}, totals: [x]}")
    )
    made = shop.document(None)
    (block,) = tables(made)
    found = pq.read_table(shop.data / shop.gathered(None).folder / block.data)
    assert found.to_pylist() == [{"k": "a", "x": 1, "y": 2}, {"k": "b", "x": 7, "y": None}]
    assert [(column.name, column.total) for column in block.columns] == [("k", None), ("x", 8), ("y", None)]


def test_tables_are_compared_with_the_window_before(shop: Shop) -> None:
    compared = "- table: {title: Cities, data: by_city, compare: {by: city, columns: [orders, revenue]}}"
    sql = "select 'all' as city, count(*) as orders, sum(price) as revenue from day"
    yaml = REPORT.replace("- table: {title: Cities, data: by_city, totals: [orders, revenue]}", compared)
    shop.declare(
        yaml.replace("select city, count(*) as orders, sum(price) as revenue from day group by city order by city", sql)
    )
    block = tables(shop.document("2024-03-02"))[0]
    assert [column.name for column in block.columns] == ["city", "orders", "orders_change", "revenue", "revenue_change"]
    rows = pq.read_table(shop.data / shop.gathered("2024-03-02").folder / block.data).to_pylist()
    assert rows == [
        {
            "city": "all",
            "orders": 10,
            "revenue": 245.0,
            "orders_change": 0.0,
            "revenue_change": pytest.approx(-20 / 265),
        }
    ]
    assert block.note == "Δ: vs March 1, 2024"
    first = shop.document("2024-03-01")
    kept = pq.read_table(shop.data / shop.gathered("2024-03-01").folder / tables(first)[0].data)
    assert kept["orders_change"].to_pylist() == [None]


def test_text_knows_a_little_markdown_and_nothing_else() -> None:
    found = paragraphs(
        "A **b** *c* [d](https://example.com) <i>e</i> `f`\n\n- one\n- \\*two\\*\nlast [x](javascript:alert(1))"
    )
    assert [[(run.text, run.bold, run.italic, run.href) for run in each.runs] for each in found] == [
        [
            ("A ", False, False, None), ("b", True, False, None), (" ", False, False, None),
            ("c", False, True, None), (" ", False, False, None), ("d", False, False, "https://example.com"),
            (" <i>e</i> `f`", False, False, None),
        ],
        [("one", False, False, None)],
        [("*two*", False, False, None)],
        [("last [x](javascript:alert(1))", False, False, None)],
    ]  # fmt: skip
    assert [each.bullet for each in found] == [False, True, True, False]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("totals.late, format", "totals.latest, format", "content.*kpis.*has no column 'latest'"),
        ("{{ totals.orders }}", "{{ totals.ordered }}", "content.*text.*no attribute 'ordered'"),
        ("x: city, y: orders", "x: town, y: orders", "town"),
        ("totals: [orders, revenue]", "totals: [profit]", "no column 'profit'"),
        ("totals: [orders, revenue]", "totals: [city]", "has no sum"),
    ],
)
def test_a_block_that_does_not_fit_names_file_line_and_key(shop: Shop, old: str, new: str, words: str) -> None:
    shop.declare(REPORT.replace(old, new))
    with pytest.raises(ConfigError, match=words):
        shop.document()
    assert shop.reporting.lint("orders_report") != [] or "sum" in words
