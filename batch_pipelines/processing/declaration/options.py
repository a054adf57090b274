"""The parts of a dataset's YAML that have keys of their own: how files are written, how they are partitioned."""

import codecs
from collections.abc import Iterable, Iterator
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    Discriminator,
    Field,
    Tag,
    field_validator,
    model_validator,
)

from batch_pipelines.core.declaring.declared import SETTINGS
from batch_pipelines.core.declaring.key_problems import KeyProblems, Problem
from batch_pipelines.core.declaring.partitions import Partitions
from batch_pipelines.core.declaring.quantities import GB, seconds, size_bytes
from batch_pipelines.processing.declaration.source_paths import COMPRESSIONS, check_source

FileFormat = Literal["csv", "jsonl", "parquet", "xlsx"]
_ENDINGS: dict[str, FileFormat] = {
    **dict.fromkeys(("csv", "tsv", "txt", "tab", "dat"), "csv"),
    **dict.fromkeys(("jsonl", "ndjson"), "jsonl"),
    **dict.fromkeys(("parquet", "pq"), "parquet"),
    "xlsx": "xlsx",
}

LOG_S = 30 * 86400.0  # Delta cleans its log up after that


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
        return known_encoding(value)

    @model_validator(mode="after")
    def _delimiter_is_no_quote(self) -> Self:
        if self.delimiter == self.quote:
            raise KeyProblems([(("quote",), f"quote and delimiter are both {self.quote!r}")])
        return self


class JsonlOptions(BaseModel):
    """How the JSON Lines files are written.

    Attributes:
        encoding: A text encoding known to Python.
    """

    model_config = SETTINGS

    encoding: str = "utf-8"

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str) -> str:
        return known_encoding(value)


class XlsxOptions(BaseModel):
    """Which part of an XLSX workbook is read.

    Attributes:
        sheet: Name of the sheet; the first visible one where None.
        header_row: Row of the sheet that names the columns, from 1; rows above it are not read.
    """

    model_config = SETTINGS

    sheet: str | None = Field(default=None, min_length=1, max_length=31)
    header_row: int = Field(default=1, ge=1, le=1_048_576)


def known_encoding(value: str) -> str:
    """Return the name that Python has for a text encoding.

    Raises:
        ValueError: There is no such encoding.
    """
    try:
        info = codecs.lookup(value)
    except (LookupError, ValueError):
        info = None
    if info is None or not getattr(info, "_is_text_encoding", True):
        raise ValueError(f"{value!r} is not a text encoding; write for example utf-8, latin-1 or cp1252")
    return info.name


def format_named(source: str) -> FileFormat | None:
    """Return the format that the ending of a file name stands for; None where it stands for none that is read."""
    name = source.lower()
    if name.endswith(COMPRESSIONS):
        name = name.rpartition(".")[0]
    return _ENDINGS.get(name.rpartition(".")[2])


def format_problems(
    declared: FileFormat | None, source: str, options: Iterable[CsvOptions | JsonlOptions | XlsxOptions]
) -> Iterator[Problem]:
    """Options of a format that the files are not in, and names that do not tell which they are in.

    Args:
        declared: What `format` says.
        source: The path.
        options: What is said of each format.
    """
    plain = source.lower().removesuffix(".gz").removesuffix(".zst")
    if declared is None and plain.endswith(".json"):
        yield ("source",), f"{source!r} is JSON; if each of its lines is an object, add format: jsonl"
    used = declared or format_named(source) or "csv"
    for said in options:
        block = type(said).__name__.removesuffix("Options").lower()
        if block != used and said != type(said)():
            yield (
                (block,),
                f"{block} is for {block.upper()} files, these are {used.upper()}; remove it, or add format: {block}",
            )
    if used in ("parquet", "xlsx") and source.lower().endswith(COMPRESSIONS):
        yield ("source",), f"{source!r}: {used.upper()} files are compressed inside; store them without .gz or .zst"


def chunk_bytes(value: object) -> int:
    """Read the size of a chunk."""
    if size_bytes(value) > GB:
        raise ValueError(f"{value!r} is more than a chunk may have: 1GB")
    return size_bytes(value)


def log_seconds(value: object) -> float:
    """Read for how long versions of a table are to be kept."""
    if seconds(value) > LOG_S:
        raise ValueError(f"{value!r} is longer than a table's log is kept: 30d")
    return seconds(value)


def inbox_or_not(value: object) -> object:
    """Refuse what is neither true or false nor a file name."""
    if isinstance(value, bool) or value is None:
        return value
    if not isinstance(value, str) or "/" in value or "." not in value:
        raise ValueError(f"{value!r} is not true, false or a file name; write for example airports*.csv")
    return check_source(value)


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
