"""A pydantic model's complaints in words: which key, what is wrong, what is allowed, the nearest of it.

What must not live here: files and lines (yaml_files.py), what any key means (the models).
"""

import difflib
from collections.abc import Iterable, Iterator
from datetime import date
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

KeyPath = tuple[str | int, ...]
Problem = tuple[KeyPath, str]
SHOWN_LETTERS = 80
_NOT_OF_TYPE = {
    "string_type": "text",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "list_type": "a list",
    "dict_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
    "model_attributes_type": "a mapping of keys to values",
}


class KeyProblems(ValueError):
    """What a model's validator found, each with the keys (from that model on) that lead to it.

    Attributes:
        problems: Pairs of key path and message.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("; ".join(message for _, message in self.problems))


def problems_of(details: ErrorDetails, model: type[BaseModel], data: object) -> Iterator[Problem]:
    """Put one of pydantic's complaints into words; a validator of ours may have found several things.

    Returns:
        Key paths that `data` has (so that a line can be found), each with its message.
    """
    location = details["loc"]
    cause = details.get("ctx", {}).get("error")
    if isinstance(cause, KeyProblems):
        for path, message in cause.problems:
            yield _placed((*location, *path), message, data)
    elif details["type"] == "missing":
        yield _placed(location[:-1], f"key {str(location[-1])!r} is missing", data)
    elif details["type"] == "extra_forbidden":
        path, message = _placed(location[:-1], _unknown(str(location[-1]), _keys(model, location[:-1])), data)
        yield (*path, location[-1]), message
    else:
        yield _placed(location, _sentence(details), data)


def _placed(location: KeyPath, message: str, data: object) -> Problem:
    """Reduce a location to the keys that the document has, and put them before the message."""
    path: list[str | int] = []
    for part in location:
        inside = (isinstance(data, dict) and part in data) or (isinstance(data, list) and part in range(len(data)))
        if inside:
            data = data[part]  # type: ignore[index]
            path.append(part)
    keys = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
    return tuple(path), f"{keys}: {message}" if keys else message


def _unknown(key: str, allowed: list[str]) -> str:
    close = difflib.get_close_matches(key, allowed, n=1)
    cure = f"did you mean {close[0]!r}?" if close else f"allowed: {', '.join(allowed)}"
    return f"unknown key {key!r}; {cure}"


def _sentence(details: ErrorDetails) -> str:
    kind, value, context = details["type"], details["input"], details.get("ctx", {})
    if kind in {"value_error", "assertion_error"}:
        return str(context.get("error", details["msg"]))
    if kind in _NOT_OF_TYPE:
        quotes = "; put it in quotes, as YAML reads it otherwise" if kind == "string_type" and _is_bare(value) else ""
        return f"{as_text(value)} is not {_NOT_OF_TYPE[kind]}{quotes}"
    if kind in {"literal_error", "enum"}:
        return f"{as_text(value)} is not allowed; write {context['expected']}"
    if kind in {"greater_than_equal", "less_than_equal"}:
        limit = f"at least {context['ge']}" if kind == "greater_than_equal" else f"at most {context['le']}"
        return f"{as_text(value)} is out of range; it has to be {limit}"
    return f"{as_text(value)}: {details['msg']}"


def _is_bare(value: object) -> bool:
    return isinstance(value, int | float | date)


def _keys(model: type[BaseModel], location: KeyPath) -> list[str]:
    """Return the keys that the model at this location has, in order."""
    types: list[Any] = [model]
    for part in location:
        following: list[Any] = []
        for candidate in types:
            fields = candidate.model_fields if _is_model(candidate) else {}
            match = [field.annotation for name, field in fields.items() if part in {name, _key(name, field)}]
            values = [get_args(candidate)[-1]] if get_origin(candidate) in {dict, list, tuple} else []
            following += [inner for annotation in [*match, *values] for inner in _flat(annotation)]
        types = following or types  # a union's tag leads nowhere
    return [
        _key(name, field)
        for candidate in types
        if _is_model(candidate)
        for name, field in candidate.model_fields.items()
    ]


def _key(name: str, field: FieldInfo) -> str:
    return field.validation_alias if isinstance(field.validation_alias, str) else name


def _flat(annotation: Any) -> list[Any]:
    if get_origin(annotation) in {Union, UnionType}:
        return [inner for member in get_args(annotation) for inner in _flat(member)]
    if get_origin(annotation) is Annotated:
        return _flat(get_args(annotation)[0])
    return [] if get_origin(annotation) is Literal else [annotation]


def _is_model(annotation: object) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def as_text(value: object) -> str:
    """Show a value in a message, shortened."""
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    if value is None or isinstance(value, bool):
        return "nothing" if value is None else str(value).lower()
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= SHOWN_LETTERS else f"{text[:SHOWN_LETTERS]}…"
