"""The workbook: opened again, it holds the rows as they were; text is text."""

import datetime as dt
import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pytest

from batch_pipelines.reporting.render import xlsx, xlsx_rows
from batch_pipelines_tests.reporting.shop import Shop, one_table

LATE = dt.datetime(1999, 12, 31, 23, 59, 59, 500000)  # noqa: DTZ001 - a local clock's time
NOON = dt.datetime(2024, 1, 1, 12, 30, tzinfo=dt.UTC)
AWKWARD: list[dict[str, Any]] = [
    {
        "whole": 1, "big": 2**60, "float": 0.1, "money": Decimal("12.50"), "flag": True, "day": dt.date(2024, 2, 29),
        "at": NOON, "local": LATE,
        "text": "=1+1", "long": "x" * 40_000,
    },
    {
        "whole": None, "big": -5, "float": math.nan, "money": None, "flag": None, "day": dt.date(1850, 1, 1),
        "at": None, "local": None, "text": "a<b>&\"' \x07_x0041_\n2", "long": "ü",
    },
    {
        "whole": -7, "big": 0, "float": math.inf, "money": Decimal("99999999999999999.99"), "flag": False, "day": None,
        "at": dt.datetime(2024, 7, 1, tzinfo=dt.UTC), "local": LATE, "text": "", "long": None,
    },
]  # fmt: skip
FIELDS: list[tuple[str, Any]] = (
    [
        ("whole", pa.int64()), ("big", pa.int64()), ("float", pa.float64()), ("money", pa.decimal128(20, 2)),
        ("flag", pa.bool_()), ("day", pa.date32()), ("at", pa.timestamp("us", "UTC")), ("local", pa.timestamp("us")),
        ("text", pa.string()), ("long", pa.string()),
    ]
)  # fmt: skip
SCHEMA = pa.schema(FIELDS)


def local(*parts: int) -> dt.datetime:
    """A local clock's time."""
    return dt.datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001


def book_of(shop: Shop, **asked: Any) -> openpyxl.Workbook:
    made = shop.made(**{"formats": ("xlsx",), **asked})
    return openpyxl.load_workbook(shop.file(made, "xlsx"))


def pictures(sheet: Any) -> tuple[int, int]:
    """How many charts and images a sheet has; openpyxl tells of them nowhere else."""
    return len(sheet._charts), len(sheet._images)  # noqa: SLF001


def values(sheet: Any) -> list[list[Any]]:
    return [[cell.value for cell in row] for row in sheet.iter_rows()]


def test_a_workbook_has_a_summary_a_sheet_a_table_and_the_data(shop: Shop) -> None:
    book = book_of(shop)
    assert book.sheetnames == ["Summary", "Cities", "day", "Chart data"]
    summary = book["Summary"]
    texts = [str(cell.value) for row in summary.iter_rows() for cell in row if cell.value is not None]
    assert texts[0] == "Orders of Saturday, March 2, 2024"
    assert any("Data as of" in text for text in texts)
    assert 245 in [cell.value for row in summary.iter_rows() for cell in row]
    assert pictures(summary) == (1, 0)
    assert values(book["Cities"]) == [
        ["City", "Orders", "Revenue"], ["Bonn", 10, 245], ["Total", "=SUBTOTAL(109,B2:B2)", "=SUBTOTAL(109,C2:C2)"]
    ]  # fmt: skip
    data = book["day"]
    assert (data.freeze_panes, data.auto_filter.ref, data.print_title_rows) == ("A2", "A1:E11", "$1:$1")
    assert [row[0] for row in values(data)[1:]] == [1, 4, 7, 10, 13, 16, 19, 22, 25, 28]


