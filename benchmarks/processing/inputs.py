"""The input: a CSV with defects of ten kinds and quoted newlines, and the truth about every record of it.

Made block by block, each from its own seed: the file of fewer rows is the beginning of the file of more.
What must not live here: reading it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.processing.rules import COLUMNS, DEFECTS, ENUMS, SUPPLIERS, supplier

BLOCK_ROWS = 100_000
DEFECT_RATE = 0.005
QUOTED_RATE = 0.02
_WORDS = ("blithely", "carefully", "deposits", "even", "final", "furiously", "ideas", "packages", "pending", "quickly")
_QUOTED = b'"%b\nwith ""two"" lines"'

Arrow = Any  # the stubs of pyarrow know an array by the type of its values, which is known here only at run time


@dataclass(frozen=True, slots=True)
class Input:
    """A generated file.

    Attributes:
        folder: Holds `lineitems.csv`, `suppliers.csv`, `good/` (the good rows, typed) and `defects.parquet`.
        rows: Records.
        bytes: Size of the CSV.
    """

    folder: Path
    rows: int
    bytes: int

    @property
    def csv(self) -> Path:
        """The file to process."""
        return self.folder / "lineitems.csv"


def make_input(folder: Path, rows: int, seed: int) -> Input:
    """Make the input of `rows` records in `folder`, unless it is there already."""
    done = folder / "done.json"
    said = {"rows": rows, "seed": seed}
    if done.is_file() and json.loads(done.read_text(encoding="utf-8")) == said:
        return Input(folder, rows, (folder / "lineitems.csv").stat().st_size)
    (folder / "good").mkdir(parents=True, exist_ok=True)
    codes = "".join(f"{supplier(number)}\n" for number in range(SUPPLIERS))
    (folder / "suppliers.csv").write_text("code\n" + codes, encoding="ascii")
    defects = []
    with (folder / "lineitems.csv").open("wb") as file:
        file.write(",".join(COLUMNS).encode() + b"\n")
        for number, first in enumerate(range(0, rows, BLOCK_ROWS)):
            block = _Block(first, min(BLOCK_ROWS, rows - first), np.random.default_rng([seed, number]))
            file.write(block.text())
            pq.write_table(block.good(), folder / "good" / f"{number:05d}.parquet")
            defects.append(block.defects())
    pq.write_table(pa.concat_tables(defects), folder / "defects.parquet")
    done.write_text(json.dumps(said), encoding="utf-8")
    return Input(folder, rows, (folder / "lineitems.csv").stat().st_size)


class _Block:
    """Some records: typed as they should be, and as text with what is wrong with some of them."""

    def __init__(self, first: int, rows: int, dice: np.random.Generator) -> None:
        self._dice = dice
        self._rows = rows
        self.table = self._typed(first)
        chosen = np.sort(dice.choice(np.arange(1, rows), int(rows * DEFECT_RATE), replace=False))
        self._damaged = dict(zip(chosen.tolist(), dice.integers(0, len(DEFECTS), len(chosen)).tolist(), strict=True))

    def _typed(self, first: int) -> pa.Table:
        dice, rows = self._dice, self._rows
        seq = np.arange(first + 1, first + rows + 1)
        shipped = dice.integers(8036, 10562, rows)
        comment: Arrow = _joined(*(self._pick(_WORDS) for _ in range(3)), " ")
        self.quoted = dice.random(rows) < QUOTED_RATE
        spoken = _joined(comment, pa.scalar('with "two" lines'), "\n")
        columns: list[Arrow] = [
            pa.array(seq),
            pa.array((seq - 1) // 4 + 1),
            pa.array((seq - 1) % 4 + 1),
            pa.array(dice.integers(1, 200_001, rows)),
            self._pick([supplier(number) for number in range(SUPPLIERS)]),
            pa.array(dice.integers(1, 51, rows)),
            pa.array(dice.integers(90_000, 10_500_000, rows) / 100),
            pa.array(dice.integers(0, 11, rows) / 100),
            pa.array(dice.integers(0, 9, rows) / 100),
            *(self._pick(ENUMS[name]) for name in ("flag", "status")),
            *(_dates(shipped + dice.integers(0, most, rows)) for most in (1, 60, 30)),
            self._pick(ENUMS["mode"]),
            pc.if_else(pa.array(self.quoted), spoken, comment),
        ]
        return pa.table(dict(zip(COLUMNS, columns, strict=True)))

    def _pick(self, values: Sequence[str]) -> Arrow:
        choices: Arrow = pa.array(values)
        return choices.take(pa.array(self._dice.integers(0, len(values), self._rows)))

    def text(self) -> bytes:
        """The records as CSV."""
        cells: list[Arrow] = [self.table.column(name).combine_chunks().cast(pa.string()) for name in COLUMNS]
        doubled: Arrow = pc.replace_substring(cells[-1], '"', '""')
        cells[-1] = pc.if_else(pa.array(self.quoted), _joined(pa.scalar('"'), doubled, pa.scalar('"'), ""), cells[-1])
        lines: list[bytes] = [line.encode() for line in _joined(*cells, ",").to_pylist()]
        for row, kind in self._damaged.items():
            values = [str(column[row].as_py()).encode() for column in cells]
            lines[row] = b",".join(self._spoilt(values, DEFECTS[kind], row))
        return b"\n".join(lines) + b"\n"

    def _spoilt(self, cells: list[bytes], kind: str, row: int) -> list[bytes]:
        """A record's cells with one defect."""
        at = {name: position for position, name in enumerate(COLUMNS)}
        if kind == "too_few_columns":
            return cells[:11]
        if kind == "too_many_columns":
            return [*cells, b"extra"]
        if kind == "duplicate":  # sent twice: of the good record above it
            good = next(above for above in range(row - 1, -1, -1) if above not in self._damaged)
            for name in ("order_id", "line_no"):
                cells[at[name]] = str(self.table.column(name)[good].as_py()).encode()
            return cells
        name, value = {
            "bad_type": ("part_id", b"12a4"),
            "bad_date": ("ship_date", b"1997-02-30"),
            "bad_enum": ("mode", b"PIGEON"),
            "out_of_range": ("quantity", b"99"),
            "missing": ("price", b""),
            "bad_utf8": ("comment", b"caf\xe9"),
            "unknown_reference": ("supplier", b"S999999"),
        }[kind]
        cells[at[name]] = value
        return cells

    def good(self) -> pa.Table:
        """The rows that have to come out."""
        keep = np.ones(self._rows, np.bool_)
        keep[list(self._damaged)] = False
        return self.table.filter(pa.array(keep))

    def defects(self) -> pa.Table:
        """Number and kind of the records that must not."""
        rows: Arrow = pa.array(list(self._damaged), pa.int64())
        kinds = pa.array([DEFECTS[kind] for kind in self._damaged.values()], pa.string())
        seq: Arrow = self.table.column("seq").take(rows)
        return pa.table({"seq": seq, "kind": kinds})


def _joined(*parts: Arrow) -> Arrow:
    """Texts put together, row by row; the last part goes between the others."""
    join: Arrow = pc.binary_join_element_wise
    return join(*parts)


def _dates(days: Any) -> Arrow:
    return pa.array(days.astype(np.int32)).cast(pa.date32())
