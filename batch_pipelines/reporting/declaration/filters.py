"""Filters of a report: typed values that its queries may name as `$filter`, bound, never formatted in."""

import datetime as dt
from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import BaseModel, Field, model_validator

from batch_pipelines.core.declaring.declared import SETTINGS
from batch_pipelines.core.declaring.key_problems import KeyProblems, as_text
from batch_pipelines.core.errors import ConfigError
from batch_pipelines.presentation.words import title_of

FilterType = Literal["string", "int", "float", "bool", "date", "list"]
LONGEST_TEXT = 1_000
MOST_VALUES = 1_000


class Filter(BaseModel):
    """A filter.

    Attributes:
        type: Of its value; a `list` is of strings.
        enum: Allowed values (of a list: of its elements); None for any.
        default: Where a run gives none; null usually stands for "all".
        required: Whether a run has to give a value.
        label: As readers see it; made from the name where None.
    """

    model_config = SETTINGS

    type: FilterType = "string"
    enum: list[str | int | float] | None = Field(default=None, min_length=1)
    default: Any = None
    required: bool = False
    label: str | None = None

    @model_validator(mode="after")
    def _default_fits(self) -> Self:
        try:
            object.__setattr__(self, "default", read_filter(self, self.default, "default"))
        except ConfigError as error:
            raise KeyProblems([(("default",), error.message)]) from error
        return self


def filter_values(filters: Mapping[str, Filter], given: Mapping[str, Any]) -> dict[str, Any]:
    """The value of every filter: given, or its default; as plain JSON values, dates as text.

    Raises:
        ConfigError: There is no such filter, a value does not fit, or a required one is missing.
    """
    for name in given:
        if name not in filters:
            known = ", ".join(filters) or "none"
            raise ConfigError(f"there is no filter {name!r}; declared: {known}")
    values = {}
    for name, declared in filters.items():
        if declared.required and given.get(name) is None:
            raise ConfigError(f"filter {name!r} has no default: give it a value")
        values[name] = read_filter(declared, given[name], f"filter {name!r}") if name in given else declared.default
    return values


def read_filter(declared: Filter, value: Any, what: str) -> Any:
    """Read one value, as YAML, JSON or a command line gives it.

    Raises:
        ConfigError: It does not fit.
    """
    if value is None:
        return None
    if declared.type == "list":
        values = value if isinstance(value, list) else [part.strip() for part in str(value).split(",")]
        if len(values) > MOST_VALUES:
            raise ConfigError(f"{what}: {len(values):,} values are more than the {MOST_VALUES:,} allowed")
        return [_allowed(declared, _read("string", each, what), what) for each in values]
    return _allowed(declared, _read(declared.type, value, what), what)


def parameters(filters: Mapping[str, Filter], values: Mapping[str, Any]) -> dict[str, Any]:
    """The values as SQL takes them."""
    return {
        name: dt.date.fromisoformat(value) if filters[name].type == "date" and value is not None else value
        for name, value in values.items()
    }


def label_of(name: str, declared: Filter) -> str:
    """The filter's name for readers."""
    return declared.label or title_of(name)


def _read(kind: str, value: Any, what: str) -> Any:
    wrong = ConfigError(f"{what}: {as_text(value)} is not a {kind}")
    if kind == "bool":
        if str(value).lower() not in {"true", "false"}:
            raise wrong
        return str(value).lower() == "true"
    if isinstance(value, bool | dict | list):
        raise wrong
    text = value.isoformat() if isinstance(value, dt.date) else str(value)
    if len(text) > LONGEST_TEXT:
        raise ConfigError(f"{what}: a value of {len(text):,} letters is longer than the {LONGEST_TEXT:,} allowed")
    try:
        if kind == "int":
            return int(text)
        if kind == "float":
            return float(text)
        return dt.date.fromisoformat(text).isoformat() if kind == "date" else text
    except ValueError:
        raise wrong from None


def _allowed(declared: Filter, value: Any, what: str) -> Any:
    if declared.enum is not None and value not in declared.enum:
        raise ConfigError(f"{what}: {as_text(value)} is not allowed; write {', '.join(map(str, declared.enum))}")
    return value