@pytest.mark.parametrize("plain", [True, False], ids=["table", "data sheet"])
def test_every_value_comes_back_as_it_was(shop: Shop, *, plain: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.table("awkward", pa.Table.from_pylist(AWKWARD, SCHEMA))
    monkeypatch.setattr(xlsx, "PLAIN_ROWS", 100 if plain else 0)
    shop.declare(one_table("select * from awkward") + "timezone: Europe/Berlin\n")
    made = shop.made(None, formats=("xlsx",))
    book = openpyxl.load_workbook(shop.file(made, "xlsx"))
    first, second, third = values(book["Rows"])[1:]
    assert first[:6] == [1, str(2**60), 0.1, 12.5, True, local(2024, 2, 29)]
    assert (first[6], first[8]) == (local(2024, 1, 1, 13, 30), "=1+1")
    assert abs(first[7] - LATE) < dt.timedelta(milliseconds=2)
    assert first[9] == "x" * 32_767
    assert second[:8] == [None, -5, None, None, None, "1850-01-01", None, None]
    assert second[8].replace("x005F_", "") == "a<b>&\"' _x0041_\n2"  # as spreadsheets read it; openpyxl, half the time
    assert third[:5] == [-7, 0, None, "99999999999999999.99", False]
    assert third[6] == local(2024, 7, 1, 2)
    assert made.warnings == ["xlsx: 1 texts are longer than a cell holds, and were cut"]
    kinds = {cell.data_type for row in book["Rows"].iter_rows() for cell in row}
    assert "f" not in kinds


def test_rows_beyond_a_sheet_go_on_on_the_next(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx_rows, "SHEET_ROWS", 4)
    monkeypatch.setattr(xlsx_rows, "BATCH_ROWS", 3)
    shop.declare(one_table("select range as n from range(10)") + "data_sheets: [rows]\n")
    made = shop.made(None, formats=("xlsx",))
    book = openpyxl.load_workbook(shop.file(made, "xlsx"))
    assert book.sheetnames == ["Summary", "rows", "rows (2)", "rows (3)"]
    assert [[row[0] for row in values(book[name])] for name in book.sheetnames[1:]] == [
        ["n", 0, 1, 2, 3], ["n", 4, 5, 6, 7], ["n", 8, 9]
    ]  # fmt: skip
    assert made.rows == 10


@pytest.mark.parametrize("portion", [(0, [(0, 0)]), (4, [(0, 4)]), (5, [(0, 4), (4, 1)])])
def test_rows_are_divided_among_sheets(
    portion: tuple[int, list[tuple[int, int]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xlsx_rows, "SHEET_ROWS", 4)
    assert xlsx_rows.portions(portion[0]) == portion[1]


def test_a_sheet_without_rows_opens_and_has_heads(shop: Shop) -> None:
    shop.declare(one_table("select 1 as a, 'x' as b where false") + "data_sheets: [rows]\n")
    assert values(book_of(shop, partition=None)["rows"]) == [["a", "b"]]


def test_names_of_sheets_are_made_fit_and_different(shop: Shop) -> None:
    blocks = "\n".join(
        f"- table: {{title: '{title}', data: rows}}" for title in ("A/B [c]", "a/b [C]", "x" * 40, "History")
    )
    shop.declare(one_table("select 1 as a", blocks))
    assert book_of(shop, partition=None).sheetnames[1:] == ["A B  c", "a b  C (2)", "x" * 31, "History (2)"]


def test_every_native_chart_takes_its_rows_from_the_workbook(shop: Shop) -> None:
    sql = "select i as x, i * 2 as y, 's' || i % 2 as s from range(6) t(i)"
    kinds = ("line", "area", "bar", "hbar", "stacked", "heatmap")
    blocks = "\n".join(
        f"- chart: {{title: {kind}, type: {kind}, data: rows, x: x, y: y, series: s, width: half}}" for kind in kinds
    )
    shop.declare(one_table(sql, blocks))
    book = book_of(shop, partition=None)
    assert pictures(book["Summary"]) == (5, 1)
    assert values(book["Chart data"])[0][:3] == ["X", "s0", "s1"]


def test_a_figure_has_the_room_of_three_columns(shop: Shop) -> None:
    assert "A7:C7" in {str(area) for area in book_of(shop)["Summary"].merged_cells.ranges}


def test_the_summary_has_all_of_the_report_in_reading_order(shop: Shop) -> None:
    sheet = book_of(shop)["Summary"]
    found = [str(row[0]) for row in values(sheet) if row[0] is not None]
    assert found[2:4] == ["Overview", "Orders"]
    assert found[-3:] == [
        "Cities: all rows on the sheet “Cities”",
        "Orders: all rows on the sheet “day”",
        "Late means: 30.0% of 10 orders.",
    ]
    links = {cell.value: cell.hyperlink.location for row in sheet.iter_rows() for cell in row if cell.hyperlink}
    assert links == {
        "Cities: all rows on the sheet “Cities”": "'Cities'!A1",
        "Orders: all rows on the sheet “day”": "'day'!A1",
    }


def test_no_page_of_the_summary_ends_within_a_chart(shop: Shop) -> None:
    chart = "- chart: {title: C, type: line, data: rows, x: a, y: b}"
    shop.declare(one_table("select 1 as a, 2 as b", "\n".join(["- heading: H", chart] * 5)))
    sheet: Any = book_of(shop, partition=None)["Summary"]
    breaks = [each.id for each in sheet.row_breaks.brk]
    spans = [(found.anchor._from.row, found.anchor.to.row) for found in sheet._charts]  # noqa: SLF001
    assert len(spans) == 5
    assert len(breaks) == 1
    assert [(line, span) for line in breaks for span in spans if span[0] < line <= span[1]] == []
    assert {sheet.cell(line + 1, 1).value for line in breaks} == {"H"}


def test_text_on_the_summary_is_never_a_formula(shop: Shop) -> None:
    shop.declare(one_table("select '=1+1' as a", '- text: "{{ rows.a }}"\n- text: "**{{ rows.a }}** and more"'))
    cells = [cell for row in book_of(shop, partition=None)["Summary"].iter_rows() for cell in row if cell.value]
    assert {cell.data_type for cell in cells} == {"s"}
    assert [cell.value for cell in cells][-2:] == ["=1+1", "=1+1 and more"]


def test_a_report_of_nothing_says_so_on_its_first_sheet(shop: Shop) -> None:
    shop.declare(one_table("select 1 as i where false"))
    assert ["Nothing to report for this period."] in [
        row[:1] for row in values(book_of(shop, partition=None)["Summary"])
    ]


def test_the_same_again_is_the_same_bytes(shop: Shop) -> None:
    made = shop.made(formats=("xlsx",))
    (shop.data / made.folder / made.files[0].name).write_bytes(b"harmed")
    again = shop.made(formats=("xlsx",))
    assert (again.existing, again.files) == (False, made.files)


def test_no_file_beside_the_workbook_is_left(shop: Shop) -> None:
    made = shop.made(formats=("xlsx",))
    assert sorted(file.name for file in (shop.data / made.folder).iterdir()) == ["manifest.json", "orders_report.xlsx"]
    assert isinstance(shop.home, Path)
