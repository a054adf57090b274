"""Bytes to typed columns: vectorised where all is well, ever smaller pieces where something is not.

A column is cast whole; if that fails, without the few values that look as if they were the reason; if that fails,
too, in windows of 512 rows. Values left out, and windows that fail, are trimmed, brought into one spelling, sifted by
a regular expression and, for what is left (numbers too large, days that don't exist), halved down to the single value.
Columns with a `format` go to formatted.py.

What must not live here: rules on typed values (rules.py).
"""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from batch_pipelines.core.errors import IntegrityError
from batch_pipelines.processing.declaration.columns import Column
from batch_pipelines.processing.rows.arrays import (
    Rows,
    Values,
    flags,
    found,
    hidden,
    nothing,
    one_piece,
    taken,
    value_bytes,
)
from batch_pipelines.processing.rows.formatted import parse_formatted
from batch_pipelines.processing.rows.rejects import Finding, Rejects, shown
from batch_pipelines.processing.rows.spellings import IMPOSSIBLE, SHAPES, misfit, oddities, spelled
from batch_pipelines.processing.rows.suspects import suspects

WINDOW = 512
GLANCE = 4096  # if the first rows cannot be cast, the whole column is not tried
MOST_SUSPECTS = 1 / 8  # of all rows: more are not a few
_DAYS = (-719_162, 2_932_896)  # 0001-01-01 to 9999-12-31, in days from 1970-01-01
_MICROSECONDS = (_DAYS[0] * 86_400_000_000, (_DAYS[1] + 1) * 86_400_000_000 - 1)
_NOT_UTF8 = "is not valid UTF-8"

Kernel = Callable[[Values], Values | None]


@dataclass(slots=True)
class _Bad:
    """Messages of one column so far, each with the rows it holds for."""

    messages: dict[str, list[Rows]]

    def add(self, message: str, rows: Rows) -> None:
        if len(rows):
            self.messages.setdefault(message, []).append(rows)


def cast_columns(table: pa.Table, columns: Mapping[str, Column]) -> tuple[pa.Table, Rejects]:
    """Cast binary columns to their declared types; columns that are not declared are left out.

    Args:
        table: Columns binary, null where the field is empty or a null token; or of their declared type already.
        columns: The declared columns, in the order of the result.

    Returns:
        The typed table, null where a value could not be cast, and the rejects (rules `encoding` and `type`).

    Raises:
        IntegrityError: A declared column is not in the table; plans are checked against the header before.
    """
    present = set(table.column_names)
    missing = [name for name in columns if name not in present]
    if missing:
        msg = f"the chunk has no column {missing[0]!r}, which its plan promises; plan the batch anew"
        raise IntegrityError(msg)
    arrays, findings = [], []
    for name, column in columns.items():
        array, bad = _cast(one_piece(table.column(name)), name, column)
        arrays.append(array)
        findings += bad
    return pa.Table.from_arrays(arrays, schema=schema_of(columns)), Rejects(findings)


def schema_of(columns: Mapping[str, Column]) -> pa.Schema:
    """Return the schema of the declared columns."""
    return pa.schema([(name, column.arrow_type) for name, column in columns.items()])


def _cast(raw: Values, name: str, column: Column) -> tuple[Values, list[Finding]]:
    if raw.type == column.arrow_type and column.kind != "string":  # came typed, and exact
        return raw, []
    bad = _Bad({})
    everywhere = np.arange(len(raw), dtype=np.int64)
    if column.kind == "string":
        values = _decoded(raw, everywhere, bad)
    elif column.format is not None:
        texts = pc.utf8_trim_whitespace(_decoded(raw, everywhere, bad))
        values, unread = parse_formatted(texts, column.format, column.arrow_type)
        bad.add(f"is not a {column.kind} as {column.format}", unread)
    else:
        values = _cast_typed(raw, column, bad)
    return values, [_finding(name, message, rows, raw) for message, rows in bad.messages.items()]


