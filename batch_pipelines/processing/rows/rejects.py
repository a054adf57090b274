"""Why rows were turned away, kept column-wise: a chunk of nothing but bad rows must stay small in memory.

A `Finding` is one reason that many rows share; `Rejects` is all findings of a stage and reads as a sequence
of `Reject`, one per row and reason. Messages are written to follow the value: "'1.0'" "is not an int".

What must not live here: how dead letters are stored (tables/dead_letters.py), or what makes a row bad.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import overload

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from batch_pipelines.processing.rows.arrays import Rows, Values, nothing, taken

VALUE_LIMIT = 200
REASONS = pa.list_(
    pa.struct(
        [
            ("rule", pa.string()),
            ("column", pa.string()),
            ("value", pa.string()),
            ("message", pa.string()),
        ]
    )
)


@dataclass(frozen=True, slots=True)
class Reject:
    """One reason against one row.

    Attributes:
        row: Position of the row in the table that was checked, from 0.
        rule: `type`, `encoding`, `required`, `min`, `max`, `pattern`, `enum`, `nul`, `reference`, `derive`,
            `transform`, or a structural rule of the reader.
        column: The column at fault, if it is one column.
        value: Its value as text, at most 200 characters; undecodable bytes are escaped.
        message: What is wrong, written to follow the value.
    """

    row: int
    rule: str
    column: str | None
    value: str | None
    message: str

    @property
    def sentence(self) -> str:
        """Column, value and message as one readable line."""
        parts = [self.column or "", f"'{self.value}'" if self.value is not None else "", self.message]
        return " ".join(filter(None, parts))


@dataclass(frozen=True, slots=True, eq=False)
class Finding:
    """One reason and the rows it holds for.

    Attributes:
        rule: As in `Reject`.
        column: As in `Reject`.
        message: As in `Reject`.
        rows: Positions, ascending, each at most once.
        values: The values of these rows as text, or None where there are none.
    """

    rule: str
    column: str | None
    message: str
    rows: Rows
    values: Values | None = None

    @property
    def key(self) -> str:
        """`rule: column`, as counts are kept by."""
        return f"{self.rule}: {self.column}" if self.column is not None else self.rule

    def at(self, position: int) -> Reject:
        """Return the reject of the row at `position` of `rows`."""
        value = None if self.values is None else self.values[position].as_py()
        return Reject(int(self.rows[position]), self.rule, self.column, value, self.message)

    def slice(self, start: int, stop: int) -> "Finding":
        """Return the finding for its rows from position `start` to before `stop`."""
        values = None if self.values is None else self.values.slice(start, stop - start)
        return replace(self, rows=self.rows[start:stop], values=values)

    def only(self, wanted: NDArray[np.bool_]) -> "Finding":
        """Return the finding for those of its rows that `wanted` (one flag for each of them) keeps."""
        values = None if self.values is None else self.values.filter(pa.array(wanted))
        return replace(self, rows=self.rows[wanted], values=values)


class Rejects(Sequence[Reject]):
    """All findings of one or more stages; a sequence of `Reject` in the order in which they were found."""

    def __init__(self, findings: Iterable[Finding] = ()) -> None:
        self.findings = [finding for finding in findings if len(finding.rows)]

    def __len__(self) -> int:
        """Return the number of reasons (a row may have several)."""
        return sum(len(finding.rows) for finding in self.findings)

    def __iter__(self) -> Iterator[Reject]:
        """Go through all reasons, finding by finding."""
        for finding in self.findings:
            for position in range(len(finding.rows)):
                yield finding.at(position)

    @overload
    def __getitem__(self, index: int) -> Reject: ...
    @overload
    def __getitem__(self, index: slice) -> list[Reject]: ...
    def __getitem__(self, index: int | slice) -> Reject | list[Reject]:
        """Return one reason, or a list of them."""
        return list(self)[index]

    def __add__(self, other: "Rejects") -> "Rejects":
        """Return the findings of both."""
        return Rejects([*self.findings, *other.findings])

    @cached_property
    def rows(self) -> Rows:
        """The rows that have at least one reason, ascending."""
        flagged = np.zeros(max((each.rows[-1] + 1 for each in self.findings), default=0), np.bool_)
        for each in self.findings:
            flagged[each.rows] = True
        return np.flatnonzero(flagged).astype(np.int64, copy=False)

    @property
    def counts(self) -> dict[str, int]:
        """How many rows each `rule: column` turned away, in the order of finding."""
        result: dict[str, int] = {}
        for finding in self.findings:
            result[finding.key] = result.get(finding.key, 0) + len(finding.rows)
        return result

    def moved(self, positions: Rows) -> "Rejects":
        """Return the same findings with row `i` called `positions[i]` (which have to ascend)."""
        return Rejects(replace(each, rows=positions[each.rows]) for each in self.findings)

    def among(self, rows: Rows) -> "Rejects":
        """Return the findings for `rows` alone."""
        return Rejects(each.only(np.isin(each.rows, rows, assume_unique=True)) for each in self.findings)

    def between(self, first: int, last: int) -> "Rejects":
        """Return the findings for the rows from `first` to `last`, both included, without copying."""
        return Rejects(each.slice(*np.searchsorted(each.rows, [first, last + 1])) for each in self.findings)

    def first(self, limit: int) -> list[Reject]:
        """Return the reasons of the first rows, at most `limit` of them, by row."""
        heads = [finding.at(i) for finding in self.findings for i in range(min(limit, len(finding.rows)))]
        return sorted(heads, key=lambda reject: reject.row)[:limit]

    def reasons(self) -> tuple[Rows, Values]:
        """Return the rows that have reasons, ascending, and for each the list of them (type `REASONS`)."""
        rows = self.rows
        if not len(rows):
            return rows, pa.array([], REASONS)
        every = np.concatenate([finding.rows for finding in self.findings])
        which = np.repeat(np.arange(len(self.findings)), [len(finding.rows) for finding in self.findings])
        order = np.argsort(every, kind="stable")
        offsets = np.concatenate([np.searchsorted(every[order], rows), [len(every)]])
        names = ("rule", "column", "message")
        rule, column, message = (
            taken(pa.array([getattr(each, name) for each in self.findings], pa.string()), which[order])
            for name in names
        )
        values = taken(pa.concat_arrays([_values(each) for each in self.findings]), order)
        fields = [REASONS.value_type.field(i) for i in range(4)]
        reasons = pa.StructArray.from_arrays([rule, column, values, message], fields=fields)
        return rows, pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), reasons)


def _values(finding: Finding) -> Values:
    return nothing(len(finding.rows), pa.string()) if finding.values is None else finding.values


def shown(values: Values) -> Values:
    """Write values as text for a finding: at most 200 characters each."""
    if pa.types.is_binary(values.type):
        try:
            values = values.cast(pa.string())
        except pa.ArrowInvalid:
            return pa.array([None if value is None else _escaped(value) for value in values.to_pylist()], pa.string())
    return pc.utf8_slice_codeunits(values.cast(pa.string()), 0, VALUE_LIMIT)


def _escaped(value: bytes) -> str:
    return value[: 4 * VALUE_LIMIT].decode("utf-8", "backslashreplace")[:VALUE_LIMIT]
