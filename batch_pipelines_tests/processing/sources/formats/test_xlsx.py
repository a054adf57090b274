"""XLSX: which sheet, which header, what cells of each kind become; staged once."""

import io
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlsxwriter  # type: ignore[import-untyped]

from batch_pipelines.processing.sources import xlsx_staging
from batch_pipelines.processing.sources.xlsx_rows import MOST_ROWS
from batch_pipelines_tests.processing.datasets import Project
from batch_pipelines_tests.processing.sources.formats.written import written


def book(*fills: tuple[str, Callable[[Any, Any], object]]) -> bytes:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as made:
        for name, fill in fills:
            fill(made, made.add_worksheet(name))
    return file.getvalue()


def every_kind(made: Any, sheet: Any) -> None:
    day, moment = (made.add_format({"num_format": form}) for form in ("dd.mm.yyyy", "yyyy-mm-dd hh:mm:ss"))
    clock = made.add_format({"num_format": "hh:mm"})
    sheet.write_row("C3", ["id", "text", "day", "at", "ratio", "ok"])
    sheet.write_row("C4", [1, 517, None, None, 0.1, True])
    sheet.write_datetime("E4", datetime(2013, 1, 2), day)  # noqa: DTZ001
    sheet.write_datetime("F4", datetime(2013, 1, 2), moment)  # noqa: DTZ001
    sheet.write_row("C7", ["2", "007", "2013-01-03", "2013-01-03 05:06:07", "1e3", "yes"])
    sheet.write_row("C8", [3.0, 0.25])
    sheet.write_formula("H8", "=1=1", None, True)  # noqa: FBT003
    sheet.write_row("C9", [4])
    sheet.write_number("D9", 0.75, clock)


YAML = """
source: in/shop.xlsx
xlsx: {header_row: 3}
columns: {id: {type: int, required: true}, text: string, day: date, at: timestamp, ratio: float, ok: bool}
"""


def test_cells_of_every_kind_are_read_and_empty_rows_are_none(project: Project) -> None:
    project.write("in/shop.xlsx", book(("Data", every_kind)))
    project.declare("shop", YAML)
    report = project.one("shop")
    assert (report.counts.items, report.counts.dead) == (4, 0)
    rows = project.table("shop")
    assert [(row["_line"], row["_offset"], row["id"], row["text"], row["ratio"], row["ok"]) for row in rows] == [
        (4, 0, 1, "517", 0.1, True),
        (7, 1, 2, "007", 1000.0, True),
        (8, 2, 3, "0.25", None, True),
        (9, 3, 4, "18:00:00", None, None),
    ]
    assert [row["day"] and row["day"].isoformat() for row in rows] == ["2013-01-02", "2013-01-03", None, None]
    assert [row["at"] and row["at"].hour for row in rows] == [0, 5, None, None]
    assert project.batches("shop")[0].plan["files"][0]["blank_lines"] == 2


def test_the_first_visible_sheet_is_read_unless_one_is_named(project: Project) -> None:
    fills = [
        (name, lambda _, sheet, name=name: sheet.write_column(0, 0, ["who", name])) for name in ("Old", "New", "More")
    ]
    workbook = openpyxl.load_workbook(io.BytesIO(book(*fills)))
    workbook["Old"].sheet_state = "hidden"
    workbook.active = workbook["New"]
    workbook.save(project.write("in/shop.xlsx", b""))
    project.declare("shop", "source: in/shop.xlsx\ncolumns: {who: string}")
    project.one("shop")
    assert project.rows("shop") == [{"who": "New"}]
    for name in ("More", "Old"):
        project.declare("shop", f"source: in/shop.xlsx\nxlsx: {{sheet: {name}}}\ncolumns: {{who: string}}")
        project.one("shop")
        assert project.rows("shop") == [{"who": name}]


def test_a_workbook_is_staged_once_and_again_if_what_was_staged_is_damaged(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Path] = []
    original = xlsx_staging._converted  # noqa: SLF001 - what must happen once

    def counted(*arguments: Any) -> Any:
        calls.append(arguments[2])
        return original(*arguments)

    monkeypatch.setattr(xlsx_staging, "_converted", counted)
    project.write("in/shop.xlsx", book(("Data", every_kind)))
    project.declare("shop", YAML)
    project.one("shop")
    project.one("shop", force=True)
    assert len(calls) == 1
    (staged,) = (project.data / "staging/shop").glob("*.parquet")
    content = bytearray(staged.read_bytes())
    content[100] ^= 1
    staged.write_bytes(content)
    assert project.one("shop", force=True).ok
    assert len(calls) == 2
    assert not list((project.data / "staging/shop").glob(".*"))


def test_a_workbook_of_another_writer_is_read_alike(project: Project) -> None:
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    assert sheet is not None
    rows: list[list[Any]] = [["id", "day"], [1, datetime(2013, 1, 2)], [None, None], ["2", "2013-01-03"]]  # noqa: DTZ001
    for row in rows:
        sheet.append(row)
    workbook.save(project.write("in/shop.xlsx", b""))
    project.declare("shop", "source: in/shop.xlsx\ncolumns: {id: int, day: date}")
    project.one("shop")
    assert [(row["id"], row["day"].day, row["_line"]) for row in project.table("shop")] == [(1, 2, 2), (2, 3, 4)]


def test_a_large_sheet_is_cut_into_chunks_of_a_row_group_each_so_that_workers_share_it(project: Project) -> None:
    records = [{"id": number} for number in range(2 * MOST_ROWS + 1)]
    project.write("in/shop.xlsx", written("xlsx", records, {"id": "int"}))
    project.declare("shop", "source: in/shop.xlsx\ncolumns: {id: int}")
    chunks = project.chunks(project.plan("shop").batch_ids[0])
    third = (2 * MOST_ROWS + 3) // 3
    assert [chunk.items for chunk in chunks] == [third, third, len(records) - 2 * third]
    assert [chunk.payload["groups"] for chunk in chunks] == [[0, 1], [1, 2], [2, 3]]
