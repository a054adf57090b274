"""What type a column of text looks like.

Lives here: the guess alone. A type is named only if every value of the sample is written in the way in which
the type is read by default; anything else stays text, because a wrong guess costs rows.
Lives elsewhere: converting (rows/casts).
"""

import re
from collections.abc import Callable, Collection
from datetime import date, datetime

import pyarrow as pa

_INT = re.compile(r"-?(?:0|[1-9]\d{0,18})", re.ASCII)  # 007 is an id, not a number
_FLOAT = re.compile(r"-?(?:(?:0|[1-9]\d*)(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:?\d\d)?", re.ASCII)
_INT64 = range(-(1 << 63), 1 << 63)


def _is_int(text: str) -> bool:
    return bool(_INT.fullmatch(text)) and int(text) in _INT64


def _is_float(text: str) -> bool:
    fractional = any(mark in text for mark in ".eE")
    return bool(_FLOAT.fullmatch(text)) if fractional else _is_int(text)


def _is_date(text: str) -> bool:
    return bool(_DATE.fullmatch(text)) and _parses(date.fromisoformat, text)


def _is_timestamp(text: str) -> bool:
    return bool(_TIMESTAMP.fullmatch(text)) and _parses(datetime.fromisoformat, text)


def _parses(parse: Callable[[str], object], text: str) -> bool:
    try:
        parse(text)
    except ValueError:
        return False
    return True


_GUESSES: dict[str, Callable[[str], bool]] = {
    "bool": lambda text: text in {"true", "false", "True", "False", "TRUE", "FALSE"},
    "int": _is_int,
    "float": _is_float,
    "date": _is_date,
    "timestamp": _is_timestamp,
}


def infer_type(column: "pa.ChunkedArray[pa.BinaryScalar]") -> str:
    """Name the type that all values of a binary column are written in; `string` if there is none.

    Args:
        column: The sample; nulls say nothing.

    Returns:
        `bool`, `int`, `float`, `date`, `timestamp` or `string`.
    """
    return infer_type_of([value.decode(errors="replace") for value in column.unique().to_pylist() if value is not None])


def infer_type_of(values: Collection[str]) -> str:
    """Name the type that all these texts are written in; `string` if there is none, or no text."""
    if not values:
        return "string"
    return next((name for name, fits in _GUESSES.items() if all(map(fits, values))), "string")
