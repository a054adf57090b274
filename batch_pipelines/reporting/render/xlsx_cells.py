"""Cells of a spreadsheet as XML, a whole column at a time: Arrow in, Arrow text out.

A spreadsheet knows numbers of 15 digits, days since 1900, and text of 32,767 letters; whatever is beyond becomes text,
or is cut and counted. No text ever is a formula. What must not live here: sheets and zip (xlsx_rows.py).
"""

from typing import Any

import pyarrow as pa
import pyarrow.compute

pc: Any = pyarrow.compute  # its stubs know no Python numbers beside arrays

LONGEST_TEXT = 32_767
MOST_DIGITS = 10**15
_EPOCH_DAYS = 25_569  # from 1899-12-30 to 1970-01-01
_FIRST_DAY = 61  # before 1900-03-01 spreadsheets disagree about what day it is
_US_A_DAY = 86_400_000_000
_CONTROL = "[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\ufffe\uffff]"
_ESCAPE_LIKE = r"_(x[0-9A-Fa-f]{4}_)"


def cells(column: Any, references: Any, style: int) -> tuple[Any, int]:
    """Cells of a column.

    Args:
        column: Its values.
        references: Text array: `A2`, `A3`, …
        style: Number of the cells' format.

    Returns:
        Text array with a `<c …>` for every value, and how many texts were cut.
    """
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.dictionary_decode(), kind.value_type
    if pa.types.is_boolean(kind):
        return _marked(pc.cast(pc.cast(column, pa.int8()), pa.string()), references, style, ' t="b"'), 0
    if pa.types.is_integer(kind):
        return _integers(column, references, style), 0
    if pa.types.is_floating(kind):
        finite = pc.if_else(pc.is_finite(column), column, pa.scalar(None, kind))
        return _marked(pc.cast(finite, pa.string()), references, style), 0
    if pa.types.is_decimal(kind):
        return _decimals(column, references, style), 0
    if pa.types.is_temporal(kind):
        return _moments(column, references, style), 0
    return _texts(column, references, style)


def wall_clock(column: Any, timezone: str) -> Any:
    """Aware times as the local clock shows them; all else as it is."""
    if not pa.types.is_timestamp(column.type):
        return column
    if column.type.tz is None:
        return pc.cast(column, pa.timestamp("us"), safe=False)
    there = pc.cast(pc.cast(column, pa.timestamp("us", "UTC"), safe=False), pa.timestamp("us", timezone))
    return pc.local_timestamp(there)


def _marked(texts: Any, references: Any, style: int, kind: str = "") -> Any:
    """`<c r="A2" s="5"><v>…</v></c>`; without a value, an empty cell."""
    full = pc.binary_join_element_wise('<c r="', references, f'" s="{style}"{kind}><v>', texts, "</v></c>", "")
    return pc.coalesce(full, _empty(references, style))


def _empty(references: Any, style: int) -> Any:
    return pc.binary_join_element_wise('<c r="', references, f'" s="{style}"/>', "")


def _integers(column: Any, references: Any, style: int) -> Any:
    texts = pc.cast(column, pa.string())
    if len(column) == column.null_count:
        return _marked(texts, references, style)
    ends = pc.min_max(column).as_py()
    if ends["min"] > -MOST_DIGITS and ends["max"] < MOST_DIGITS:
        return _marked(texts, references, style)
    large = pc.or_(pc.less_equal(column, -MOST_DIGITS), pc.greater_equal(column, MOST_DIGITS))
    return pc.if_else(pc.fill_null(large, False), _inline(texts, references, style), _marked(texts, references, style))  # noqa: FBT003


def _decimals(column: Any, references: Any, style: int) -> Any:
    texts = pc.cast(column, pa.string())
    digits = pc.utf8_length(pc.replace_substring_regex(texts, r"^[-0.]+|\.|0+$", ""))
    large = pc.fill_null(pc.greater(digits, 15), False)  # noqa: FBT003
    return pc.if_else(large, _inline(texts, references, style), _marked(texts, references, style))


def _moments(column: Any, references: Any, style: int) -> Any:
    kind = column.type
    if pa.types.is_time(kind):
        micros = pc.cast(pc.cast(column, pa.time64("us")), pa.int64())
        return _marked(_fraction(micros, 0), references, style)
    if pa.types.is_duration(kind):
        micros = pc.cast(pc.cast(column, pa.duration("us"), safe=False), pa.int64())
        return _marked(_fraction(micros, 0), references, style)
    if pa.types.is_date(kind):
        days = pc.add(pc.cast(pc.cast(column, pa.date32()), pa.int32()), _EPOCH_DAYS)
        early, numbers = pc.less(days, _FIRST_DAY), pc.cast(days, pa.string())
    elif pa.types.is_timestamp(kind):
        micros = pc.cast(pc.cast(column, pa.timestamp("us"), safe=False), pa.int64())
        early = pc.less(micros, (_FIRST_DAY - _EPOCH_DAYS) * _US_A_DAY)
        numbers = _fraction(micros, _EPOCH_DAYS)
    else:
        return _inline(pc.cast(column, pa.string()), references, style)
    marked = _marked(numbers, references, style)
    if not pc.any(early).as_py():
        return marked
    texts = _inline(pc.cast(column, pa.string()), references, style)
    return pc.if_else(pc.fill_null(early, False), texts, marked)  # noqa: FBT003


def _fraction(micros: Any, days: int) -> Any:
    return pc.cast(
        pc.add(pc.divide(pc.cast(micros, pa.float64(), safe=False), float(_US_A_DAY)), float(days)), pa.string()
    )


def _texts(column: Any, references: Any, style: int) -> tuple[Any, int]:
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        plain = [None if value is None else _as_text(value) for value in column.to_pylist()]
        column = pa.array(plain, pa.string())
    cut = 0
    longest = pc.max(pc.binary_length(column)).as_py() or 0
    if longest > LONGEST_TEXT:
        lengths = pc.utf8_length(column)
        cut = pc.sum(pc.greater(lengths, LONGEST_TEXT)).as_py() or 0
        column = pc.utf8_slice_codeunits(column, 0, LONGEST_TEXT)
    return _inline(column, references, style), cut


def _inline(texts: Any, references: Any, style: int) -> Any:
    full = pc.binary_join_element_wise(
        '<c r="', references, f'" s="{style}" t="inlineStr"><is><t xml:space="preserve">', _escaped(texts),
        "</t></is></c>", "",
    )  # fmt: skip
    return pc.coalesce(full, _empty(references, style))


def _escaped(texts: Any) -> Any:
    """As XML: what is rare is looked for before it is replaced."""
    for sign, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        if pc.any(pc.match_substring(texts, sign)).as_py():
            texts = pc.replace_substring(texts, sign, entity)
    if pc.any(pc.match_substring_regex(texts, _CONTROL)).as_py():
        texts = pc.replace_substring_regex(texts, _CONTROL, "")
    if pc.any(pc.match_substring(texts, "_x")).as_py():
        texts = pc.replace_substring_regex(texts, _ESCAPE_LIKE, r"_x005F_\1")
    return texts


def _as_text(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
