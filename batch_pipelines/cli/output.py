"""What comes out on stdout: a table for people, JSON or CSV for programs.

A table never hides without saying so: what does not fit is named on stderr. Into a pipe it is as wide as it has to be.
"""

import csv
import json
import os
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.cells import cell_len
from rich.text import Text

from batch_pipelines.cli import console
from batch_pipelines.cli.cells import NUMBERS, as_json, shown

PIPE_WIDTH = 1_000_000
LONGEST_CELL = 60
GAP = 2

JsonFlag = Annotated[bool, typer.Option("--json", help="JSON to stdout: an array, a row a line.")]
CsvFlag = Annotated[bool, typer.Option("--csv", help="CSV to stdout, with a header.")]


class Format(StrEnum):
    """How data is written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def chosen(*, as_json: bool, as_csv: bool = False) -> Format:
    """Return the format that was asked for.

    Raises:
        typer.BadParameter: Both were.
    """
    if as_json and as_csv:
        raise typer.BadParameter("--json and --csv exclude each other; give one of them")
    return Format.JSON if as_json else Format.CSV if as_csv else Format.TABLE


def write_json(rows: Iterable[Mapping[str, Any]]) -> None:
    """Write an array of objects, each on a line of its own."""
    mark = "["
    for row in rows:
        sys.stdout.write(f"{mark}\n{json.dumps(as_json(row), ensure_ascii=False)}")
        mark = ","
    sys.stdout.write("[]\n" if mark == "[" else "\n]\n")


def write_csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Write a header and a line a row; what is not there is empty."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_csv_cell(row.get(name)) for name in columns] for row in rows)


def write_table(
    columns: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    *,
    right: Collection[str] = (),
    squeezed: str | None = None,
) -> list[str]:
    """Write a table of as many columns as the terminal is wide; return the names of those left out.

    Cells are cut at `LONGEST_CELL` letters on a terminal, never in a pipe.

    Args:
        columns: Names of the columns, in order.
        rows: Values by column.
        right: Columns of figures that are text already.
        squeezed: The last column, if it takes the room that is left instead of being left out.
    """
    width = _width()
    cells = {name: [_cut(shown(row.get(name)), LONGEST_CELL if width else None) for row in rows] for name in columns}
    wide = {name: max(map(_length, (name, *cells[name]))) for name in columns}
    if squeezed and width:
        wide[squeezed] = max(
            1, min(wide[squeezed], width - sum(wide[name] + GAP for name in columns if name != squeezed))
        )
        cells[squeezed] = [_cut(cell, wide[squeezed]) for cell in cells[squeezed]]
    fitting = columns[: _fitting([wide[name] for name in columns], width or PIPE_WIDTH)]
    figures = {name for name in fitting if name in right or _are_numbers(row.get(name) for row in rows)}

    def line(texts: Iterable[str]) -> str:
        padded = (_padded(text, wide[name], name in figures) for name, text in zip(fitting, texts, strict=True))
        return (" " * GAP).join(padded).rstrip()

    head = console.data(width or PIPE_WIDTH)
    head.print(Text(line(fitting), "bold"), soft_wrap=True)
    head.print("─" * (sum(wide[name] + GAP for name in fitting) - GAP), soft_wrap=True)
    sys.stdout.writelines(f"{line(texts)}\n" for texts in zip(*(cells[name] for name in fitting), strict=True))
    return list(columns[len(fitting) :])


def _width() -> int | None:
    """Columns of the terminal; None for a pipe, where nothing is cut (COLUMNS sets a width there, too)."""
    out = console.data()
    return out.width if out.is_terminal or "COLUMNS" in os.environ else None


def _fitting(widths: Sequence[int], width: int) -> int:
    """How many columns fit; the first is always shown."""
    used = 0
    for position, wide in enumerate(widths):
        used += wide + (GAP if position else 0)
        if used > width:
            return max(1, position)
    return len(widths)


def _cut(text: str, longest: int | None) -> str:
    return text if longest is None or len(text) <= longest else f"{text[: max(longest, 1) - 1]}…"


def _length(text: str) -> int:
    """Columns that a text takes on a terminal."""
    return len(text) if text.isascii() else cell_len(text)


def _padded(text: str, width: int, to_the_right: bool) -> str:
    room = " " * (width - _length(text))
    return room + text if to_the_right else text + room


def _are_numbers(values: Iterable[object]) -> bool:
    known = [value for value in values if value is not None]
    return bool(known) and all(isinstance(value, NUMBERS) and not isinstance(value, bool) for value in known)


def _csv_cell(value: Any) -> Any:
    if isinstance(value, Mapping | list):
        return json.dumps(as_json(value), ensure_ascii=False)
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, NUMBERS) else as_json(value)
