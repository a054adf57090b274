"""Many JSON lines at once: those that have the shape of a known one.

A shape is a flat object as one line writes it: its keys, in order, with the blanks around them. Cut at every comma,
a line of that shape is one piece a key, each beginning with the very bytes `"key":`, and what is left is one value.
That is checked for every piece, so a line that passes is proven to be that object; any other (commas or escapes in
texts, other keys, anything wrong) is left to be read by itself.

Lives elsewhere: reading one object (json_records.py), which lines there are (csv_records.py).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Any, Literal, cast

import numpy as np
import pyarrow as pa
import pyarrow.csv as pv
from pyarrow import compute

from batch_pipelines.processing.sources.encodings import UTF8_BOM
from batch_pipelines.processing.sources.json_records import NotRecord, typed
from batch_pipelines.processing.sources.reading import Bools, Ints

BLOCK_BYTES = 1 << 20
_PIECE = re.compile(rb'([ \t]*"([^"\\]*)"[ \t]*:[ \t]*)([^ \t](?:.*[^ \t])?)([ \t]*)', re.DOTALL)
_NUMBER = rb"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
_VALUE = re.compile(rb'"[^"\\]*"|true|false|null|' + _NUMBER)
_PLAIN = r"^(?:-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false)$"
_ODD = np.isin(np.arange(256), [*range(32), *b'"\\'])  # bytes that a text cannot hold, or not as they are
_TEXT = r'^"[^"\\\x00-\x1f]*"$'

Values = Any  # the stubs of pyarrow know an array by the type of its values
pc: Any = compute  # and its functions by that, too


@dataclass(frozen=True, slots=True)
class Shape:
    """How the lines of one shape are written.

    Attributes:
        keys: Of the object, in order.
        prefixes: What each piece begins with, up to its value.
        suffix: What follows the last value.
        texts: Whether each value of the line it was taken from is a text.
    """

    keys: tuple[str, ...]
    prefixes: tuple[bytes, ...]
    suffix: bytes
    texts: tuple[bool, ...]


def shape_of(line: bytes) -> Shape | None:
    """Return the shape of a line, None if it is not flat, or has a comma or an escape in a text."""
    inside = re.fullmatch(rb"([ \t]*\{)(.*)(\}[ \t]*)", line, re.DOTALL)
    if inside is None:
        return None
    pieces = [_PIECE.fullmatch(piece) for piece in inside[2].split(b",")]
    found = [piece for piece in pieces if piece is not None and _VALUE.fullmatch(piece[3])]
    try:
        keys = tuple(piece[2].decode() for piece in found)
    except UnicodeDecodeError:
        return None
    if len(found) < len(pieces) or any(piece[4] for piece in found[:-1]) or not _is_object(line, keys):
        return None
    prefixes = [piece[1] for piece in found]
    prefixes[0] = inside[1] + prefixes[0]
    texts = tuple(piece[3].startswith(b'"') for piece in found)
    return Shape(keys, tuple(prefixes), found[-1][4] + inside[3], texts)


def _is_object(line: bytes, keys: tuple[str, ...]) -> bool:
    try:
        return tuple(typed(line)) == keys
    except NotRecord:
        return False


def read_lines(lines: bytes, count: int, shape: Shape, columns: Sequence[str]) -> tuple[pa.Table, Bools]:
    """Read the lines that have a shape.

    Args:
        lines: Lines of UTF-8 without a carriage return in them (but at the end), none empty.
        count: How many.
        shape: The shape.
        columns: The keys that become columns, binary; null where the shape has no such key, or the value is null.

    Returns:
        The rows of the lines that have it, and for each line whether it has.
    """
    table, numbers = _pieces(lines, count, len(shape.keys))
    good = np.ones(table.num_rows, np.bool_)
    found: dict[str, Values] = {}
    for place, key in enumerate(shape.keys):
        suffix = shape.suffix if place == len(shape.keys) - 1 else b""
        pieces = table.column(place).combine_chunks()
        values, fits = _values(pieces, shape.prefixes[place], suffix, text=shape.texts[place])
        good &= fits
        if key in columns:
            found[key] = values
    arrays: list[Any] = [found.get(name, _nothing(table.num_rows)) for name in columns]
    rows = pa.table(arrays, names=list(columns))
    has = np.zeros(count, np.bool_)
    has[numbers[good]] = True
    return rows if good.all() else rows.filter(pa.array(good)), has


def _pieces(lines: bytes, count: int, width: int) -> tuple[pa.Table, Ints]:
    """Cut every line at its commas: those with `width` pieces, and which lines they are."""
    uneven: list[int] = []

    def note(row: pv.InvalidRow) -> Literal["skip"]:
        uneven.append(cast("int", row.number) - 1)  # never None with one thread
        return "skip"

    names = [str(place) for place in range(width)]
    block = max(BLOCK_BYTES, 2 * _longest(lines))  # pyarrow fails on a record that spans three blocks
    feed = b"\n" + lines if lines.startswith(UTF8_BOM) else lines
    options: dict[str, Any] = {
        "read_options": pv.ReadOptions(column_names=names, use_threads=False, block_size=block),
        "parse_options": pv.ParseOptions(delimiter=",", quote_char=False, invalid_row_handler=note),
        "convert_options": pv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.binary()), check_utf8=False, null_values=[], strings_can_be_null=False
        ),
    }
    table = pv.read_csv(cast("IO[bytes]", pa.BufferReader(feed)), **options)
    return table, np.delete(np.arange(count), uneven)


def _longest(lines: bytes) -> int:
    ends = np.flatnonzero(np.frombuffer(lines, np.uint8) == ord("\n"))
    return int(np.diff(ends, prepend=-1).max(initial=0))


def _values(pieces: Values, prefix: bytes, suffix: bytes, *, text: bool) -> tuple[Values, Bools]:
    """Take the values out of pieces, as cells; whether each piece is `prefix`, one whole value, `suffix`."""
    long_enough = pc.greater(pc.binary_length(pieces), len(prefix) + len(suffix))
    fits = pc.and_(long_enough, pc.starts_with(pieces, prefix))
    if suffix:
        fits = pc.and_(fits, pc.ends_with(pieces, suffix))
        pieces = _without_end(pieces, len(suffix))
    values = pc.binary_replace_slice(pieces, 0, len(prefix), b"")
    is_null = pc.equal(values, pa.scalar(b"null"))
    if text or (_data(values) == ord('"')).any():
        values, fits = _unquoted(values, fits, is_null)
    elif not _are_ints(values):
        fits = pc.and_(fits, pc.or_(is_null, pc.match_substring_regex(values, _PLAIN)))
    if pc.any(is_null).as_py():
        values = pc.if_else(is_null, pa.scalar(None, pa.binary()), values)
    flags: Bools = fits.to_numpy(zero_copy_only=False)
    return values, flags


def _without_end(values: Values, size: int) -> Values:
    return pc.binary_replace_slice(values, -size, 1 << 30, b"")


def _unquoted(values: Values, fits: Values, is_null: Values) -> tuple[Values, Values]:
    """Take texts out of their quotes; other values stay as they are."""
    quoted = pc.starts_with(values, b'"')
    texts = pc.binary_replace_slice(_without_end(values, 1), 0, 1, b"")
    if _ODD[_data(texts)].any():
        whole = pc.match_substring_regex(values, _TEXT)
    else:
        whole = pc.and_(pc.ends_with(values, b'"'), pc.greater(pc.binary_length(values), 1))
    if pc.all(quoted).as_py():
        return texts, pc.and_(fits, whole)
    plain = pc.or_(is_null, pc.match_substring_regex(values, _PLAIN))
    return pc.if_else(quoted, texts, values), pc.and_(fits, pc.if_else(quoted, whole, plain))


def _are_ints(values: Values) -> bool:
    """Whether all of them are whole numbers without a sign, the quick way."""
    sizes = pc.binary_length(values).to_numpy()
    data = _data(values)
    if not len(sizes) or sizes.min() < 1 or (data - ord("0") > 9).any():  # noqa: PLR2004 - bytes wrap around
        return False
    leading = data[np.cumsum(sizes) - sizes] == ord("0")
    return not (leading & (sizes > 1)).any()


def _data(values: Values) -> Any:
    """The bytes of all values, one after the other."""
    _, offsets, data = values.buffers()
    if not len(values) or data is None:
        return np.empty(0, np.uint8)
    ends = np.frombuffer(offsets, np.int32)
    return np.frombuffer(data, np.uint8)[ends[values.offset] : ends[values.offset + len(values)]]


def _nothing(count: int) -> Values:
    make: Any = pa.nulls
    return make(count, pa.binary())
