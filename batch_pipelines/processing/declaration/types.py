"""The types that columns have: their names, their Arrow types, and values of them as YAML writes them.

A declaration keeps values as JSON scalars (`stored`); rules compare Python values (`typed`).
"""

import math
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

TYPE_NAMES = ("string", "int", "float", "decimal(p,s)", "bool", "date", "timestamp")
_DECIMAL = re.compile(r"decimal\(\s*(\d{1,2})\s*,\s*(\d{1,2})\s*\)", re.ASCII)
_MAX_DIGITS = 38

Scalar = int | float | str | bool
Typed = int | float | str | bool | Decimal | date | datetime


def canonical_type(value: str) -> str:
    """Check a type's name and write it without blanks.

    Raises:
        ValueError: There is no such type; the message names those there are.
    """
    text = value.strip()
    if text in TYPE_NAMES and "(" not in text:
        return text
    found = _DECIMAL.fullmatch(text)
    if found is None:
        quotes = "; within { } put it in quotes, as its comma ends the value otherwise" if "decimal(" in text else ""
        raise ValueError(f"{value!r} is not a type; allowed: {', '.join(TYPE_NAMES)}{quotes}")
    digits, scale = int(found[1]), int(found[2])
    if not 1 <= digits <= _MAX_DIGITS or scale > digits:
        raise ValueError(f"{value!r}: decimal(p,s) takes p from 1 to {_MAX_DIGITS} and s from 0 to p")
    return f"decimal({digits},{scale})"


def arrow_type(type_name: str) -> "pa.DataType":
    """Return the Arrow type of a canonical type name."""
    import pyarrow as pa  # noqa: PLC0415 - reading declarations must not cost an import of pyarrow

    if found := _DECIMAL.fullmatch(type_name):
        return pa.decimal128(int(found[1]), int(found[2]))
    plain: dict[str, pa.DataType] = {
        "string": pa.string(),
        "int": pa.int64(),
        "float": pa.float64(),
        "bool": pa.bool_(),
        "date": pa.date32(),
        "timestamp": pa.timestamp("us", tz="UTC"),
    }
    return plain[type_name]


def stored(type_name: str, value: object) -> Scalar:
    """Bring a value from YAML into the form a declaration keeps: a JSON scalar.

    Raises:
        ValueError: It is not of that type.
    """
    result = _READERS[type_name.partition("(")[0]](value)
    if isinstance(result, Decimal):
        _check_decimal(type_name, result)
        return format(result, "f")
    return result.isoformat() if isinstance(result, date) else result


def typed(type_name: str, value: object) -> Typed:
    """Return a value of a declaration as a Python value of its type."""
    return _READERS[type_name.partition("(")[0]](value)


def _wrong(value: object, what: str) -> ValueError:
    return ValueError(f"{value!r} is not {what}" if isinstance(value, str) else f"{value} is not {what}")


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    raise _wrong(value, "text; put it in quotes, as YAML reads it otherwise")


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not -(2**63) <= value < 2**63:
        raise _wrong(value, "a whole number of 64 bits")
    return value


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _wrong(value, "a finite number")
    return float(value)


def _decimal(value: object) -> Decimal:
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        try:
            number = Decimal(str(value))
        except InvalidOperation:
            number = Decimal("nan")
        if number.is_finite():
            return number
    raise _wrong(value, "a decimal number")


def _check_decimal(type_name: str, number: Decimal) -> None:
    digits, scale = (int(part) for part in type_name[8:-1].split(","))
    exponent = number.normalize().as_tuple().exponent
    if number.adjusted() >= digits - scale or -int(exponent) > scale:
        raise ValueError(f"{number} does not fit {type_name}")


def _flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise _wrong(value, "true or false")


def _day(value: object) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value, re.ASCII):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise _wrong(value, "a date; write it as 2013-01-31")


def _moment(value: object) -> datetime:
    moment = value
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            moment = None
    elif isinstance(value, date) and not isinstance(value, datetime):
        moment = datetime.combine(value, time())
    if not isinstance(moment, datetime):
        raise _wrong(value, "a timestamp; write it as 2013-01-31T05:00:00Z")
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


_READERS: dict[str, Callable[[object], Typed]] = {
    "string": _text,
    "int": _whole,
    "float": _number,
    "decimal": _decimal,
    "bool": _flag,
    "date": _day,
    "timestamp": _moment,
}