def _finding(name: str, message: str, rows: list[Rows], raw: Values) -> Finding:
    where = np.sort(np.concatenate(rows))
    rule = "encoding" if message == _NOT_UTF8 else "type"
    return Finding(rule, name, message, where, shown(taken(raw, where)))


def _decoded(raw: Values, rows: Rows, bad: _Bad) -> Values:
    """Return bytes as text; those that are not UTF-8 become null and are noted."""
    whole = _attempt(raw, pa.string())
    if whole is not None:
        return whole
    undecodable = np.zeros(len(raw), np.bool_)
    undecodable[_undecodable(raw)] = True
    bad.add(_NOT_UTF8, rows[undecodable])
    return _blank(raw, undecodable).view(pa.string())


def _undecodable(raw: Values) -> Rows:
    """Return the positions of values that are not UTF-8; only those with a byte beyond ASCII are looked at."""
    suspects = found(pc.invert(pc.string_is_ascii(raw.view(pa.string()))))
    bad = [np.empty(0, np.int64)]
    for start in range(0, len(suspects), WINDOW):
        window = suspects[start : start + WINDOW]
        values = taken(raw, window)
        if _attempt(values, pa.string()) is None:
            bad.append(window[[not _decodes(value) for value in values.to_pylist()]])
    return np.concatenate(bad)


def _cast_typed(raw: Values, column: Column, bad: _Bad) -> Values:
    texts = raw.view(pa.string())
    kernel = _kernel(column)
    if len(raw) <= GLANCE or kernel(texts.slice(0, GLANCE)) is not None:  # a cast that fails takes as long as one
        whole = kernel(texts)
        if whole is not None:
            return whole
    sifted = _cast_without_suspects(raw, column, bad)
    return _cast_windows(raw, column, bad) if sifted is None else sifted


def _cast_without_suspects(raw: Values, column: Column, bad: _Bad) -> Values | None:
    """Cast a column whole but for a few values, those by themselves; None if the others cannot be cast either."""
    rows = suspects(raw, column.kind)
    if not 0 < len(rows) <= len(raw) * MOST_SUSPECTS:
        return None
    kernel = _plain_int if column.kind == "int" else _kernel(column)  # whatever has an x is a suspect
    values = kernel(hidden(raw, rows).view(pa.string()))
    if values is None:
        return None
    left_out = np.zeros(len(raw), np.bool_)
    left_out[rows] = True
    return pc.replace_with_mask(values, pa.array(left_out), _salvage(taken(raw, rows), rows, column, bad))


