"""Text encodings: anything to UTF-8.

Lives here: the check that text meant to be UTF-8 is not UTF-16 or UTF-32, transcoding, the byte order mark.
Lives elsewhere: undecodable bytes of single cells (rows/casts): what comes out here may hold invalid UTF-8.
"""

import codecs
from collections.abc import Iterator

from batch_pipelines.core.errors import ConfigError, InputError

HEAD_BYTES = 1024  # enough to tell a kind of file by
UTF8_BOM = b"\xef\xbb\xbf"


def is_utf8(encoding: str) -> bool:
    """Whether text in `encoding` is UTF-8 as it is.

    Raises:
        ConfigError: There is no such text encoding.
    """
    try:
        name = codecs.lookup(encoding).name
        "a".encode(encoding)  # base64 and the like are not for text
    except LookupError:
        raise ConfigError(f"there is no encoding {encoding!r}: use utf-8, utf-16, cp1252, latin-1, …") from None
    return name in {"utf-8", "utf-8-sig"}


def looks_utf8(blocks: Iterator[bytes], name: str, kind: str = "csv") -> Iterator[bytes]:
    """Refuse text that is plainly UTF-16 or UTF-32."""
    blocks = _with_head(blocks)
    head = next(blocks, b"")
    encoding = _wide_encoding(head)
    if encoding:
        shown = encoding[:6].upper()
        raise InputError(name, f"the text is {shown}, not UTF-8: declare `{kind}: {{encoding: {encoding}}}`")
    yield head
    yield from blocks


def _wide_encoding(head: bytes) -> str | None:
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    head = head[:HEAD_BYTES]
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if even + odd > len(head) // 3 and bool(even) != bool(odd):
        return "utf-16-be" if even else "utf-16-le"
    return None


def transcoded(blocks: Iterator[bytes], encoding: str, name: str, kind: str = "csv") -> Iterator[bytes]:
    """The text in UTF-8; bytes that `encoding` has no character for become invalid UTF-8.

    Raises:
        InputError: The text ends within a character, or cannot be in `encoding` at all.
    """
    wide = codecs.lookup(encoding).name.startswith(("utf-16", "utf-32"))
    errors = "surrogatepass" if wide else "surrogateescape"
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    try:
        for block in blocks:
            yield decoder.decode(block).encode("utf-8", errors)
        yield decoder.decode(b"", final=True).encode("utf-8", errors)
    except UnicodeError as error:
        message = f"the text is not {encoding} ({error}): correct `{kind}: {{encoding: …}}`, or fetch the file again"
        raise InputError(name, message) from None


def without_bom(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes without a UTF-8 byte order mark; no block is empty."""
    blocks = _with_head(blocks)
    yield from (block for block in [next(blocks, b"").removeprefix(UTF8_BOM)] if block)
    yield from (block for block in blocks if block)


def _with_head(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes; the first block holds at least `HEAD_BYTES`, if there are so many."""
    head = b""
    for block in blocks:
        head += block
        if len(head) >= HEAD_BYTES:
            break
    yield head
    yield from blocks
