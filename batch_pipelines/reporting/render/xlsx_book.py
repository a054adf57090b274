"""A workbook in the report's look: its cells' formats, sheets' names, printing, and single values.

What must not live here: what its sheets hold (xlsx.py, xlsx_summary.py).
"""

import datetime as dt
import math
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import xlsxwriter  # type: ignore[import-untyped]

from batch_pipelines.core.declaring import windows
from batch_pipelines.presentation.formats import Formats, is_nothing
from batch_pipelines.presentation.words import words
from batch_pipelines.reporting.declaration.brand import Brand
from batch_pipelines.reporting.document import Document
from batch_pipelines.reporting.render.xlsx_cells import LONGEST_TEXT, MOST_DIGITS

FONT, FONT_SIZE = "Arial", 10  # there, or with a twin of the same widths, on every machine
UPRIGHT_COLUMNS = 6
PAGE_COLUMNS = 14
ROW_PIXELS = 20
_FIRST_DAY = dt.date(1900, 3, 1)
_FORBIDDEN = re.compile(r"[\[\]:*?/\\'\x00-\x1f]")
_CONTROL = re.compile("[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\ufffe\uffff]")
_LONGEST_NAME = 31


class Book:
    """One workbook.

    Args:
        file: Where to write it.
        document: The report.
        brand: Its look.
    """

    def __init__(self, file: Path, document: Document, brand: Brand) -> None:
        options = dict.fromkeys(("strings_to_formulas", "strings_to_urls", "strings_to_numbers"), False)
        usual = {"font_name": FONT, "font_size": FONT_SIZE}  # columns are as wide as its digits
        self.xlsx = xlsxwriter.Workbook(str(file), {**options, "default_format_properties": usual})
        self.document, self.brand, self.theme = document, brand, brand.theme
        self.formats = Formats(document.locale, document.timezone)
        self.words = words(document.locale)
        self.cut = 0
        created = dt.datetime.fromisoformat(document.as_of_at).replace(tzinfo=None)
        self.xlsx.set_properties({"title": document.title, "author": brand.name or "", "created": created})
        self.xlsx.set_size(2400, 1500)
        self._zone = windows.zone(document.timezone)
        self._looks: dict[tuple[tuple[str, Any], ...], Any] = {}

    def look(self, **settings: Any) -> Any:
        """A cell format in the report's look."""
        key = tuple(sorted(settings.items()))
        if key not in self._looks:
            usual = {"font_name": FONT, "font_size": FONT_SIZE, "font_color": self.theme.ink, "valign": "vcenter"}
            self._looks[key] = self.xlsx.add_format({**usual, **settings})
        return self._looks[key]

    def head_look(self, align: str = "left", *, first: bool = False) -> Any:
        """The look of a table's heads."""
        theme = self.theme
        return self.look(
            bold=True,
            font_color=theme.muted,
            bottom=2,
            bottom_color=theme.ink,
            text_wrap=True,
            **aligned(align, first=first),
        )

    def add_sheet(self, name: str) -> Any:
        """A sheet of that name, or one like it if there is one already."""
        plain = (_FORBIDDEN.sub(" ", name).strip() or "Sheet")[:_LONGEST_NAME]
        taken = {sheet.get_name().casefold() for sheet in self.xlsx.worksheets()} | {"history"}
        number, unique = 2, plain
        while unique.casefold() in taken:
            suffix = f" ({number})"
            unique, number = plain[: _LONGEST_NAME - len(suffix)] + suffix, number + 1
        return self.xlsx.add_worksheet(unique)

    def write(self, sheet: Any, line: int, column: int, value: Any, look: Any) -> None:
        """Write a value as what it is; what a cell cannot hold, as text; nothing, as an empty cell."""
        if isinstance(value, dt.datetime) and value.tzinfo is not None:
            value = value.astimezone(self._zone).replace(tzinfo=None)
        if is_nothing(value):
            sheet.write_blank(line, column, None, look)
        elif isinstance(value, bool):
            sheet.write_boolean(line, column, value, look)
        elif isinstance(value, int | float | Decimal) and _fits(value):
            sheet.write_number(line, column, value, look)
        elif isinstance(value, dt.time | dt.timedelta) or (isinstance(value, dt.date) and _day_of(value) >= _FIRST_DAY):
            sheet.write_datetime(line, column, value, look)
        else:
            text = _CONTROL.sub("", str(value))
            self.cut += len(text) > LONGEST_TEXT
            sheet.write_string(line, column, text[:LONGEST_TEXT], look)

    def finish(self, sheet: Any, columns: int, rows: int) -> None:
        """Freeze the heads, repeat them on paper, let rows be filtered."""
        sheet.freeze_panes(1, 0)
        sheet.autofilter(0, 0, max(rows, 1), max(columns - 1, 0))
        sheet.repeat_rows(0)
        self.set_paper(sheet, landscape=columns > UPRIGHT_COLUMNS, across=-(-columns // PAGE_COLUMNS) or 1)

    def set_paper(self, sheet: Any, *, landscape: bool, across: int = 1) -> None:
        """How it is printed: so many pages across, with page numbers."""
        if landscape or self.document.page.orientation == "landscape":
            sheet.set_landscape()
        sheet.fit_to_pages(across, 0)
        self.set_edges(sheet)

    def set_edges(self, sheet: Any) -> None:
        """Paper, margins, head and foot."""
        sheet.set_paper(9 if self.document.page.size == "a4" else 1)
        sheet.set_margins(0.5, 0.5, 0.6, 0.7)
        page = self.words["page"].replace("{page}", "&P").replace("{pages}", "&N")
        title, as_of = (text.replace("&", "&&")[:100] for text in (self.document.title, self.document.as_of))
        sheet.set_header(f"&L&8{title}&R&8&A")
        sheet.set_footer(f"&L&8{as_of}&R&8{page}")


def _fits(value: float | Decimal) -> bool:
    """Whether a spreadsheet can hold a number without losing digits."""
    if isinstance(value, int):
        return abs(value) < MOST_DIGITS
    if isinstance(value, Decimal):
        return len(value.normalize().as_tuple().digits) <= int(math.log10(MOST_DIGITS))
    return True


def _day_of(value: dt.date) -> dt.date:
    return value.date() if isinstance(value, dt.datetime) else value


def aligned(align: str, *, first: bool) -> dict[str, Any]:
    """Alignment of a column; text keeps away from the numbers before it."""
    return {"align": align, **({"indent": 1} if align == "left" and not first else {})}
