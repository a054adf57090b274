"""Unpacking gzip and zstd.

Lives here: reading a file as it lies (hashed and counted), unpacking it in blocks, limits on what it becomes.
Lives elsewhere: text encodings (encodings), when to unpack (staging).

A truncated or corrupt archive is an error, never a short text. Concatenated members and frames are legal.
"""

import hashlib
import io
import zlib
from collections.abc import Iterator
from io import IOBase
from typing import cast

import pyarrow as pa

from batch_pipelines.core.errors import InputError

BLOCK_BYTES = 1 << 20
_STORED_BLOCK_BYTES = 2 << 20  # as many as are scanned at a time (csv_blocks.py): none has to be copied to join another
_PACKED_BLOCK_BYTES = 1 << 16
_RATIO_FREE_BYTES = 16 << 20  # below that much plain text no ratio is suspicious

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_ZSTD_SKIPPABLE = tuple(bytes([byte]) + b"\x2a\x4d\x18" for byte in range(0x50, 0x60))


def is_packed(head: bytes) -> bool:
    """Whether a file that begins like this is gzip or zstd."""
    return head.startswith((_GZIP, _ZSTD, *_ZSTD_SKIPPABLE))


class StoredFile:
    """The file as it lies: hashes and counts what is read. `read` is what pyarrow asks of a file object."""

    def __init__(self, file: io.BufferedReader) -> None:
        self.file = file
        self.digest = hashlib.sha256()
        self.count = 0
        self.closed = False

    def read(self, size: int = -1) -> bytes:
        """The next `size` bytes."""
        block = self.file.read(size)
        self.digest.update(block)
        self.count += len(block)
        return block

    def close(self) -> None:
        """Close the file (pyarrow does, when it is done with it)."""
        self.file.close()
        self.closed = True

    def blocks(self, size: int = _STORED_BLOCK_BYTES) -> Iterator[bytes]:
        """All that follows, in blocks."""
        while block := self.read(size):
            yield block


def unpacked(stored: StoredFile, head: bytes, name: str) -> Iterator[bytes]:
    """The plain bytes of a gzip or zstd file, in blocks (some may be empty).

    Raises:
        InputError: It is truncated or corrupt.
    """
    cure = "fetch or write the file again"
    try:
        yield from (
            _gunzipped(stored.blocks(_PACKED_BLOCK_BYTES)) if head.startswith(_GZIP) else _unzstandardised(stored)
        )
    except zlib.error as error:
        raise InputError(name, f"the gzip file is corrupt ({error}): {cure}") from None
    except EOFError:
        raise InputError(name, f"the gzip file is truncated: {cure}") from None
    except OSError as error:
        kind = "truncated" if "Truncated" in str(error) else f"corrupt ({error})"
        raise InputError(name, f"the zstd file is {kind}: {cure}") from None


def _gunzipped(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Unpack all members of a gzip file, never more than a block at a time."""
    member, begun = zlib.decompressobj(wbits=31), False
    for block in blocks:
        packed = block
        while packed := packed if begun else packed.lstrip(b"\0"):  # zeros may pad a member's end (tapes do)
            begun = True
            yield member.decompress(packed, BLOCK_BYTES)
            packed = member.unused_data if member.eof else member.unconsumed_tail
            if member.eof:
                member, begun = zlib.decompressobj(wbits=31), False
    if begun:
        while held_back := member.decompress(b"", BLOCK_BYTES):
            yield held_back
        if not member.eof:
            raise EOFError


def _unzstandardised(stored: StoredFile) -> Iterator[bytes]:
    with pa.CompressedInputStream(pa.PythonFile(cast("IOBase", stored), "r"), "zstd") as stream:
        while block := stream.read(BLOCK_BYTES):
            yield block


def capped(blocks: Iterator[bytes], stored: StoredFile, *, plain_bytes: int, ratio: int, name: str) -> Iterator[bytes]:
    """Refuse what unpacks to too much."""
    plain = 0
    for block in blocks:
        plain += len(block)
        if plain > plain_bytes:
            raise InputError(name, f"unpacks to more than {plain_bytes:,} bytes: split it into smaller files")
        if plain > max(_RATIO_FREE_BYTES, ratio * stored.count):
            message = f"unpacks to more than {ratio} times its size, like a bomb: if it is sound, unpack it by hand"
            raise InputError(name, message)
        yield block