def _cast_windows(raw: Values, column: Column, bad: _Bad) -> Values:
    kernel, starts = _kernel(column), range(0, len(raw), WINDOW)
    pieces: list[Values] = [kernel(raw.slice(start, WINDOW).view(pa.string())) for start in starts]
    failed = [start for start, piece in zip(starts, pieces, strict=True) if piece is None]
    rows = np.concatenate([np.arange(start, min(start + WINDOW, len(raw))) for start in failed])
    salvaged = _salvage(pa.concat_arrays([raw.slice(start, WINDOW) for start in failed]), rows, column, bad)
    for place, start in enumerate(failed):
        pieces[start // WINDOW] = salvaged.slice(place * WINDOW, WINDOW)
    return pa.concat_arrays(pieces)


def _salvage(raw: Values, rows: Rows, column: Column, bad: _Bad) -> Values:
    """Cast what windows failed to; values that cannot be cast become null and are noted."""
    texts = spelled(pc.utf8_trim_whitespace(_decoded(raw, rows, bad)), column.kind)
    shaped = pc.match_substring_regex(texts, SHAPES[column.kind])
    if column.kind in IMPOSSIBLE:
        shaped = pc.and_not(shaped, pc.match_substring_regex(texts, IMPOSSIBLE[column.kind]))
    odd = flags(pc.invert(shaped))
    _note_odd(texts.filter(pa.array(odd)), rows[odd], column, bad)
    texts = _blank(texts, odd)
    values = _kernel(column)(texts)
    if values is not None:
        return values
    windows = [(texts.slice(start, WINDOW), rows[start : start + WINDOW]) for start in range(0, len(texts), WINDOW)]
    return pa.concat_arrays([_halve(window, its, column, bad) for window, its in windows])


def _note_odd(texts: Values, rows: Rows, column: Column, bad: _Bad) -> None:
    for pattern, message in oddities(column):
        same = flags(pc.match_substring_regex(texts, pattern))
        bad.add(message, rows[same])
        texts, rows = texts.filter(pa.array(~same)), rows[~same]


def _halve(texts: Values, rows: Rows, column: Column, bad: _Bad) -> Values:
    """Cast well-shaped texts, halving until each value that does not fit its type stands alone."""
    values = _kernel(column)(texts)
    if values is not None:
        return values
    if len(texts) == 1:
        bad.add(misfit(texts[0].as_py(), column), rows)
        return nothing(1, column.arrow_type)
    middle = len(texts) // 2
    halves = [(texts.slice(0, middle), rows[:middle]), (texts.slice(middle), rows[middle:])]
    return pa.concat_arrays([_halve(half, its, column, bad) for half, its in halves])


def _blank(array: Values, mask: NDArray[np.bool_]) -> Values:
    return pc.if_else(pa.array(mask), pa.scalar(None, array.type), array) if mask.any() else array


def _decodes(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _attempt(values: Values, to: pa.DataType) -> Values | None:
    try:
        return values.cast(to)
    except pa.ArrowInvalid:
        return None


def _int(texts: Values) -> Values | None:
    if (value_bytes(texts) | 0x20 == ord("x")).any() and _has_x(texts):  # Arrow takes 0x1F for a number
        return None
    return _plain_int(texts)


def _plain_int(texts: Values) -> Values | None:
    return _attempt(texts, pa.int64())


def _has_x(texts: Values) -> bool:
    """Whether a value has an x: its bytes may lie behind a null, too."""
    return not texts.null_count or bool(flags(pc.match_substring_regex(texts, "[xX]")).any())


def _float(texts: Values) -> Values | None:
    values = _attempt(texts, pa.float64())  # takes nan and inf, and turns what is too large into inf
    return values if values is not None and pc.all(pc.is_finite(values)).as_py() is not False else None


def _decimal(texts: Values, to: pa.DataType) -> Values | None:
    return _attempt(texts, to)


_FLAGS = {"true": True, "t": True, "yes": True, "1": True, "false": False, "f": False, "no": False, "0": False}


def _bool(texts: Values) -> Values | None:
    places = pc.index_in(pc.ascii_lower(texts), value_set=pa.array(list(_FLAGS)))
    meanings = pa.array(list(_FLAGS.values()))
    return meanings.take(places) if places.null_count == texts.null_count else None


def _date(texts: Values) -> Values | None:
    values = _attempt(texts, pa.date32())
    return values if values is not None and _within(values.view(pa.int32()), _DAYS) else None


def _timestamp(texts: Values) -> Values | None:
    zoned = pa.timestamp("us", tz="UTC")
    values = _attempt(texts, pa.timestamp("us"))
    values = _attempt(texts, zoned) if values is None else values.cast(zoned)
    return values if values is not None and _within(values.view(pa.int64()), _MICROSECONDS) else None


def _within(values: Values, bounds: tuple[int, int]) -> bool:
    ends: Values = pc.min_max(values)
    low, high = ends["min"].as_py(), ends["max"].as_py()
    return low is None or bool(bounds[0] <= low and high <= bounds[1])


def _kernel(column: Column) -> Kernel:
    if column.kind == "decimal":
        return functools.partial(_decimal, to=column.arrow_type)
    kernels: dict[str, Kernel] = {
        "int": _int,
        "float": _float,
        "bool": _bool,
        "date": _date,
        "timestamp": _timestamp,
    }
    return kernels[column.kind]
