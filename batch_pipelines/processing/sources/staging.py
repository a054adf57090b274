"""From a file as it lies to plain UTF-8 bytes.

Lives here: opening a source as a stream of plain bytes, and staging: the plain bytes written once, so that chunks
can point into them.
Lives elsewhere: unpacking, encodings (their own modules), anything about rows.

Everything streams: memory does not grow with the file, whatever it unpacks to.
"""

import codecs
import hashlib
import io
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from batch_pipelines.core.durable import sync
from batch_pipelines.core.errors import InputError
from batch_pipelines.processing.sources.caps import Caps
from batch_pipelines.processing.sources.encodings import (
    HEAD_BYTES,
    UTF8_BOM,
    is_utf8,
    looks_utf8,
    transcoded,
    without_bom,
)
from batch_pipelines.processing.sources.unpacking import BLOCK_BYTES, StoredFile, capped, is_packed, unpacked

_NOT_TEXT = {
    b"PK\x03\x04": "is a ZIP or XLSX file, not {kind}: unpack it, save the sheet as CSV, or add format: xlsx",
    b"PAR1": "is a Parquet file, not {kind}: add format: parquet",
    b"\xfd7zXZ\x00": "is compressed with xz, which is not read: use gzip or zstd",
    b"BZh": "is compressed with bzip2, which is not read: use gzip or zstd",
}


@dataclass(frozen=True, slots=True)
class Staged:
    """The plain bytes of a source, as a file of their own.

    Attributes:
        path: The staged file.
        sha256: Of the source as it lies.
        plain_sha256: Of the staged file.
        plain_bytes: Its size.
    """

    path: Path
    sha256: str
    plain_sha256: str
    plain_bytes: int


class PlainStream:
    """Reads the plain bytes of a source; a context manager.

    Attributes:
        skipped: Bytes of the file before the first plain one, where the file itself is plain (a BOM).
    """

    def __init__(self, file: io.BufferedReader, blocks: Iterator[bytes], digest: "hashlib._Hash") -> None:
        self.skipped = 0
        self._file = file
        self._blocks = blocks
        self._digest = digest
        self._rest = b""

    def read(self, size: int) -> bytes:
        """The next `size` bytes; fewer only at the end.

        Raises:
            InputError: The file is truncated, corrupt, a bomb, or not in its encoding.
        """
        parts, missing = [], size
        while missing > 0:
            block = self._rest or next(self._blocks, b"")
            if not block:
                break
            parts.append(block[:missing])
            self._rest = block[missing:]
            missing -= len(parts[-1])
        return b"".join(parts)

    @property
    def sha256(self) -> str:
        """SHA-256 of the file as it lies; right once all has been read."""
        return self._digest.hexdigest()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        """The stream itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self.close()


def is_plain(path: Path, encoding: str) -> bool:
    """Whether chunks may point into the file itself: UTF-8 (a BOM does not matter) and not packed."""
    return is_utf8(encoding) and not is_packed(_head(path, str(path)))


def open_plain(path: Path, *, encoding: str, caps: Caps, source: str | None = None, kind: str = "csv") -> PlainStream:
    """Open a source for reading its plain UTF-8 bytes, without a BOM.

    Bytes that the declared encoding has no character for come out as invalid UTF-8, to be found cell by cell.

    Args:
        path: The file: plain, gzip or zstd (told by its first bytes, not its name).
        encoding: Of the text.
        caps: What it may cost.
        source: What messages call the file; its path if left out.
        kind: The format it should have, as YAML calls it.

    Raises:
        ConfigError: There is no such encoding.
        InputError: The file cannot be opened or is of a kind that is not read.
    """
    name = source or str(path)
    utf8 = is_utf8(encoding)
    head = _head(path, name)
    for magic, message in _NOT_TEXT.items():
        if head.startswith(magic):
            raise InputError(name, message.format(kind=kind.upper()))
    file = _opened(path, name)
    stored = StoredFile(file)
    blocks = stored.blocks()
    if is_packed(head):
        blocks = capped(unpacked(stored, head, name), stored, plain_bytes=caps.plain_bytes, ratio=caps.ratio, name=name)
    blocks = looks_utf8(blocks, name, kind) if utf8 else transcoded(blocks, encoding, name, kind)
    stream = PlainStream(file, without_bom(blocks), stored.digest)
    stream.skipped = len(UTF8_BOM) if utf8 and head.startswith(UTF8_BOM) else 0
    return stream


def stage(
    path: Path,
    *,
    encoding: str,
    caps: Caps,
    staging_dir: Path,
    source: str | None = None,
    reuse: bool = True,
    kind: str = "csv",
) -> Staged:
    """Write the plain bytes of a source to `<staging_dir>/<sha256>.<kind>`, unless they are there.

    A `.json` beside it, written last, says what the file must be. The file appears whole or not at all.

    Args:
        path: The source.
        encoding: Of its text; other than UTF-8 it becomes part of the name.
        caps: What it may cost.
        staging_dir: Where to; created if missing.
        source: What messages call the source.
        reuse: Whether a staged file of the right size is taken as it is.
        kind: The format it should have, as YAML calls it.

    Raises:
        InputError: The source is truncated, corrupt, a bomb, or not in its encoding; or there is no room for it.
    """
    with closing(_opened(path, source or str(path))) as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    stem = sha256 if is_utf8(encoding) else f"{sha256}-{codecs.lookup(encoding).name}"
    target = staging_dir / f"{stem}.{kind}"
    known = _staged_before(target) if reuse else None
    if known is not None:
        return known
    try:
        staging_dir.mkdir(parents=True, exist_ok=True)
        with open_plain(path, encoding=encoding, caps=caps, source=source, kind=kind) as stream:
            staged = _stage(stream, target)
    except OSError as error:
        message = f"cannot be unpacked to {staging_dir}: {error.strerror}; cure that and run again"
        raise InputError(source or str(path), message) from error
    return staged


def _stage(stream: PlainStream, target: Path) -> Staged:
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        staged = replace(_written(stream, temporary), path=target)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    _describe(staged)
    return staged


def _head(path: Path, name: str) -> bytes:
    with closing(_opened(path, name)) as file:
        return file.read(HEAD_BYTES)


def _opened(path: Path, name: str) -> io.BufferedReader:
    try:
        return path.open("rb")
    except OSError as error:
        raise InputError(name, f"cannot be opened: {error.strerror}") from None


def _written(stream: PlainStream, path: Path) -> Staged:
    digest, count = hashlib.sha256(), 0
    with path.open("xb") as file:
        while block := stream.read(BLOCK_BYTES):
            file.write(block)
            digest.update(block)
            count += len(block)
        file.flush()
        os.fsync(file.fileno())
    return Staged(path, stream.sha256, digest.hexdigest(), count)


def _describe(staged: Staged) -> None:
    """Write the `.json` that makes a staged file valid, and make both names durable."""
    facts = {"sha256": staged.sha256, "plain_sha256": staged.plain_sha256, "plain_bytes": staged.plain_bytes}
    target = staged.path.with_suffix(".json")
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    temporary.write_text(json.dumps(facts), encoding="utf-8")
    temporary.replace(target)
    sync(target.parent)


def _staged_before(target: Path) -> Staged | None:
    try:
        facts = json.loads(target.with_suffix(".json").read_text(encoding="utf-8"))
        staged = Staged(target, facts["sha256"], facts["plain_sha256"], facts["plain_bytes"])
        return staged if target.stat().st_size == staged.plain_bytes else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
