"""The lines of a chunk of JSON Lines to binary columns, beside every line that is no object.

Lives here: which lines are read by shape (many at once) and which one by one.
Lives elsewhere: both ways of reading (json_shapes.py, json_records.py), what the cells mean (rows/).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from batch_pipelines.core.errors import IntegrityError
from batch_pipelines.processing.sources.csv_records import Records
from batch_pipelines.processing.sources.csv_tokens import selected, undecodable
from batch_pipelines.processing.sources.json_records import NotRecord, Wanted, text_of, values_of
from batch_pipelines.processing.sources.json_shapes import Shape, read_lines, shape_of
from batch_pipelines.processing.sources.reading import Bools, Ints, Places, RawRows, StructuralReject
from batch_pipelines.processing.sources.typed_cells import null_texts, starting_with_zeros

MAX_SHAPES = 8  # in one chunk; a file of more shapes than that is read line by line
WORTHWHILE = 64  # lines: fewer are read faster one by one
_LOOKS = 5  # lines that are tried for a shape


def read_json_rows(data: bytes, records: Records, wanted: Wanted, places: Places, *, source: str) -> RawRows:
    """Read the lines of a chunk.

    Args:
        data: Its bytes.
        records: The lines in them.
        wanted: What is read of each.
        places: Where they lie in the file.
        source: What messages call the file.

    Raises:
        IntegrityError: Rows and rejects are not exactly the lines.
    """
    reading = _Reading(data, records, wanted)
    reading.by_shapes()
    reading.one_by_one(np.flatnonzero(reading.left))
    table, record = _without_ids(*reading.together(), wanted, reading.rejects)
    if len(record) + len(reading.rejects) != len(records):
        counts = f"{len(record)} rows and {len(reading.rejects)} rejects of {len(records)} lines"
        raise IntegrityError(f"{source}:{places.line[0]}: {counts}")
    return RawRows(table, record, places.line, places.offset, sorted(reading.rejects, key=lambda each: each.record))


def reread_json(raws: Sequence[bytes], wanted: Wanted, places: Places) -> RawRows:
    """Read objects that stand alone."""
    table, record, rejects = _read_each(list(enumerate(raws)), wanted)
    table, record = _without_ids(table, record, wanted, rejects)
    rejects.sort(key=lambda each: each.record)
    return RawRows(table, record, places.line, places.offset, rejects)


@dataclass(slots=True)
class _Reading:
    """The lines of one chunk, read piece by piece; `left` are those that have not been."""

    data: bytes
    records: Records
    wanted: Wanted
    left: Bools = field(init=False)
    pieces: list[tuple[pa.Table, Ints]] = field(default_factory=list)
    rejects: list[StructuralReject] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.left = np.ones(len(self.records), np.bool_)

    def by_shapes(self) -> None:
        """Read the lines of the most usual shapes."""
        usable = ~(self.records.irregular | undecodable(self.data, self.records))
        usable &= self.records.ends - self.records.starts <= self.wanted.largest_cell
        for _ in range(MAX_SHAPES):
            chosen = usable & self.left
            count = int(np.count_nonzero(chosen))
            shape = self._shape(np.flatnonzero(chosen)) if count >= WORTHWHILE else None
            if shape is None or not self._read(shape, chosen, count):
                return

    def _shape(self, lines: Ints) -> Shape | None:
        for record in lines[np.linspace(0, len(lines) - 1, _LOOKS, dtype=np.int64)].tolist():
            shape = shape_of(self._content(record))
            if shape is not None and not (self.wanted.strict and set(shape.keys) - set(self.wanted.columns)):
                return shape
        return None

    def _read(self, shape: Shape, chosen: Bools, count: int) -> bool:
        """Read all lines of one shape; whether it was worth it."""
        lines = selected(self.data, self.records, chosen)
        table, has = read_lines(lines, count, shape, self.wanted.columns)
        record = np.flatnonzero(chosen)[has]
        self.pieces.append((_without_nulls(table, self.wanted), record))
        self.left[record] = False
        return len(record) * MAX_SHAPES >= count

    def one_by_one(self, lines: Ints) -> None:
        """Read these lines each by itself."""
        table, record, rejects = _read_each(((line, self._content(line)) for line in lines.tolist()), self.wanted)
        self.pieces.append((table, record))
        self.rejects += rejects

    def together(self) -> tuple[pa.Table, Ints]:
        """All rows, in order, and which line each is."""
        filled = [(table, record) for table, record in self.pieces if len(record)] or self.pieces[-1:]
        record = np.concatenate([its for _, its in filled])
        if len(filled) == 1:
            return filled[0]
        order = np.argsort(record, kind="stable")
        return pa.concat_tables([table for table, _ in filled]).take(order), record[order]

    def _content(self, record: int) -> bytes:
        return self.data[self.records.starts[record] : self.records.ends[record]]


def _read_each(
    lines: Iterator[tuple[int, bytes]] | list[tuple[int, bytes]], wanted: Wanted
) -> tuple[pa.Table, Ints, list[StructuralReject]]:
    rows: list[list[str | bool | None]] = []
    record: list[int] = []
    rejects: list[StructuralReject] = []
    for number, content in lines:
        try:
            rows.append(values_of(content, wanted))
        except NotRecord as why:
            rejects.append(StructuralReject(number, why.rule, why.message))
        else:
            record.append(number)
    columns: Any = zip(*rows, strict=True) if rows else [()] * len(wanted.columns)
    table = pa.table([_binary(column) for column in columns], names=list(wanted.columns))
    return _without_nulls(table, wanted), np.array(record, np.int64), rejects


def _binary(values: Sequence[str | bool | None]) -> Any:
    try:
        return pa.array(values, pa.string()).cast(pa.binary())
    except (pa.ArrowInvalid, pa.ArrowTypeError):  # some are true or false
        texts = [None if value is None else text_of(value) for value in values]
        return pa.array(texts, pa.string()).cast(pa.binary())


def _without_ids(
    table: pa.Table, record: Ints, wanted: Wanted, rejects: list[StructuralReject]
) -> tuple[pa.Table, Ints]:
    """Turn away texts such as "007" where a number is declared: no number is written so in JSON, it is an id."""
    good = np.ones(table.num_rows, np.bool_)
    for name in wanted.numbers:
        zeros = starting_with_zeros(table.column(name))
        for row in np.flatnonzero(zeros & good).tolist():
            message = f"{name} is a text with leading zeros, which a number would lose; declare it as string"
            rejects.append(StructuralReject(int(record[row]), "type", message))
        good &= ~zeros
    return (table, record) if good.all() else (table.filter(pa.array(good)), record[good])


def _without_nulls(table: pa.Table, wanted: Wanted) -> pa.Table:
    columns = [null_texts(column, wanted.nulls) for column in table.columns]
    return pa.table(columns, names=table.column_names)
