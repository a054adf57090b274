"""Where the records of a CSV text begin and end.

Lives here: the dialect, the scanner that finds records in bytes, the exact splitter of one record into cells.
Lives elsewhere: reading files (staging), cutting chunks (csv_plan), making Arrow tables (csv_read).

The grammar, for `,` and `"`: a cell that begins with a quote ends at the next quote that is not doubled, and
a delimiter, a line end or the end of the file must follow; any other cell is literal up to the next delimiter
or line end, quotes and lone carriage returns included. Lines end in LF or CRLF; empty ones are no records.
Where a quoted cell breaks the grammar, is never closed, or makes a record of several lines longer than
`max_record`, that one line is a *broken* record and the scan goes on at the next: damage never spreads.

What a record is depends only on the bytes from its start on, `max_record` of them or its first line. So a
chunk cut at a record's end holds, scanned alone, exactly the records that were planned.
"""

import re
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from batch_pipelines.core.errors import ConfigError

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]

LF, CR = 10, 13
_NEWLINE = re.compile(rb"\n")
WINDOW_BYTES = 1 << 20  # what numpy looks at in one go: fits the cache
STRETCH_BYTES = 1 << 14  # what is read by the grammar after a violation, at first


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a CSV text is written.

    Attributes:
        delimiter: One ASCII byte between cells.
        quote: One ASCII byte around cells (doubled inside them), or None when nothing is ever quoted.
        max_record: Most bytes of a record that spans lines; a quote open for longer counts as never closed.
    """

    delimiter: bytes = b","
    quote: bytes | None = b'"'
    max_record: int = 1 << 20

    def __post_init__(self) -> None:
        """Refuse what cannot be told apart."""
        for name, mark in (("delimiter", self.delimiter), ("quote", self.quote)):
            if mark is not None and (len(mark) != 1 or not mark.isascii() or mark in b"\0\r\n"):
                raise ConfigError(f"csv {name} must be one ASCII character and no line end, not {mark!r}")
        if self.delimiter == self.quote:
            raise ConfigError("csv delimiter and quote must differ")


@dataclass(frozen=True, slots=True)
class Records:
    """The records that a scan found, in order; one element each in every array.

    Attributes:
        starts: Offset of the record's first byte.
        ends: Offset after its content, line end excluded.
        nexts: Offset after its line end.
        lines: Line ends before its start.
        irregular: It holds a lone CR, which most parsers take for a line end: split it with `split_cells`.
        broken: Its quotes do not work out; it is one physical line.
        newlines: Line ends before the offset at which the scan stopped.
        blank_lines: Empty lines before that offset that stand for no record.
    """

    starts: Ints
    ends: Ints
    nexts: Ints
    lines: Ints
    irregular: Bools
    broken: Bools
    newlines: int
    blank_lines: int

    def __len__(self) -> int:
        """Number of records."""
        return len(self.starts)


@lru_cache(maxsize=16)
def _grammar(dialect: Dialect) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    """Patterns of a whole record (line end included) and of one cell."""
    d = re.escape(dialect.delimiter)
    cell, leap = rb"[^%b\n]*+" % d, b""
    if dialect.quote is not None:
        q = re.escape(dialect.quote)
        cell = rb"(?:%b(?:[^%b]++|%b%b)*+%b(?=%b|\r?\n|\Z)|(?!%b)%b)" % (q, q, q, q, q, d, q, cell)
        leap = rb"(?:[^%b\n]*%b)?+" % (q, d)  # over the cells before the first quote: they are literal
    record = rb"%b%b(?:%b%b)*+(?:\r?\n|\Z)" % (leap, cell, d, cell)
    return re.compile(record), re.compile(cell)


def split_cells(content: bytes, dialect: Dialect, *, limit: int | None = None) -> list[bytes] | None:
    """Split the content of one record (no line end) into its cells, unquoted.

    Args:
        content: The record.
        dialect: How it is written.
        limit: Stop after so many cells, to bound the work.

    Returns:
        The cells, or None if the quotes do not work out.
    """
    if dialect.quote is None or dialect.quote not in content:
        return content.split(dialect.delimiter, -1 if limit is None else limit)[:limit]
    cell, quote = _grammar(dialect)[1], dialect.quote
    cells: list[bytes] = []
    position = 0
    while (match := cell.match(content, position)) is not None:
        text = match.group()
        cells.append(text[1:-1].replace(quote + quote, quote) if text.startswith(quote) else text)
        position = match.end()
        if position >= len(content) or len(cells) == limit:
            return cells
        if content[position] != dialect.delimiter[0]:
            return None
        position += 1
    return None


def scan(data: bytes | memoryview, dialect: Dialect, *, final: bool) -> tuple[Records, int]:
    """Find the records of `data`, which must begin at a record's start.

    Args:
        data: CSV bytes.
        dialect: How they are written.
        final: Whether nothing follows: then the last record needs no line end.

    Returns:
        The complete records, and the offset at which the incomplete rest begins (`len(data)` if final).
    """
    scanner = _Scanner(data, dialect, final=final)
    scanner.run()
    return scanner.records(), scanner.position


@dataclass(slots=True)
class _Cuts:
    """Where records end (offset after the line end), and how many line ends lie before that."""

    nexts: list[Ints] = field(default_factory=list)
    newlines: list[Ints] = field(default_factory=list)
    lone_crs: list[Ints] = field(default_factory=list)
    broken: list[int] = field(default_factory=list)  # the `next` of each broken record


class _Scanner:
    """One scan: by numpy over windows that keep to the grammar, record by record over the others."""

    def __init__(self, data: bytes | memoryview, dialect: Dialect, *, final: bool) -> None:
        self.data = data
        self.array: Bytes = np.frombuffer(data, np.uint8)
        self.dialect = dialect
        self.final = final
        self.position = 0
        self.newlines = 0  # before position
        self.stretch = STRETCH_BYTES
        self.cuts = _Cuts()
        self.pattern = _grammar(dialect)[0]
        self.opens_after = _marks(dialect.delimiter, dialect.quote, b"\n")
        self.closes_before = _marks(dialect.delimiter, dialect.quote, b"\n\r")

    def run(self) -> None:
        """Advance over all complete records."""
        # No window exceeds max_record, so that no record inside one does.
        size = min(WINDOW_BYTES, self.dialect.max_record)
        while self.position < len(self.data):
            before = self.position
            self._window(min(before + size, len(self.data)))
            if self.position == before and not self._by_grammar(before + 1):
                return

    def _window(self, stop: int) -> None:
        """Advance over the records that end before `stop`."""
        start = self.position
        window = self.array[start:stop]
        newlines = np.flatnonzero(window == LF) + start
        quote = self.dialect.quote
        quotes = np.flatnonzero(window == quote[0]) + start if quote else newlines[:0]
        self._note_lone_crs(window, start)
        if not len(quotes):
            self._accept(newlines + 1, np.arange(1, len(newlines) + 1))
            return
        ending = np.flatnonzero(np.searchsorted(quotes, newlines) & 1 == 0)
        ends = newlines[ending]
        violation = self._violation(quotes[: np.searchsorted(quotes, ends[-1])]) if len(ends) else None
        kept = len(ends) if violation is None else int(np.searchsorted(ends, violation))
        self._accept(ends[:kept] + 1, ending[:kept] + 1)
        if violation is not None:
            self._by_grammar(min(self.position + self.stretch, stop))
            self.stretch *= 2  # violations are either rare or everywhere
        else:
            self.stretch = STRETCH_BYTES

    def _note_lone_crs(self, window: Bytes, start: int) -> None:
        crs = np.flatnonzero(window == CR) + start
        if len(crs):
            last = len(self.array) - 1
            lone = (self.array[np.minimum(crs + 1, last)] != LF) | (crs == last)
            self.cuts.lone_crs.append(crs[lone])

    def _violation(self, quotes: Ints) -> int | None:
        """Offset of the first quote that breaks the grammar, when every other one is taken to open a cell."""
        if not len(quotes):
            return None
        array, openers, closers = self.array, quotes[0::2], quotes[1::2]
        opened = self.opens_after[array[openers - 1]]
        opened[0] |= openers[0] == self.position
        after = array[closers + 1]
        closed = self.closes_before[after]
        crs = np.flatnonzero(after == CR)
        closed[crs] = array[closers[crs] + 2] == LF
        if opened.all() and closed.all():
            return None
        wrong = [marks[np.argmin(good)] for marks, good in ((openers, opened), (closers, closed)) if not good.all()]
        return int(min(wrong))

    def _accept(self, nexts: Ints, newlines: Ints) -> None:
        """Let records end before `nexts`; `newlines` counts the line ends from the position to there."""
        if len(nexts):
            self.cuts.nexts.append(nexts)
            self.cuts.newlines.append(newlines + self.newlines)
            self.position = int(nexts[-1])
            self.newlines += int(newlines[-1])

    def _by_grammar(self, stop: int) -> bool:
        """Advance record by record, at least one and up to `stop`; False if the next one is incomplete."""
        start, position, size = self.position, self.position, len(self.data)
        data, match, longest = self.data, self.pattern.match, self.dialect.max_record
        nexts: list[int] = []
        complete = True
        while position < stop and complete:
            found = match(data, position, min(position + longest, size))
            if found and data[found.end() - 1] == LF:
                position = found.end()
            else:
                end = self._odd_record(position)
                complete = end is not None
                position = end or position
            if complete:
                nexts.append(position)
        self._note_lone_crs(self.array[start:position], start)
        ends = np.array(nexts, np.int64)
        newlines = np.flatnonzero(self.array[start:position] == LF) + start
        self._accept(ends, np.searchsorted(newlines, ends))
        return complete

    def _odd_record(self, start: int) -> int | None:
        """The offset after a record that is long, broken or the last; None if it is incomplete."""
        data, size = self.data, len(self.data)
        newline = _NEWLINE.search(data, start)
        if newline is None and not self.final:
            return None
        line_end = newline.end() if newline else size
        limit = max(start + self.dialect.max_record, line_end)
        match = self.pattern.match(data, start, min(limit, size))
        end = match.end() if match else start
        if end > start and (data[end - 1] == LF or (self.final and end == size)):
            return end
        if limit > size and not self.final:
            return None
        self.cuts.broken.append(line_end)
        return line_end

    def records(self) -> Records:
        """All that was found."""
        none = np.empty(0, np.int64)
        nexts = np.concatenate([none, *self.cuts.nexts])
        newlines = np.concatenate([none, *self.cuts.newlines])
        starts, lines = (np.concatenate([none, [0], after[:-1]])[: len(after)] for after in (nexts, newlines))
        ends = nexts - (self.array[nexts - 1] == LF)
        ends -= (ends > starts) & (ends < nexts) & (self.array[ends - 1] == CR)
        irregular = np.zeros(len(nexts), np.bool_)
        for lone in self.cuts.lone_crs:
            irregular[np.searchsorted(nexts, lone[lone < self.position], side="right")] = True
        broken = np.zeros(len(nexts), np.bool_)
        broken[np.searchsorted(nexts, self.cuts.broken)] = True
        filled = ends > starts
        blank = len(filled) - int(np.count_nonzero(filled))
        if blank:
            starts, ends, nexts, lines = (array[filled] for array in (starts, ends, nexts, lines))
            irregular, broken = irregular[filled], broken[filled]
        return Records(starts, ends, nexts, lines, irregular, broken, self.newlines, blank)


def _marks(*marks: bytes | None) -> Bools:
    """A table of 256 entries, True for the given bytes."""
    table = np.zeros(256, np.bool_)
    for mark in marks:
        table[list(mark or b"")] = True
    return table
