"""Splitting the records of a chunk into cells.

Lives here: pyarrow as the tokeniser, and what it must not see. Records that it would not read as the scanner
does (a lone CR, bytes that are not UTF-8) are few, and are split here; those that cannot be rows are left out
of its feed, or reported by it, and explained.
Lives elsewhere: finding the records (csv_records).
"""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import IO, Any, Literal, cast

import numpy as np
import pyarrow as pa
import pyarrow.csv as pv

from batch_pipelines.processing.sources.csv_records import Bools, Dialect, Ints, Records, split_cells
from batch_pipelines.processing.sources.encodings import UTF8_BOM
from batch_pipelines.processing.sources.reading import StructuralReject

ARROW_BLOCK_BYTES = 1 << 20  # fits the cache: a fifth faster than 16 MiB in one block
LOOK_BYTES = 1 << 16  # where some of it is not UTF-8, its records are looked at one by one
FEW = 1000  # rows that are put in one by one
HIGH = 0x80  # bytes below are ASCII


class Tokeniser:
    """Tokenises the records of one chunk and collects those that cannot be rows."""

    def __init__(
        self,
        data: bytes,
        records: Records,
        columns: list[str],
        dialect: Dialect,
        nulls: list[str],
        largest_cell: int,
    ) -> None:
        self.data = data
        self.records = records
        self.columns = columns
        self.dialect = dialect
        self.nulls = nulls
        self.largest_cell = largest_cell
        self.rejects: dict[int, StructuralReject] = {}

    def read(self, block_bytes: int) -> tuple[pa.Table, Ints]:
        """The table, and the record of each of its rows."""
        self._reject_broken()
        self._reject_nuls()
        self._reject_large_cells()
        rejected = np.zeros(len(self.records), np.bool_)
        rejected[list(self.rejects)] = True
        by_hand = (self.records.irregular | undecodable(self.data, self.records)) & ~rejected
        table, record = self._tokenise(~(by_hand | rejected), block_bytes)
        if not by_hand.any():
            return table, record
        extra, extra_record = self._split(np.flatnonzero(by_hand).tolist())
        return _merged(table, record, extra, extra_record)

    def _content(self, record: int) -> bytes:
        return self.data[self.records.starts[record] : self.records.ends[record]]

    def _reject(self, record: int, rule: str, message: str) -> None:
        self.rejects.setdefault(record, StructuralReject(record, rule, message))

    def _reject_columns(self, record: int, found: int) -> None:
        self._reject(record, "columns", f"{found} columns instead of {len(self.columns)}")

    def _reject_broken(self) -> None:
        for record in np.flatnonzero(self.records.broken).tolist():
            self._reject(record, "quote", "a quote is not closed, or text follows the closing quote")

    def _reject_nuls(self) -> None:
        if b"\0" in self.data:
            nuls = np.flatnonzero(np.frombuffer(self.data, np.uint8) == 0)
            for record in np.unique(np.searchsorted(self.records.nexts, nuls, side="right")).tolist():
                self._reject(record, "nul", "holds a NUL character")

    def _reject_large_cells(self) -> None:
        """A record within the cap has no cell beyond it, so few are looked into."""
        cap = self.largest_cell
        for record in np.flatnonzero(self.records.ends - self.records.starts > cap).tolist():
            sizes = [len(cell) for cell in split_cells(self._content(record), self.dialect) or []]
            if max(sizes, default=0) > cap:
                message = f"cell {1 + np.argmax(sizes)} has {max(sizes):,} bytes, at most {cap:,} are read"
                self._reject(record, "cell", message)

    def _tokenise(self, chosen: Bools, block_bytes: int) -> tuple[pa.Table, Ints]:
        """Let pyarrow split the chosen records."""
        record = np.flatnonzero(chosen)
        if not len(record):
            return self._table([]), record
        sizes = self.records.nexts[record] - self.records.starts[record]
        uneven: list[int] = []

        def note(row: pv.InvalidRow) -> Literal["skip"]:
            index = cast("int", row.number) - 1  # never None with one thread
            uneven.append(index)
            self._reject_columns(int(record[index]), row.actual_columns)
            return "skip"

        block = max(block_bytes, 2 * int(sizes.max()))  # pyarrow fails on a record that spans three blocks
        feed = cast("IO[bytes]", pa.BufferReader(self._feed(chosen)))
        table = pv.read_csv(feed, **self._options(block, note))
        return table.rename_columns(self.columns), np.delete(record, uneven)

    def _feed(self, chosen: Bools) -> bytes:
        """The bytes of the chosen records."""
        feed = selected(self.data, self.records, chosen)
        # pyarrow would drop a BOM, which here is data; it passes over empty lines
        return b"\n" + feed if feed.startswith(UTF8_BOM) else feed

    def _options(self, block: int, note: Callable[[pv.InvalidRow], Literal["skip"]]) -> dict[str, Any]:
        names = [str(number) for number in range(len(self.columns))]
        quote = self.dialect.quote
        return {
            "read_options": pv.ReadOptions(column_names=names, use_threads=False, block_size=block),
            "parse_options": pv.ParseOptions(
                delimiter=self.dialect.delimiter.decode(),
                quote_char=quote.decode() if quote else False,
                newlines_in_values=quote is not None,
                invalid_row_handler=note,
            ),
            "convert_options": pv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.binary()),
                check_utf8=False,
                null_values=self.nulls,
                strings_can_be_null=True,
            ),
        }

    def _split(self, numbers: list[int]) -> tuple[pa.Table, Ints]:
        """Split records here, one by one."""
        nulls = {null.encode() for null in self.nulls}
        rows: list[list[bytes | None]] = []
        record: list[int] = []
        for number in numbers:
            cells = split_cells(self._content(number), self.dialect) or []
            if len(cells) != len(self.columns):
                self._reject_columns(number, len(cells))
                continue
            rows.append([None if cell in nulls else cell for cell in cells])
            record.append(number)
        return self._table(rows), np.array(record, np.int64)

    def _table(self, rows: list[list[bytes | None]]) -> pa.Table:
        columns = zip(*rows, strict=True) if rows else [()] * len(self.columns)
        return pa.table([pa.array(column, pa.binary()) for column in columns], names=self.columns)


