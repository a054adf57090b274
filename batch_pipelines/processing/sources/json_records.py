"""One JSON object to cells, exactly: every key once, every number as it is written.

Lives here: reading objects one by one, the text that a nested value has, guessing columns from objects.
Lives elsewhere: many lines of one shape at once (json_shapes.py), what the cells mean (rows/).

A cell is the text of its value: a string's characters, a number as written, `true`, `false`; null is null; an array or
object is its JSON. So numbers keep every digit, and each declared type reads them by the rules that it has for CSV.
"""

import json
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, NoReturn

from batch_pipelines.processing.sources.csv_types import infer_type_of

TOO_DEEP = "is nested too deeply to be read"
_INT64 = range(-(1 << 63), 1 << 63)


class Number(str):
    """A number as it is written, where it has to be told from a text."""

    __slots__ = ()


class NotRecord(Exception):
    """A text that is no record.

    Attributes:
        rule: As in `StructuralReject`.
        message: Likewise.
    """

    def __init__(self, rule: str, message: str) -> None:
        self.rule = rule
        self.message = message
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is read of each object.

    Attributes:
        columns: The keys that become cells, in order.
        strict: Whether another key makes it a reject.
        nulls: Texts that mean null.
        largest_cell: Most bytes of a cell.
        numbers: Columns that hold numbers: a text whose leading zeros one would lose is a reject.
    """

    columns: tuple[str, ...]
    strict: bool
    nulls: frozenset[str]
    largest_cell: int
    numbers: tuple[str, ...] = ()


def _constant(name: str) -> NoReturn:
    raise NotRecord("json", f"holds {name}, which is not JSON; write null")


_QUICK = json.JSONDecoder(object_pairs_hook=tuple, parse_int=str, parse_float=str, parse_constant=_constant)
_EXACT = json.JSONDecoder(object_pairs_hook=tuple, parse_int=Number, parse_float=Number, parse_constant=_constant)


def values_of(content: bytes, wanted: Wanted) -> list[str | bool | None]:
    """Read one object; for each wanted column its cell, or true or false as such.

    Raises:
        NotRecord: It is not one.
    """
    values = _object(content, _QUICK)
    if wanted.strict and (extra := values.keys() - set(wanted.columns)):
        names = ", ".join(map(repr, sorted(extra)[:5]))
        raise NotRecord("columns", f"has the key {names}, which is not declared; declare it, or write `extra: ignore`")
    found = list(map(values.get, wanted.columns))
    if _may_nest(content) and any(isinstance(value, tuple | list) for value in found):
        values = _object(content, _EXACT)  # their text needs to tell numbers from strings
        found = [None if (value := values.get(name)) is None else text_of(value) for name in wanted.columns]
    if len(content) > wanted.largest_cell or b"\\u" in content:
        _refuse_odd_cells(found, wanted)
    return found


def typed(content: bytes) -> dict[str, Any]:
    """Read one object, numbers as `Number`, nested objects as tuples of pairs.

    Raises:
        NotRecord: It is not one.
    """
    return _object(content, _EXACT)


def text_of(value: Any) -> str:
    """Write a value as a cell.

    Raises:
        NotRecord: It is nested too deeply.
    """
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    try:
        return _json(value)
    except RecursionError:
        raise NotRecord("json", TOO_DEEP) from None


def _object(content: bytes, decoder: json.JSONDecoder) -> dict[str, Any]:
    try:
        found: Any = decoder.decode(content.decode())
    except UnicodeDecodeError:
        raise NotRecord("encoding", "is not valid UTF-8") from None
    except json.JSONDecodeError as error:
        raise NotRecord("json", f"is not JSON: {error.msg} at character {error.pos + 1}") from None
    except RecursionError:
        raise NotRecord("json", TOO_DEEP) from None
    if not isinstance(found, tuple):
        raise NotRecord("json", f"is {_kind(found)}, not an object")
    values = dict(found)
    if len(values) < len(found) or _may_nest(content):
        _refuse_twins(found)
    return values


def _may_nest(content: bytes) -> bool:
    return content.count(b"{") + content.count(b"[") > 1


def _kind(value: Any) -> str:
    return "an array" if isinstance(value, list) else "null" if value is None else "a single value"


def _refuse_twins(pairs: Any) -> None:
    """Refuse a key that an object has twice: readers differ in which one they take."""
    stack = [pairs]
    while stack:
        value = stack.pop()
        if isinstance(value, tuple):
            keys = [key for key, _ in value]
            if len(set(keys)) < len(keys):
                twin = Counter(keys).most_common(1)[0][0]
                raise NotRecord("json", f"has the key {twin[:100]!r} twice")
            stack += [inner for _, inner in value if isinstance(inner, tuple | list)]
        else:
            stack += [inner for inner in value if isinstance(inner, tuple | list)]


def _refuse_odd_cells(values: Iterable[str | bool | None], wanted: Wanted) -> None:
    for name, text in zip(wanted.columns, values, strict=True):
        if not isinstance(text, str):
            continue
        try:
            size = len(text.encode())
        except UnicodeEncodeError:
            raise NotRecord("encoding", f"{name} holds half a surrogate pair, which is no text") from None
        if size > wanted.largest_cell:
            raise NotRecord("cell", f"{name} has {size:,} bytes, at most {wanted.largest_cell:,} are read")
        if "\0" in text:
            raise NotRecord("nul", "holds a NUL character")


def _json(value: Any) -> str:
    """Write a nested value as JSON, its numbers as they were. Depth is bounded: the decoder would have refused."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, tuple):
        inner = (f"{json.dumps(key, ensure_ascii=False)}:{_json(each)}" for key, each in value)
        return f"{{{','.join(inner)}}}"
    if isinstance(value, list):
        return f"[{','.join(map(_json, value))}]"
    return {True: "true", False: "false", None: "null"}[value]


def infer(contents: Iterable[bytes], nulls: Collection[str]) -> dict[str, str]:
    """Guess the columns from objects; what is no object says nothing.

    A text that looks like a number stays text (`"007"` is an id); dates and timestamps are told by their looks.
    """
    seen: dict[str, list[Any]] = {}
    for content in contents:
        try:
            values = typed(content)
        except NotRecord:
            continue
        for key, value in values.items():
            known = seen.setdefault(key, [])
            if value is not None and not (isinstance(value, str) and value in nulls):
                known.append(value)
    return {key: _guess(values) for key, values in seen.items()}


def _guess(values: list[Any]) -> str:
    if not values:
        return "string"
    if all(isinstance(value, bool) for value in values):
        return "bool"
    if all(isinstance(value, Number) for value in values):
        return "int" if all(_is_int(value) for value in values) else "float"
    if all(type(value) is str for value in values):
        kind = infer_type_of(values)
        return kind if kind in {"date", "timestamp"} else "string"
    return "string"


def _is_int(number: str) -> bool:
    return not set(number) & set(".eE") and len(number) <= 20 and int(number) in _INT64  # noqa: PLR2004 - digits of 2^64
