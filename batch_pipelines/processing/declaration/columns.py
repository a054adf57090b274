"""One declared column: its type, its rules, and whether the two fit together.

What must not live here: applying a rule to data (rows/), or anything about other columns (model.py).
"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import BaseModel, Field, field_validator, model_validator

from batch_pipelines.core.declaring.declared import SETTINGS
from batch_pipelines.core.declaring.key_problems import KeyPath, KeyProblems, Problem
from batch_pipelines.core.declaring.names import is_name
from batch_pipelines.processing.declaration.types import (
    Scalar,
    Typed,
    arrow_type,
    canonical_type,
    stored,
    typed,
)

if TYPE_CHECKING:
    import pyarrow as pa

_ORDERED = ("int", "float", "decimal", "date", "timestamp")


class Column(BaseModel):
    """A declared column. `year: int` in YAML is short for `year: {type: int}`.

    Attributes:
        type: `string`, `int`, `float`, `decimal(p,s)`, `bool`, `date` or `timestamp`.
        required: Whether a row without a value is rejected.
        min: Smallest allowed value; text for decimal, date and timestamp (ISO 8601; timestamps in UTC).
        max: Largest allowed value, likewise.
        pattern: Regular expression (RE2) that the whole text has to match.
        enum: The allowed values, written as `min` is.
        reference: `dataset.column` that has to hold the value; `in` in YAML.
        severity: Whether a broken rule makes the row a dead letter or is only counted and sampled.
            A value that is not of its type is always a dead letter.
        format: strptime format of dates and timestamps; ISO 8601 where None.
        description: Shown in the column schema.
    """

    model_config = SETTINGS

    type: str
    required: bool = False
    min: Any = None
    max: Any = None
    pattern: str | None = None
    enum: list[Any] | None = None
    reference: str | None = Field(default=None, validation_alias="in")
    severity: Literal["reject", "warn"] = "reject"
    format: str | None = None
    description: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _type_alone(cls, value: object) -> object:
        return {"type": value} if isinstance(value, str) else value

    @field_validator("type")
    @classmethod
    def _known_type(cls, value: str) -> str:
        return canonical_type(value)

    @field_validator("reference")
    @classmethod
    def _reference_of_two_parts(cls, value: str | None) -> str | None:
        if value is not None:
            dataset, _, column = value.partition(".")
            if not is_name(dataset) or not column:
                raise ValueError(f"{value!r} is not a reference; write dataset.column, for example airports.faa")
        return value

    @field_validator("format")
    @classmethod
    def _usable_format(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                sample = datetime(2013, 11, 23, 21, 47, 58, tzinfo=UTC)
                usable = "%" in value and bool(datetime.strptime(sample.strftime(value), value))  # noqa: DTZ007
            except ValueError:
                usable = False
            if not usable:
                raise ValueError(f"{value!r} is not a date format; write for example '%d.%m.%Y' or '%Y-%m-%d %H:%M:%S'")
        return value

    @model_validator(mode="after")
    def _rules_fit_the_type(self) -> Self:
        problems = [*self._unsuitable_rules(), *self._wrong_values()]
        if problems:
            raise KeyProblems(problems)
        return self

    @property
    def kind(self) -> str:
        """The type without its parameters: `decimal` for `decimal(10,2)`."""
        return self.type.partition("(")[0]

    @property
    def arrow_type(self) -> "pa.DataType":
        """The column's type in the table."""
        return arrow_type(self.type)

    @property
    def minimum(self) -> Typed | None:
        """`min` as a Python value of the column's type (Decimal, date, aware UTC datetime)."""
        return None if self.min is None else typed(self.type, self.min)

    @property
    def maximum(self) -> Typed | None:
        """`max` as a Python value of the column's type."""
        return None if self.max is None else typed(self.type, self.max)

    @property
    def allowed(self) -> list[Typed] | None:
        """`enum` as Python values of the column's type."""
        return None if self.enum is None else [typed(self.type, value) for value in self.enum]

    @property
    def references(self) -> tuple[str, str] | None:
        """Dataset and column that `in` names."""
        if self.reference is None:
            return None
        dataset, _, column = self.reference.partition(".")
        return dataset, column

    def _unsuitable_rules(self) -> list[Problem]:
        problems: list[Problem] = [
            ((bound,), f"{bound} is for numbers, dates and timestamps, not for {self.type}")
            for bound in ("min", "max")
            if getattr(self, bound) is not None and self.kind not in _ORDERED
        ]
        if self.pattern is not None and self.kind != "string":
            problems.append((("pattern",), f"pattern is for type string, not for {self.type}"))
        elif self.pattern is not None and (why := _pattern_problem(self.pattern)):
            problems.append((("pattern",), f"{self.pattern!r} is not a regular expression (RE2): {why}"))
        if self.format is not None and self.kind not in {"date", "timestamp"}:
            problems.append((("format",), f"format is for dates and timestamps, not for {self.type}"))
        if self.enum is not None and not self.enum:
            problems.append((("enum",), "enum needs at least one value"))
        return problems

    def _wrong_values(self) -> list[Problem]:
        """Check `min`, `max` and `enum`, and bring them into the form that is kept."""
        problems: list[Problem] = []
        places: list[tuple[KeyPath, Any]] = [
            ((bound,), value)
            for bound in ("min", "max")
            if (value := getattr(self, bound)) is not None and self.kind in _ORDERED
        ]
        places += [(("enum", index), value) for index, value in enumerate(self.enum or [])]
        kept: dict[KeyPath, Scalar] = {}
        for path, value in places:
            try:
                kept[path] = stored(self.type, value)
            except ValueError as error:
                problems.append((path, str(error)))
        if not problems:
            self._keep(kept)
            low, high = self.minimum, self.maximum
            if low is not None and high is not None and low > high:  # type: ignore[operator]
                problems.append((("min",), f"min {self.min} is greater than max {self.max}"))
            if self.enum and len(set(self.enum)) != len(self.enum):
                problems.append((("enum",), "enum names a value twice"))
        return problems

    def _keep(self, kept: dict[KeyPath, Scalar]) -> None:
        for bound in ("min", "max"):
            if (bound,) in kept:
                object.__setattr__(self, bound, kept[(bound,)])
        if self.enum is not None:
            object.__setattr__(self, "enum", [kept["enum", index] for index in range(len(self.enum))])


def _pattern_problem(pattern: str) -> str | None:
    import pyarrow as pa  # noqa: PLC0415 - only declarations with a pattern pay for it
    import pyarrow.compute as pc  # noqa: PLC0415

    try:
        pc.match_substring_regex(pa.nulls(1, pa.string()), pattern)  # pa.array would import pandas
    except pa.ArrowInvalid as error:
        return str(error).partition(": ")[2] or str(error)
    return None