def undecodable(data: bytes, records: Records) -> Bools:
    """Records that are not UTF-8: pyarrow cannot report them, should their column count be wrong."""
    found = np.zeros(len(records), np.bool_)
    if data.isascii() or _is_utf8(data):
        return found
    view = memoryview(data)
    blocks = np.searchsorted(records.starts, np.arange(0, len(data), LOOK_BYTES)).tolist()
    for first, last in pairwise([*blocks, len(records)]):
        if first == last:
            continue
        start, stop = records.starts[first], records.nexts[last - 1]
        if not _is_utf8(view[start:stop]):
            where = np.flatnonzero(np.frombuffer(view[start:stop], np.uint8) >= HIGH) + start
            suspects = np.unique(np.searchsorted(records.nexts, where, side="right")).tolist()
            found[[each for each in suspects if not _decodes(data[records.starts[each] : records.ends[each]])]] = True
    return found


def selected(data: bytes, records: Records, chosen: Bools) -> bytes:
    """The bytes of the chosen records, line ends included."""
    if chosen.all():
        return data
    view = memoryview(data)
    return b"".join(view[records.starts[a] : records.nexts[b - 1]] for a, b in _runs(chosen))


def _merged(table: pa.Table, record: Ints, extra: pa.Table, extra_record: Ints) -> tuple[pa.Table, Ints]:
    """Both tables as one, in order of `record`."""
    places = np.searchsorted(record, extra_record)
    if len(places) > FEW:
        order = np.argsort(np.concatenate([record, extra_record]), kind="stable")
        return pa.concat_tables([table, extra]).take(order), np.sort(np.concatenate([record, extra_record]))
    pieces: list[pa.Table] = []  # of which none is copied
    for number, (last, place) in enumerate(pairwise([0, *places.tolist()])):
        pieces += [table.slice(last, place - last), extra.slice(number, 1)]
    pieces.append(table.slice(places[-1] if len(places) else 0))
    return pa.concat_tables(pieces), np.insert(record, places, extra_record)


def _runs(chosen: Bools) -> Iterator[tuple[int, int]]:
    """The stretches `[first, last)` of True."""
    edges = np.flatnonzero(np.diff(chosen.astype(np.int8), prepend=0, append=0)).tolist()
    return zip(edges[0::2], edges[1::2], strict=True)


def _is_utf8(data: bytes | memoryview) -> bool:
    """Whether all of it is, without decoding it."""
    offsets = pa.py_buffer(np.array([0, len(data)], np.int64).tobytes())
    text = pa.LargeStringArray.from_buffers(1, offsets, pa.py_buffer(data))
    try:
        text.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _decodes(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True
