"""A CSV stream in blocks, each with its records: read, hashed and scanned ahead in threads.

Where a block's first record begins is known only when the block before it is scanned. So a block is scanned from after
its first line end, on the guess that a record ends there; if the rest of the block before it shows otherwise (the line
end was a quoted one), it is scanned again. What comes out is the same, guessed right or wrong.
"""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from batch_pipelines.processing.sources.csv_records import Dialect, Records, scan
from batch_pipelines.processing.sources.staging import PlainStream

READ_BYTES = 2 << 20  # three blocks are in memory, each with up to 40 bytes for every byte of it


@dataclass(frozen=True, slots=True)
class Scanned:
    """Bytes that begin at a record's start.

    Attributes:
        data: The bytes.
        records: The complete records in them.
        tail: Where the incomplete rest begins; it begins the next `data`, too.
    """

    data: bytes | memoryview
    records: Records
    tail: int


@dataclass(frozen=True, slots=True)
class _Block:
    """A block of the stream; `guess` is a scan from `first`, after its first line end."""

    data: bytes
    final: bool
    first: int
    guess: Future[tuple[Records, int]] | None


def scanned_blocks(stream: PlainStream, dialect: Dialect) -> Iterator[Scanned]:
    """Go through a stream, which must begin at a record's start."""
    rest = b""
    with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(1) as scanner:
        for block in _ahead(stream, dialect, reader, scanner):
            head = rest + block.data[: block.first]
            if block.guess is not None and (known := _whole(head, dialect)) is not None:
                yield known
                data: bytes | memoryview = memoryview(block.data)[block.first :]
                records, tail = block.guess.result()
            else:
                data = rest + block.data if rest else block.data
                records, tail = scan(data, dialect, final=block.final)
            rest = bytes(data[tail:])
            yield Scanned(data, records, tail)


def _whole(head: bytes, dialect: Dialect) -> Scanned | None:
    """The records of these bytes, if a record ends with them."""
    records, tail = scan(head, dialect, final=False)
    return Scanned(head, records, tail) if tail == len(head) else None


def _ahead(
    stream: PlainStream, dialect: Dialect, reader: ThreadPoolExecutor, scanner: ThreadPoolExecutor
) -> Iterator[_Block]:
    """The blocks; while one is worked on, the next is scanned, and the one after that read and hashed."""
    coming = reader.submit(stream.read, READ_BYTES)
    waiting: _Block | None = None
    final = False
    while not final:
        data = coming.result()
        final = len(data) < READ_BYTES
        if not final:
            coming = reader.submit(stream.read, READ_BYTES)
        first = data.find(b"\n") + 1 if waiting else 0
        guess = scanner.submit(scan, memoryview(data)[first:], dialect, final=final) if first else None
        if waiting:
            yield waiting
        waiting = _Block(data, final, first, guess)
    if waiting:
        yield waiting
