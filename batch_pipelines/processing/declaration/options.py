"""The parts of a dataset's YAML that have keys of their own: `csv`, `timeout`, `partitions`."""

import codecs
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    field_validator,
    model_validator,
)

from batch_pipelines.core.key_problems import KeyProblems, Problem
from batch_pipelines.core.quantities import seconds
from batch_pipelines.processing.declaration import windows

SOFT_SHARE = 0.9
SETTINGS = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True)
Seconds = Annotated[float, BeforeValidator(seconds)]


class CsvOptions(BaseModel):
    """How the CSV files are written.

    Attributes:
        delimiter: One ASCII character; `tab` is understood.
        quote: One ASCII character, or null for files without quoting.
        header: Whether the first record holds the column names; if not, `columns` names them in order.
        encoding: A text encoding known to Python.
    """

    model_config = SETTINGS

    delimiter: str = ","
    quote: str | None = '"'
    header: bool = True
    encoding: str = "utf-8"

    @field_validator("delimiter", mode="before")
    @classmethod
    def _tab(cls, value: object) -> object:
        return "\t" if value in {"tab", "\\t"} else value

    @field_validator("delimiter", "quote")
    @classmethod
    def _one_character(cls, value: str | None) -> str | None:
        if value is not None and (len(value) != 1 or not value.isascii() or value in "\r\n\0"):
            raise ValueError(f"{value!r} is not one ASCII character")
        return value

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str) -> str:
        try:
            info = codecs.lookup(value)
        except (LookupError, ValueError):
            info = None
        if info is None or not getattr(info, "_is_text_encoding", True):
            raise ValueError(f"{value!r} is not a text encoding; write for example utf-8, latin-1 or cp1252")
        return info.name

    @model_validator(mode="after")
    def _delimiter_is_no_quote(self) -> Self:
        if self.delimiter == self.quote:
            raise KeyProblems([(("quote",), f"quote and delimiter are both {self.quote!r}")])
        return self


class Timeout(BaseModel):
    """Time limits of one chunk. `timeout: 5m` in YAML is the hard limit; the soft one is then 90 % of it.

    Attributes:
        soft_s: Seconds after which the work is asked to stop; `soft` in YAML.
        hard_s: Seconds after which its worker is killed; `hard` in YAML.
    """

    model_config = SETTINGS

    soft_s: Seconds = Field(default=270.0, validation_alias="soft")
    hard_s: Seconds = Field(default=300.0, validation_alias="hard")

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, value: object) -> object:
        if not isinstance(value, dict):
            return {"soft": seconds(value) * SOFT_SHARE, "hard": value}
        soft, hard = value.get("soft", value.get("soft_s")), value.get("hard", value.get("hard_s"))
        if hard is not None and soft is None:
            return {**value, "soft": seconds(hard) * SOFT_SHARE}
        if soft is not None and hard is None:
            return {**value, "hard": seconds(soft) / SOFT_SHARE}
        return value

    @model_validator(mode="after")
    def _soft_first(self) -> Self:
        if self.soft_s > self.hard_s:
            msg = f"the soft limit ({self.soft_s:g} s) is longer than the hard one ({self.hard_s:g} s)"
            raise KeyProblems([(("soft",), msg)])
        return self


class Partitions(BaseModel):
    """Partitions by time.

    Attributes:
        every: `hour`, `day`, `week` (from Monday) or `month`.
        start: Key of the first window.
        end: Key of the last window, None for as long as time goes on. YAML may name any time within it.
        timezone: IANA name of the clock that the windows follow.
    """

    model_config = SETTINGS

    every: windows.Every
    start: str
    end: str | None = None
    timezone: str = "UTC"

    @field_validator("start", "end", mode="before")
    @classmethod
    def _as_text(cls, value: object) -> object:
        return value.isoformat() if hasattr(value, "isoformat") else value

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        windows.zone(value)
        return value

    @model_validator(mode="after")
    def _windows_in_order(self) -> Self:
        problems: list[Problem] = []
        try:
            object.__setattr__(self, "start", windows.format_key(windows.read_key(self.start, self.every), self.every))
        except ValueError as error:
            problems.append((("start",), str(error)))
        if self.end is not None:
            try:
                last = windows.floor(windows.read_moment(self.end, self.every), self.every)
                object.__setattr__(self, "end", windows.format_key(last, self.every))
            except ValueError as error:
                problems.append((("end",), str(error)))
        if not problems and self.end is not None and self.end < self.start:
            problems.append((("end",), f"end {self.end} is before start {self.start}"))
        if self.every == "hour" and not windows.has_fixed_offset(self.timezone):
            msg = f"hours need a zone without summer time, such as UTC; in {self.timezone} an hour comes twice"
            problems.append((("timezone",), msg))
        if problems:
            raise KeyProblems(problems)
        return self


def partitions_only(value: object) -> object:
    """Refuse a text that is no way to partition, before the choice between the ways is made."""
    if isinstance(value, str) and value != "file":
        raise ValueError(
            f"{value!r} is not a way to partition; write file (one per source file) or {{every: month, start: 2013-01}}"
        )
    return value


PartitionsOrFile = Annotated[
    Annotated[Partitions, Tag("time")] | Annotated[Literal["file"], Tag("file")],
    Discriminator(lambda value: "file" if value == "file" else "time"),
]
