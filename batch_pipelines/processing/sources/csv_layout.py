"""The columns that a CSV file has.

Lives here: reading and judging the header line. What cannot be right is an `InputError` that names the cure.
Lives elsewhere: which columns a dataset wants (declaration).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from batch_pipelines.core.errors import InputError
from batch_pipelines.processing.sources.caps import Caps
from batch_pipelines.processing.sources.csv_records import Dialect, Records, split_cells
from batch_pipelines.processing.sources.encodings import UTF8_BOM

_EXCEL = b"sep="  # and a delimiter
_DELIMITERS = {",": ",", ";": ";", "\t": r"\t", "|": "|"}


@dataclass(frozen=True, slots=True)
class CsvLayout:
    """The columns of a file.

    Attributes:
        columns: Their names, in file order, unique.
        header_records: Leading records that are no data: 1 with a header line, else 0.
    """

    columns: list[str]
    header_records: int


def read_layout(
    data: bytes, records: Records, *, header: bool | Sequence[str], dialect: Dialect, caps: Caps, source: str
) -> CsvLayout:
    """Read the layout off the first record of a file.

    Args:
        data: The first bytes of the file.
        records: The records in them, at least one.
        header: Whether the first record names the columns. False: they are called `column_1`, `column_2`, …;
            a list: there is no header line, and these are the names.
        dialect: How the file is written.
        caps: The most columns it may have.
        source: What messages call it.

    Raises:
        InputError: The header cannot be right.
    """
    if not isinstance(header, bool):
        return CsvLayout(list(header), 0)
    line = int(records.lines[0]) + 1
    first = data[records.starts[0] : records.ends[0]]
    cells = None if records.broken[0] else split_cells(first, dialect, limit=caps.columns + 1)
    if cells is None:
        raise InputError(source, "a quote in the first line is not closed, or text follows it", line=line)
    if len(cells) > caps.columns:
        message = f"the first line has more than {caps.columns:,} columns: is the file CSV, is the delimiter right?"
        raise InputError(source, message, line=line)
    if not header:
        return CsvLayout([f"column_{number}" for number in range(1, len(cells) + 1)], 0)
    _refuse_no_header(cells, source, line)
    names = [_name(cell, number, source, line) for number, cell in enumerate(cells, 1)]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise InputError(source, f"the header names {twice[0]!r} twice: rename one of the columns", line=line)
    if len(names) == 1 and not first.startswith(dialect.quote or b"\n"):
        _refuse_wrong_delimiter(names[0], source, line)
    return CsvLayout(names, 1)


def _refuse_no_header(cells: list[bytes], source: str, line: int) -> None:
    """A first line that stands where the header should."""
    first = cells[0]
    if first.startswith(UTF8_BOM):
        raise InputError(source, "begins with a byte order mark twice: remove the second", line=line)
    if len(cells) == 1 and not first.strip():
        raise InputError(source, "there is no header: the first line is blank; remove it", line=line)
    if first.startswith(_EXCEL) and len(b"".join(cells)) <= len(_EXCEL) + 1:
        message = "the first line is a note to Excel, not the header: remove it, and declare `csv: {delimiter: …}`"
        raise InputError(source, message, line=line)


def _name(cell: bytes, number: int, source: str, line: int) -> str:
    if b"\0" in cell:
        raise InputError(source, f"column {number} of the header holds a NUL character: is it text?", line=line)
    if b"\r" in cell:
        message = "the header holds a carriage return: lines must end in LF or CRLF, convert the file"
        raise InputError(source, message, line=line)
    try:
        name = cell.decode()
    except UnicodeDecodeError:
        message = f"column {number} of the header is not UTF-8: declare `csv: {{encoding: …}}`, e.g. cp1252"
        raise InputError(source, message, line=line) from None
    if not name.strip():
        message = f"column {number} of the header has no name: name it, or remove the delimiter too many"
        raise InputError(source, message, line=line)
    return name


def _refuse_wrong_delimiter(name: str, source: str, line: int) -> None:
    """A single column called `a;b` is two columns (if it really is one, its name is in quotes)."""
    for mark, shown in _DELIMITERS.items():
        if mark in name:
            message = f'the header is one column, {name[:80]!r}: declare `csv: {{delimiter: "{shown}"}}`'
            raise InputError(source, f"{message}, or put the name in quotes", line=line)
