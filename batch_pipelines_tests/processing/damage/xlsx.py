"""Damaged workbooks."""

import io
import zipfile
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import xlsxwriter  # type: ignore[import-untyped]

from batch_pipelines_tests.processing.damage.case import Damage

ROWS = 20
NAMES = ["id", "name", "ratio", "day", "at", "price", "ok"]
Fill = Callable[[Any, Any], object]


def _book(fill: Fill | None = None, *, header: int = 0, names: list[str] = NAMES, rows: int = ROWS) -> bytes:
    """A workbook with good rows, and what `fill` writes over them."""
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True})
    sheet = book.add_worksheet("Data")
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    sheet.write_row(header, 0, names)
    for row in range(header + 1, header + 1 + rows):
        sheet.write_row(row, 0, [row, "x", 0.5])
        sheet.write_datetime(row, 3, datetime(2013, 1, 2), day)  # noqa: DTZ001
        sheet.write_datetime(row, 4, datetime(2013, 1, 2), day)  # noqa: DTZ001
        sheet.write_row(row, 5, [1.1, True])
    if fill is not None:
        fill(book, sheet)
    book.close()
    return file.getvalue()


def _one(rule: str, fill: Callable[[Any], object]) -> Damage:
    return Damage(_book(lambda _, sheet: fill(sheet)), {rule: 1}, good=ROWS - 1)


def _bad(fails: str, fill: Fill | None = None, options: str = "", **book: Any) -> Damage:
    return Damage(_book(fill, **book), fails=f"in/shop.xlsx{fails}", options=options)


def _parts(content: bytes, change: Callable[[str, bytes], bytes | None]) -> bytes:
    """A package, each of its parts changed, or left out."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            part = change(name, old.read(name))
            if part is not None:
                new.writestr(name, part)
    return file.getvalue()


def _sheet(content: bytes, old: bytes, new: bytes) -> bytes:
    return _parts(content, lambda name, part: part.replace(old, new, 1) if "sheet1" in name else part)


def _hidden() -> bytes:
    return _parts(
        _book(),
        lambda name, part: (
            part.replace(b"<sheet ", b'<sheet state="hidden" ') if name.endswith("workbook.xml") else part
        ),
    )


FINE = _book()


def _flipped() -> bytes:
    place = FINE.index(b"xl/worksheets/sheet1.xml") + 200
    return FINE[:place] + bytes([FINE[place] ^ 16]) + FINE[place + 1 :]


DAMAGES: Mapping[str, Damage] = {
    "nothing": Damage(b"", fails="in/shop.xlsx: is empty, which no XLSX workbook is"),
    "not a ZIP": Damage(b"id,name\n", fails="in/shop.xlsx: is not an XLSX workbook: correct `source`"),
    "a ZIP without a workbook": Damage(
        _parts(FINE, lambda name, part: part if "Types" in name else None),
        fails="in/shop.xlsx: is a ZIP file, but no XLSX workbook (it has no xl/",
    ),
    "truncated": Damage(FINE[:-200], fails="in/shop.xlsx: the XLSX workbook is truncated or damaged ("),
    "a flipped bit": Damage(_flipped(), fails="in/shop.xlsx: the XLSX workbook is truncated or damaged ("),
    "protected by a password": Damage(
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 1024,
        fails="in/shop.xlsx: is protected by a password, or is an old",
    ),
    "the sheet's XML cut off": Damage(
        _parts(FINE, lambda name, part: part[: len(part) // 2] if "sheet1" in name else part),
        fails="in/shop.xlsx: the XLSX workbook cannot be read (",
    ),
    "the sheet's part missing": Damage(
        _parts(FINE, lambda name, part: None if "sheet1.xml" in name else part),
        fails="in/shop.xlsx: the sheet 'Data' is not in the workbook",
    ),
    "entities": Damage(
        _parts(
            FINE,
            lambda name, part: b'<!DOCTYPE x [<!ENTITY a "b">]>' + part if name.endswith("xl/workbook.xml") else part,
        ),
        fails="in/shop.xlsx: its xl/workbook.xml is not what a workbook has",
    ),
    "no such sheet": _bad(": there is no sheet 'Nope'; it has 'Data': correct", options="xlsx: {sheet: Nope}"),
    "only hidden sheets": Damage(_hidden(), fails="in/shop.xlsx: the workbook has no visible sheet (it has 'Data')"),
    "a title above the header": _bad(":1: the header is empty: declare `xlsx: {header_row: 4}`", header=3),
    "merged heads": _bad(
        ":1: cell B1 of the header is empty (of merged cells all are, but the first): name every column, or declare "
        "`xlsx: {header_row: 3}`",
        lambda _, sheet: sheet.merge_range("A1:G1", "Everything"),
        header=2,
    ),
    "a column without a name": _bad(":1: cell H1 of the header is empty", lambda _, sheet: sheet.write(5, 7, "beside")),
    "a name twice": _bad(":1: the header names 'id' twice", names=[*NAMES[:-1], "id"]),
    "a formula error in the header": _bad(
        ":1: cell B1 of the header is the error #NAME?",
        lambda _, sheet: sheet.write_formula("B1", "=x()", None, "#NAME?"),
    ),
    "a column missing": _bad(":1: column 'ok' is missing; the header has id", names=[*NAMES[:-1], "okay"]),
    "3,000 columns": _bad(
        ":1: the header has more than 2,000 columns", names=[*NAMES, *(f"c{n}" for n in range(3000))]
    ),
    "a header below the sheet": _bad(": the sheet ends at row 21, before its header", options="xlsx: {header_row: 99}"),
    "#REF!": _one("formula", lambda sheet: sheet.write_formula("B5", "=#REF!", None, "#REF!")),
    "#DIV/0! in a number": _one("formula", lambda sheet: sheet.write_formula("A5", "=1/0", None, "#DIV/0!")),
    "two errors in a row": _one(
        "formula", lambda sheet: [sheet.write_formula(cell, "=1/0", None, "#N/A") for cell in ("A5", "C5")]
    ),
    "text for a number": _one("type: id", lambda sheet: sheet.write_string("A5", "one")),
    "a fraction for an int": _one("type: id", lambda sheet: sheet.write("A5", 1.5)),
    "a required cell empty": _one("required: id", lambda sheet: sheet.write_string("A5", "")),
    "a boolean for a number": _one("type: ratio", lambda sheet: sheet.write("C5", True)),  # noqa: FBT003
    "a number for a date": _one("type: day", lambda sheet: sheet.write("D5", 41276)),
    "text for a date": _one("type: day", lambda sheet: sheet.write_string("D5", "2. Januar")),
    "a price of three digits": _one("type: price", lambda sheet: sheet.write("F5", 1.005)),
    "two cells far apart": _bad(
        ": needs more than 416 MB to be read: clear what lies outside of the table",
        lambda _, sheet: sheet.write("XFD1048576", 1),
    ),
    "a ZIP bomb": Damage(
        lambda: _sheet(FINE, b"</sheetData>", b" " * (300 << 20) + b"</sheetData>"),
        fails="in/shop.xlsx: unpacks to more than 268,435,456 bytes: split the workbook, or save the sheet as CSV",
    ),
}
