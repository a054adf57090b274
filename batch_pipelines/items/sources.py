"""Items, however they are given, as one JSON Lines file.

A list (inline, at most 64 KiB as JSON), or a file: JSON Lines, a JSON array, CSV with a header (every value a text),
Parquet. Files are read as streams, an item at a time.
"""

import csv
import json
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from batch_pipelines.core.errors import ConfigError, InputError

INLINE_BYTES = 64 * 1024
LINE_BYTES = 16 * 1024 * 1024
READABLE = ".jsonl, .ndjson, .json, .csv, .parquet"


@dataclass(frozen=True, slots=True)
class Staged:
    """Items on disk.

    Attributes:
        path: A JSON Lines file, temporary until it is kept.
        digest: SHA-256 (hex) of its bytes.
        items: How many.
        shown: How people know the source.
    """

    path: Path
    digest: str
    items: int
    shown: str

    def kept_as(self, path: Path) -> "Staged":
        """Give the file its lasting name."""
        self.path.replace(path)
        return replace(self, path=path)


def stage(given: object, home: Path, folder: Path) -> Staged:
    """Write items to a JSON Lines file.

    Args:
        given: A list of JSON values, or the path of a file from the project's home.
        home: The project's home.
        folder: Where the file is written.

    Raises:
        ConfigError: It is neither; an inline list is too large; a file is of no kind that is read.
        InputError: The file cannot be read; the message names its line.
    """
    if isinstance(given, str):
        path = home / given
        if not path.resolve().is_relative_to(home.resolve()):
            raise ConfigError(f"items: {given} lies outside the project's folder; copy the file into it")
        return _written(_of_file(path, given), folder, given)
    if not isinstance(given, list):
        kind = type(given).__name__
        raise ConfigError(f"items: {kind} is neither a list of items nor the path of a file ({READABLE})")
    text = json.dumps(given)
    if len(text) > INLINE_BYTES:
        msg = (
            f"items: {len(text):,} bytes are too many to be given inline, at most {INLINE_BYTES:,}; put them in a file"
        )
        raise ConfigError(msg)
    return _written(iter(given), folder, "inline items")


def _written(items: Iterator[Any], folder: Path, shown: str) -> Staged:
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f".{secrets.token_hex(8)}.tmp"
    digest, count = sha256(), 0
    try:
        with temporary.open("wb") as stream:
            for item in items:
                line = as_line(item)
                digest.update(line)
                stream.write(line)
                count += 1
            stream.flush()
            os.fsync(stream.fileno())
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return Staged(temporary, digest.hexdigest(), count, shown)


def as_line(value: object, *, allow_nan: bool = True) -> bytes:
    """Return a JSON value as one line.

    Raises:
        TypeError: It is none.
        ValueError: It refers to itself, or has NaN or infinity where those are not allowed: JSON has none.
    """
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=allow_nan).encode() + b"\n"
    except UnicodeEncodeError:  # half a surrogate pair is JSON, but no UTF-8
        return json.dumps(value, separators=(",", ":"), allow_nan=allow_nan).encode() + b"\n"


def _of_file(path: Path, shown: str) -> Iterator[Any]:
    readers = {".jsonl": _lines, ".ndjson": _lines, ".json": _array, ".csv": _records, ".parquet": _rows}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise ConfigError(f"items: {shown} is of no kind that is read; those are {READABLE}")
    try:
        yield from reader(path, shown)
    except OSError as error:
        raise InputError(shown, f"cannot be read: {error.strerror or error}") from error
    except (pa.ArrowException, UnicodeDecodeError, csv.Error) as error:
        raise InputError(shown, f"cannot be read: {error}") from error


def _lines(path: Path, shown: str) -> Iterator[Any]:
    with path.open("rb") as stream:
        for number, line in enumerate(iter(lambda: stream.readline(LINE_BYTES + 1), b""), 1):
            if len(line) > LINE_BYTES:
                raise InputError(shown, f"a line of more than {LINE_BYTES:,} bytes is no item", line=number)
            if line.strip():
                yield _parsed(line, shown, number)


def _array(path: Path, shown: str) -> Iterator[Any]:
    value = _parsed(path.read_bytes(), shown, 1)
    if not isinstance(value, list):
        raise InputError(shown, f"holds {type(value).__name__}, not an array of items")
    yield from value


def _parsed(text: bytes, shown: str, line: int) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise InputError(shown, f"is no JSON: {error}", line=line) from error


def _records(path: Path, shown: str) -> Iterator[Any]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.DictReader(stream, strict=True)
        for record in reader:
            if None in record or None in record.values():
                raise InputError(shown, "has another number of fields than the header", line=reader.line_num)
            yield record


def _rows(path: Path, _shown: str) -> Iterator[Any]:
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        for batch in file.iter_batches(4096):
            yield from json.loads(json.dumps(batch.to_pylist(), default=str))
