"""What Python's `csv` module says a text holds: the judge of scanner, planner and reader."""

import csv
import re
from dataclasses import dataclass

from hypothesis import strategies as st

from batch_pipelines.processing.sources.csv_records import Dialect

LONE_CR = re.compile(r"\r(?!\n)")
STAND_IN = "\ue000"  # csv ends records at a lone CR; for us it is data
csv.field_size_limit(1 << 30)


@dataclass(frozen=True, slots=True)
class Expected:
    """A record: offsets, line ends before it, and its cells (None: its quotes do not work out)."""

    start: int
    end: int
    next: int
    line: int
    cells: list[bytes] | None


def expected_records(data: bytes, dialect: Dialect) -> list[Expected]:
    """Read with `csv`, strictly; where it objects, give up one line and go on."""
    text = LONE_CR.sub(STAND_IN, data.decode("latin-1"))
    lines = re.findall(r"[^\n]*\n|[^\n]+", text)
    records, number, position = [], 0, 0
    while number < len(lines):
        count, cells = (1, []) if lines[number] in ("\n", "\r\n") else _next_record(lines[number:], dialect)
        size = sum(map(len, lines[number : number + count]))
        if lines[number] not in ("\n", "\r\n"):
            content = re.sub(rb"\r?\n\Z", b"", data[position : position + size])
            end = position + len(content)
            records.append(Expected(position, end, position + size, number, cells))
        number, position = number + count, position + size
    return records


def _next_record(lines: list[str], dialect: Dialect) -> tuple[int, list[bytes] | None]:
    delimiter = dialect.delimiter.decode()
    if dialect.quote is None:
        reader = csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE, strict=True)
    else:
        reader = csv.reader(lines, delimiter=delimiter, quotechar=dialect.quote.decode(), strict=True)
    try:
        cells = next(reader)
    except csv.Error:
        return 1, None
    count = reader.line_num
    if count > 1 and sum(map(len, lines[:count])) > dialect.max_record:
        return 1, None
    return count, [cell.replace(STAND_IN, "\r").encode("latin-1") for cell in cells]


dialects = st.builds(
    Dialect,
    delimiter=st.sampled_from([b",", b";", b"\t", b"|", b" "]),
    quote=st.sampled_from([b'"', b'"', b"'", None]),
    max_record=st.sampled_from([8, 20, 64, 1 << 20]),
)


@st.composite
def texts(draw: st.DrawFn, dialect: Dialect) -> bytes:
    """Bytes made of what matters to a CSV parser, in any order."""
    quote = dialect.quote or b'"'
    pieces = [dialect.delimiter, quote, quote * 2, b"\n", b"\n", b"\r\n", b"\r", b"a", b"bc", b"NA", b"\0"]
    pieces += [b"\xff", b"\xc3\xa9", b"\xef\xbb\xbf", b" ", quote + b"x\ny" + quote + dialect.delimiter]
    return b"".join(draw(st.lists(st.sampled_from(pieces), max_size=60)))


@st.composite
def dialects_and_texts(draw: st.DrawFn) -> tuple[Dialect, bytes]:
    """A dialect and a text that means something in it."""
    dialect = draw(dialects)
    return dialect, draw(texts(dialect))
