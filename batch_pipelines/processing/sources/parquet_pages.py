"""How large the pages of a Parquet file are: what a reader allocates for each, whatever the footer says.

A page begins with a header in Thrift's compact protocol; only its first three numbers are looked at, the rest is passed
over. What must not live here: anything that reads values.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from batch_pipelines.core.errors import InputError
from batch_pipelines.processing.sources.caps import Caps

_HEADER_BYTES = 1 << 14  # statistics of a page make headers long
_PLAIN_SIZE, _PACKED_SIZE = 2, 3  # fields of PageHeader
_STOP, _TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = 0, 1, 2, 3, 7, 8, 9, 10, 11, 12
_INTS = (4, 5, 6)


def refuse_large_pages(path: Path, source: str, ranges: Sequence[tuple[int, int]], caps: Caps) -> None:
    """Go through all pages of a file.

    Args:
        path: The file.
        source: What messages call it.
        ranges: Where the pages of each column begin and end, one after the other.
        caps: How large a page may be.

    Raises:
        InputError: One is larger, or is no page.
    """
    with path.open("rb") as file:
        for start, end in ranges:
            at = start
            while at < end:
                at = _next_page(file, at, source, caps)


def _next_page(file: BinaryIO, at: int, source: str, caps: Caps) -> int:
    file.seek(at)
    reader = _Compact(file.read(_HEADER_BYTES))
    try:
        sizes = reader.first_ints()
        plain, packed = sizes[_PLAIN_SIZE], sizes[_PACKED_SIZE]
    except (IndexError, KeyError, RecursionError):
        plain, packed = -1, -1
    if plain < 0 or packed < 0:
        raise InputError(
            source, f"the Parquet file is damaged, or encrypted (no page at byte {at:,}): fetch or write the file again"
        )
    if max(plain, packed) > caps.page:
        message = (
            f"a page has {max(plain, packed):,} bytes, at most {caps.page:,} are read: write it with smaller pages"
        )
        raise InputError(source, message)
    return at + reader.position + packed


class _Compact:
    """Reads a struct of Thrift's compact protocol."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0

    def first_ints(self) -> dict[int, int]:
        """The whole numbers among the fields of a struct; the position is after it then."""
        found: dict[int, int] = {}
        field = 0
        while (head := self._byte()) != _STOP:
            field = field + (head >> 4) if head >> 4 else self._zigzag()
            kind = head & 15
            if kind in _INTS:
                found[field] = self._zigzag()
            else:
                self._skip(kind)
        return found

    def _skip(self, kind: int) -> None:
        if kind in _INTS:
            self._varint()
        elif kind == _BYTE:
            self.position += 1
        elif kind == _DOUBLE:
            self.position += 8
        elif kind == _BINARY:
            size = self._varint()  # which moves the position itself
            self.position += size
        elif kind in (_LIST, _SET):
            head = self._byte()
            for _ in range(self._varint() if head >> 4 == 15 else head >> 4):  # noqa: PLR2004 - 15: the count follows
                self._skip(head & 15)
        elif kind == _STRUCT:
            self.first_ints()
        elif kind not in (_TRUE, _FALSE):
            raise IndexError(kind)

    def _byte(self) -> int:
        byte = self.data[self.position]
        self.position += 1
        return byte

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80 or shift > 63:  # noqa: PLR2004 - the high bit says that more follows
                return value

    def _zigzag(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)
