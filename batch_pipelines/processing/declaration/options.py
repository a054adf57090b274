"""The parts of a dataset's YAML that have keys of their own: how files are written, how they are partitioned."""

import codecs
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    Discriminator,
    Tag,
    field_validator,
    model_validator,
)

from batch_pipelines.core.declared import SETTINGS
from batch_pipelines.core.key_problems import KeyProblems
from batch_pipelines.core.partitions import Partitions


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
