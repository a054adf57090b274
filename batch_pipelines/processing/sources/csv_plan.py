"""Cutting a CSV file into chunks.

Lives here: one streaming pass over a file that finds its columns, counts its records exactly and cuts it at
record ends; bisecting a chunk later.
Lives elsewhere: what a record is (csv_records), the file's plain bytes (staging), reading a chunk (csv_read).

Memory is a few blocks, whatever the size of file or chunk. Same bytes, same chunks.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from batch_pipelines.core.errors import InputError
from batch_pipelines.core.model import ChunkPlan, Json
from batch_pipelines.processing.sources.caps import Caps
from batch_pipelines.processing.sources.csv_blocks import scanned_blocks
from batch_pipelines.processing.sources.csv_layout import CsvLayout, read_layout
from batch_pipelines.processing.sources.csv_read import read_chunk_bytes
from batch_pipelines.processing.sources.csv_records import Dialect, Ints, Records, scan
from batch_pipelines.processing.sources.reading import SourcePlan
from batch_pipelines.processing.sources.staging import PlainStream, is_plain, open_plain, stage

MAX_CHUNK_RECORDS = 1 << 19  # narrow records: what is kept per record must not outgrow the bytes


def plan_csv(  # noqa: PLR0913 - all that decides a plan
    path: Path,
    source: str,
    *,
    dialect: Dialect,
    header: bool | Sequence[str],
    encoding: str,
    chunk_bytes: int,
    caps: Caps,
    staging_dir: Path,
    home: Path | None = None,
    kind: str = "csv",
) -> SourcePlan:
    """Plan one CSV file.

    Args:
        path: The file.
        source: What users call it: its path relative to home, posix.
        dialect: How it is written.
        header: Whether its first record names the columns; see `read_layout`.
        encoding: Of its text.
        chunk_bytes: A chunk has no more, unless its only record does.
        caps: What the file may cost.
        staging_dir: Where its plain bytes go if it is packed or not UTF-8.
        home: Paths below it are written to the payloads relative to it.
        kind: The format of the text, as YAML calls it.

    Raises:
        InputError: It cannot be read, or its header cannot be right.
    """
    if is_plain(path, encoding):
        with open_plain(path, encoding=encoding, caps=caps, source=source, kind=kind) as stream:
            cutter = _Cutter(source, _below(path, home), dialect, header, chunk_bytes, caps, kind)
            return cutter.plan(stream)
    reuse = True
    while True:
        staged = stage(
            path, encoding=encoding, caps=caps, staging_dir=staging_dir, source=source, reuse=reuse, kind=kind
        )
        if not is_plain(staged.path, "utf-8"):
            raise InputError(source, "is packed twice: unpack it once by hand")
        with open_plain(staged.path, encoding="utf-8", caps=caps, source=source, kind=kind) as stream:
            where = _below(staged.path, home)
            plan = _Cutter(source, where, dialect, header, chunk_bytes, caps, kind).plan(stream)
        if plan.sha256 == staged.plain_sha256:
            return SourcePlan(plan.columns, plan.chunks, plan.items, plan.blank_lines, staged.sha256, where)
        if not reuse:
            raise InputError(source, f"its staged copy {where} changed while it was read: run again")
        reuse = False


def split_csv(payload: Json, items: int, dialect: Dialect, home: Path = Path()) -> tuple[ChunkPlan, ChunkPlan] | None:
    """Bisect a chunk at a record's end.

    Args:
        payload: The chunk's.
        items: Its records.
        dialect: How its file is written.
        home: What its path is relative to.

    Returns:
        Its two halves, or None if it is one record.

    Raises:
        SourceChanged: Its bytes are not the planned ones.
    """
    if items <= 1:
        return None
    data = read_chunk_bytes(payload, home)
    records, _ = scan(data, dialect, final=True)
    half = len(records) // 2
    return _part(payload, data, records, 0, half), _part(payload, data, records, half, len(records))


def _part(payload: Json, data: bytes, records: Records, first: int, last: int) -> ChunkPlan:
    start, end = int(records.starts[first]), int(records.nexts[last - 1])
    part = {
        **payload,
        "start": payload["start"] + start,
        "end": payload["start"] + end,
        "first_line": payload["first_line"] + int(records.lines[first]),
        "first_record": payload["first_record"] + first,
        "crc32": zlib.crc32(data[start:end]),
    }
    return ChunkPlan(last - first, part)


@dataclass(slots=True)
class _Open:
    """A chunk that may still grow; `read_to` and `read_crc` run ahead of its end over blank lines."""

    start: int
    first_line: int
    first_record: int
    read_to: int
    read_crc: int = 0
    end: int = 0
    crc32: int = 0
    items: int = 0

    def read(self, view: memoryview, offset: int, to: int) -> None:
        """Take the bytes up to `to` into the running checksum; `view` begins at `offset`."""
        self.read_crc = zlib.crc32(view[self.read_to - offset : to - offset], self.read_crc)
        self.read_to = to

    def grow(self, view: memoryview, offset: int, to: int, items: int) -> None:
        """Take in the records up to `to`."""
        self.read(view, offset, to)
        self.end, self.crc32 = to, self.read_crc
        self.items += items


@dataclass(slots=True)
class _Cutter:
    """Plans one stream."""

    source: str
    path: str
    dialect: Dialect
    header: bool | Sequence[str]
    chunk_bytes: int
    caps: Caps
    kind: str = "csv"
    layout: CsvLayout | None = None
    open: _Open | None = None
    chunks: list[ChunkPlan] = field(default_factory=list)
    items: int = 0

    def plan(self, stream: PlainStream) -> SourcePlan:
        offset, line, blank_lines = stream.skipped, 1, 0
        for block in scanned_blocks(stream, self.dialect):
            records = block.records
            self._refuse_long_lines(records, len(block.data) - block.tail, line)
            self._add(block.data, records, offset, line, block.tail)
            offset += block.tail
            line += records.newlines
            blank_lines += records.blank_lines
        self._close()
        columns = self.layout.columns if self.layout else self._columns_of_nothing(offset - stream.skipped)
        return SourcePlan(columns, self.chunks, self.items, blank_lines, stream.sha256)

    def _columns_of_nothing(self, plain_bytes: int) -> list[str]:
        if self.header is True and plain_bytes:
            raise InputError(self.source, "there is no header: all lines are empty", line=1)
        return [] if isinstance(self.header, bool) else list(self.header)

    def _refuse_long_lines(self, records: Records, rest: int, line: int) -> None:
        sizes = records.nexts - records.starts
        longest = int(np.argmax(sizes)) if len(sizes) else 0
        if len(sizes) and sizes[longest] > self.caps.line:
            line += int(records.lines[longest])
        elif rest > self.caps.line:
            line += records.newlines
        else:
            return
        doubt = f"is the file {self.kind.upper()}, do its lines end in LF?"
        message = f"the line is longer than {self.caps.line:,} bytes: {doubt}"
        raise InputError(self.source, message, line=line)

    def _add(self, data: bytes | memoryview, records: Records, offset: int, line: int, tail: int) -> None:
        """Distribute the records of a block, whose first byte is the file's `offset` and on line `line`."""
        first, count = 0, len(records)
        if self.layout is None and count:
            self.layout = read_layout(
                bytes(data), records, header=self.header, dialect=self.dialect, caps=self.caps, source=self.source
            )
            first = self.layout.header_records
        view = memoryview(data)
        while first < count:
            chunk = self.open or self._begin(records, first, offset, line)
            last = self._fitting(chunk, records.nexts, first, offset)
            if last > first:
                chunk.grow(view, offset, offset + int(records.nexts[last - 1]), last - first)
                self.items += last - first
            if last < count:
                self._close()
            first = last
        if self.open is not None:
            self.open.read(view, offset, offset + tail)
            if self.open.read_to - self.open.start >= self.chunk_bytes:
                self._close()

    def _begin(self, records: Records, first: int, offset: int, line: int) -> _Open:
        start = offset + int(records.starts[first])
        self.open = _Open(start, line + int(records.lines[first]), self.items + 1, read_to=start)
        return self.open

    def _fitting(self, chunk: _Open, nexts: Ints, first: int, offset: int) -> int:
        """The record from `first` on that has no room in the chunk any more."""
        last = int(np.searchsorted(nexts, chunk.start + self.chunk_bytes - offset, side="right"))
        last = min(max(last, first), first + MAX_CHUNK_RECORDS - chunk.items)
        return last if chunk.items else max(last, first + 1)

    def _close(self) -> None:
        chunk, self.open = self.open, None
        if chunk is not None:
            payload: Json = {
                "source": self.source,
                "path": self.path,
                "start": chunk.start,
                "end": chunk.end,
                "first_line": chunk.first_line,
                "first_record": chunk.first_record,
                "crc32": chunk.crc32,
            }
            self.chunks.append(ChunkPlan(chunk.items, payload))


def _below(path: Path, home: Path | None) -> str:
    if home is not None and path.absolute().is_relative_to(home.absolute()):
        return path.absolute().relative_to(home.absolute()).as_posix()
    return path.absolute().as_posix()
