"""Makes CSV files with known defects: rows by the million, and a record of what each of them is.

Ten kinds of defects lie between good rows that are hard to read (quoted newlines, delimiters and quotes, CRLF and LF,
letters beyond ASCII, missing values). Same rows and seed: same bytes. Benchmarks use it, too.
What must not live here: what ought to come of it (defect_trial.py).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

DATASET = "sales"
CITIES = tuple(f"Town {n}" for n in range(500))
ATTRIBUTES = """
source: in/sales.csv
key: id
nulls: [NA]
columns:
  id: {type: int, required: true}
  note: string
  day: date
  kind: {type: string, required: true, enum: [a, b, c]}
  amount: {type: "decimal(12,2)", min: "0", max: "99999.99"}
  city: {type: string, required: true, in: cities.name}
  score: float
"""
HEADER = b"id,note,day,kind,amount,city,score\n"
RULES: dict[str, tuple[str, ...]] = {
    "too few columns": ("columns",),
    "too many columns": ("columns",),
    "type": ("type: amount", "type: score"),
    "date": ("type: day",),
    "enum": ("enum: kind",),
    "range": ("min: amount", "max: amount"),
    "missing": ("required: id",),
    "encoding": ("encoding: note",),
    "duplicate": ("duplicate: id",),
    "reference": ("reference: city",),
}
KINDS = tuple(RULES)
_WRONG: dict[str | None, tuple[int, tuple[str, ...]]] = {
    "date": (2, ("2013-02-30", "31.01.2013", "2013-1-1", "yesterday")),
    "enum": (3, ("d", "A", "ab", " a")),
    "range": (4, ("-0.01", "100000.00")),
    "missing": (0, ("", "NA", '""')),
}
BLOCK = 20_000
_DAY_0 = np.datetime64("2013-01-01", "D")


@dataclass(frozen=True, slots=True)
class Defect:
    """One bad row: where it begins (line from 1, offset in bytes), what is wrong, its bytes without the line end."""

    record: int
    line: int
    offset: int
    kind: str
    raw: bytes


@dataclass(slots=True)
class Made:
    """What a file holds.

    Attributes:
        rows: Records in it, the header not counted.
        bytes: Its size.
        defects: The bad ones, in order.
        good: The good ones as they have to be in the table, in order, a table a block: typed columns (`amount` as
            text) with `_line` and `_offset`.
    """

    rows: int
    bytes: int = len(HEADER)
    defects: list[Defect] = field(default_factory=list)
    good: list[pa.Table] = field(default_factory=list)


def write(path: Path, rows: int, seed: int, *, share: float = 0.02) -> Made:
    """Write a file of `rows` records, of which about `share` are defects of all kinds alike."""
    dice = np.random.default_rng(seed)
    made, notes, line = Made(rows), _notes(dice), 2
    ids = np.empty(rows, np.int64)  # of the good rows so far
    known = 0
    with path.open("wb") as file:
        file.write(HEADER)
        size = min(BLOCK, rows // 8 + 1)  # duplicates repeat rows of earlier blocks
        for first in range(0, rows, size):
            block = _Block(dice, notes, first, min(size, rows - first), share)
            text, line = block.write(made, line, ids[:known])
            file.write(text)
            fresh = made.good[-1].column("id").to_numpy()
            ids[known : known + len(fresh)] = fresh
            known += len(fresh)
    return made


def _notes(dice: np.random.Generator) -> list[tuple[str | None, str]]:
    """Texts, each with its spelling in CSV."""
    plain = [f"note {n}" for n in dice.integers(0, 10**9, 150)]
    odd = [
        'a "quoted" word',
        "two\nlines",
        "three\r\nlines\n",
        "comma, comma",
        '"',
        "Grüße",
        "日本語",
        " blank ",
        "\n",
        'x,\n"y"',
    ]
    pairs: list[tuple[str | None, str]] = [(text, text) for text in plain]
    pairs += [(text, '"' + text.replace('"', '""') + '"') for text in odd * 3]
    pairs += [
        (None, ""),
        (None, "NA"),
        (None, '""'),
        (None, "NA"),
        ('stray " quote', 'stray " quote'),
        ("=1+1", "=1+1"),
    ]
    return pairs


class _Block:
    """Some consecutive records, drawn at once."""

    def __init__(
        self, dice: np.random.Generator, notes: list[tuple[str | None, str]], first: int, size: int, share: float
    ) -> None:
        self.first, self.size, self.notes = first, size, notes
        self.note = dice.integers(0, len(notes), size)
        self.day = dice.integers(-1, 365, size)  # -1: none
        self.kind = dice.integers(0, 3, size)
        self.cents = dice.integers(0, 10_000_000, size)
        self.city = dice.integers(0, len(CITIES), size)
        self.score = dice.integers(-100_000, 1_000_000, size)  # below zero: none
        self.crlf = dice.random(size) < 0.1
        self.defect = np.where(dice.random(size) < share, dice.integers(0, len(KINDS), size), -1)
        self.pick = dice.random(size)

    def write(self, made: Made, line: int, ids: "np.ndarray[Any, np.dtype[np.int64]]") -> tuple[bytes, int]:
        """Put the block into `made`; its bytes, and the line after it."""
        pieces: list[bytes] = []
        good: list[tuple[int, int, int]] = []
        for n, cells, kind, crlf in zip(range(self.size), self._cells(), self._kinds(ids), self.crlf, strict=True):
            record = self.first + n
            raw = _raw(kind, cells, record, float(self.pick[n]), ids)
            if kind is None:
                good.append((n, line, made.bytes))
            else:
                made.defects.append(Defect(record + 1, line, made.bytes, kind, raw))
            pieces.append(raw + (b"\r\n" if crlf else b"\n"))
            line += 1 + raw.count(b"\n")
            made.bytes += len(pieces[-1])
        made.good.append(self._table(good))
        return b"".join(pieces), line

    def _kinds(self, ids: "np.ndarray[Any, np.dtype[np.int64]]") -> Iterator[str | None]:
        """What is wrong with each record; nothing can be a duplicate before there is something to repeat."""
        for number in self.defect.tolist():
            kind = KINDS[number] if number >= 0 else None
            yield "missing" if kind == "duplicate" and not len(ids) else kind

    def _cells(self) -> Iterator[list[str]]:
        days = [*np.datetime_as_string(_DAY_0 + np.arange(365)).tolist(), ""]
        drawn = zip(
            *(column.tolist() for column in (self.note, self.day, self.kind, self.cents, self.city, self.score)),
            strict=True,
        )
        for n, (note, day, kind, cents, city, score) in enumerate(drawn, self.first):
            amount = f"{cents // 100}.{cents % 100:02d}"
            points = str(score / 10_000) if score >= 0 else "NA"
            yield [str(n), self.notes[note][1], days[day], "abc"[kind], amount, CITIES[city], points]

    def _table(self, good: list[tuple[int, int, int]]) -> pa.Table:
        at, line, offset = (np.array(column, np.int64) for column in (zip(*good, strict=True) if good else ([],) * 3))
        day, score, cents = self.day[at], self.score[at], self.cents[at]
        columns: dict[str, Any] = {
            "id": at + self.first,
            "note": pa.array([self.notes[n][0] for n in self.note[at]], pa.string()),
            "day": pa.array(_DAY_0 + day, pa.date32(), mask=day < 0),
            "kind": pa.array(["abc"[n] for n in self.kind[at]], pa.string()),
            "amount": pa.array([f"{c // 100}.{c % 100:02d}" for c in cents.tolist()], pa.string()),
            "city": pa.array([CITIES[n] for n in self.city[at]], pa.string()),
            "score": pa.array(score / 10_000, pa.float64(), mask=score < 0),
            "_line": line,
            "_offset": offset,
        }
        return pa.table(columns)


def _raw(
    kind: str | None, cells: list[str], record: int, pick: float, ids: "np.ndarray[Any, np.dtype[np.int64]]"
) -> bytes:
    """The bytes of a record; `pick` chooses among the ways in which it can be wrong."""
    if kind in _WRONG:
        column, values = _WRONG[kind]
        cells[column] = values[int(pick * len(values))]
    elif kind == "too few columns":
        cells = cells[: 2 + int(pick * 5)]
    elif kind == "too many columns":
        cells = [*cells, *[""] * (1 + int(pick * 3))]
    elif kind == "type":
        cells[4 if pick < 0.5 else 6] = ("1.2.3", "12abc", "0x1F", "nan")[int(pick * 1000) % 4]
    elif kind == "duplicate":
        cells[0] = str(ids[int(pick * len(ids))])
    elif kind == "reference":
        cells[5] = f"Nowhere {record}"
    raw = ",".join(cells).encode()
    if kind == "encoding":
        opening = b',"' if cells[1].startswith('"') else b","
        return raw.replace(opening, opening + (b"\xff\xfe", b"\xc3")[int(pick * 2)], 1)
    return raw
