"""The cells of a sheet: which of them name columns, which are rows, and what is wrong with them.

What must not live here: reading a workbook (xlsx_convert.py).
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pyarrow as pa

from batch_pipelines.core.errors import InputError
from batch_pipelines.processing.sources.caps import Caps

ROW, FAULT = "__row", "__fault"  # of the sheet, from 1; what makes the row a dead letter
_ERRORS = {
    "Div0": "#DIV/0!",
    "NA": "#N/A",
    "Name": "#NAME?",
    "Null": "#NULL!",
    "Num": "#NUM!",
    "Ref": "#REF!",
    "Value": "#VALUE!",
    "GettingData": "#GETTING_DATA",
}
_ERROR = re.compile(r"Error\((\w+)\)")
_LOOK_ROWS = 100  # for a row that may be meant as the header


@dataclass(frozen=True, slots=True)
class Grid:
    """All cells of a sheet.

    Attributes:
        table: Their texts, from the first row on.
        errors: Those that are errors; `position` is row and column from 0.
        header_row: Row that names the columns, from 1.
        first: Number of the first column, `A` being 1.
        source: What messages call the workbook.
    """

    table: pa.Table
    errors: Sequence[Any]
    header_row: int
    first: int
    source: str

    @classmethod
    def of(cls, batch: pa.RecordBatch | None, errors: Sequence[Any], header_row: int, first: int, source: str) -> Self:
        """The grid of what was read; None: an empty sheet."""
        table = pa.table({}) if batch is None else pa.Table.from_batches([batch])
        return cls(table, errors, header_row, first, source)

    def names(self, caps: Caps) -> list[str]:
        """The names of the columns: all up to the last that has one.

        Raises:
            InputError: A column has none, two have one, or there are too many.
        """
        self._refuse_errors()
        head = self._texts(self.header_row - 1)
        while head and not head[-1]:
            head.pop()
        if not head:
            raise self._wrong(f"the header is empty: {self._hint(1) or 'name the columns'}")
        if len(head) > caps.columns:
            raise self._wrong(f"the header has more than {caps.columns:,} columns")
        for place, name in enumerate(head):
            if not name:
                self._refuse_nameless(place)
        for place in range(len(head), self.table.num_columns):
            if self.table.column(place).slice(self.header_row).null_count < self.table.num_rows - self.header_row:
                self._refuse_nameless(place)
        if twice := [name for name, count in Counter(head).items() if count > 1]:
            raise self._wrong(f"the header names {twice[0]!r} twice: rename one of the columns")
        if reserved := {ROW, FAULT} & set(head):
            raise self._wrong(f"{min(reserved)!r} cannot be a column's name: rename it")
        return [str(self.table.column(place)[self.header_row - 1].as_py()) for place in range(len(head))]

    def body(self, names: Sequence[str]) -> pa.Table:
        """The rows below the header."""
        return self.table.slice(self.header_row).select(list(range(len(names)))).rename_columns(list(names))

    def faults(self, width: int) -> Any:
        """For each row below the header what is wrong with the first cell that is an error; null where none is."""
        found: dict[int, tuple[int, str]] = {}
        for error in self.errors:
            row, place = error.position[0] - self.header_row, error.position[1]
            if row >= 0 and place < width:
                message = f"cell {self._cell(error.position)} is the error {_shown(error)}: correct its formula"
                found[row] = min(found.get(row, (place, message)), (place, message))
        rows = self.table.num_rows - self.header_row
        if not found:
            return pa.nulls(rows, pa.string())
        texts = np.full(rows, None, object)
        for row, (_, message) in found.items():
            texts[row] = message
        return pa.array(texts, pa.string())

    def _texts(self, row: int) -> list[str]:
        return [(column[row].as_py() or "").strip() for column in self.table.columns]

    def _cell(self, position: tuple[int, int]) -> str:
        return f"{letters_of(self.first + position[1])}{position[0] + 1}"

    def _wrong(self, message: str) -> InputError:
        return InputError(self.source, message, line=self.header_row)

    def _refuse_errors(self) -> None:
        for error in self.errors:
            if error.position[0] == self.header_row - 1:
                message = (
                    f"cell {self._cell(error.position)} of the header is the error {_shown(error)}: name the column"
                )
                raise self._wrong(message)

    def _refuse_nameless(self, place: int) -> None:
        cell = self._cell((self.header_row - 1, place))
        message = f"cell {cell} of the header is empty (of merged cells all are, but the first): name every column"
        hint = self._hint(self.table.num_columns)
        raise self._wrong(f"{message}, or {hint}" if hint else message)

    def _hint(self, width: int) -> str:
        """A row further down that may be meant as the header: so many texts in it, none beyond them."""
        for row in range(self.header_row, min(self.table.num_rows, self.header_row + _LOOK_ROWS)):
            filled = sum(map(bool, self._texts(row)))
            if filled >= width:
                return f"declare `xlsx: {{header_row: {row + 1}}}`"
        return ""


def letters_of(number: int) -> str:
    """Return the letters of a column from its number, 1 being `A`."""
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def _shown(error: Any) -> str:
    kind = _ERROR.search(error.detail)
    return _ERRORS.get(kind[1], kind[1]) if kind else str(error.detail)
