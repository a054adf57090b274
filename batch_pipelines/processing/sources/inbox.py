"""What is asked of an inbox beyond the files that fit: which don't, and which are still being written.

What must not live here: which files fit which partition (files.py).
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from batch_pipelines.core.declaring import windows
from batch_pipelines.core.errors import InputError
from batch_pipelines.processing.declaration.model import DatasetDeclaration, Partitions
from batch_pipelines.processing.declaration.source_paths import is_pattern, render, time_of, without_compression
from batch_pipelines.processing.sources.files import (
    SourceFile,
    clash,
    endings,
    file_key,
    inbox_folder,
    listing,
    packs,
    partition_of,
    shown_name,
    source_file,
)

_WRITING = os.O_WRONLY | os.O_RDWR


@dataclass(frozen=True, slots=True)
class Misfit:
    """A file in the inbox that nothing will be done with.

    Attributes:
        name: Where it lies, as people see it.
        reason: Why, and what to do.
    """

    name: str
    reason: str


def misfits(declaration: DatasetDeclaration, home: Path, data: Path) -> list[Misfit]:
    """Return what lies in the inbox of a dataset and fits no partition, each with the reason."""
    if not declaration.inbox:
        return list(_unread(declaration, home, data))
    found: list[Misfit] = []
    taken: dict[str, Path] = {}
    for path in listing(inbox_folder(declaration, data)):
        reason = _reason(declaration, path, home, data)
        if reason is None:
            name = file_key(path.name) if declaration.partitions == "file" else without_compression(path.name)
            other = taken.setdefault(name, path)
            reason = None if other == path else clash(path, other, home, data)
        if reason is not None:
            found.append(Misfit(shown_name(path, home, data), reason))
    return found


def is_open_for_writing(path: Path, proc: Path = Path("/proc")) -> bool:
    """Whether some process has the file open to write. Best effort: False where the system does not say.

    Args:
        path: The file.
        proc: Where Linux lists the open files of each process. Those of other users stay hidden.
    """
    try:
        wanted = path.stat()
        processes = [entry for entry in proc.iterdir() if entry.name.isdecimal()]
    except OSError:
        return False
    return any(_writes(process, wanted) for process in processes)


def refuse_unfinished(files: Iterable[SourceFile], data: Path) -> None:
    """Files are dropped into the inbox while runs go on: one that is still being written is no content yet.

    Raises:
        InputError: One of these files is of an inbox and open for writing.
    """
    for file in files:
        if file.path.is_relative_to(data / "inbox") and is_open_for_writing(file.path):
            raise InputError(file.name, "is still open for writing; run again when it is closed")


def _unread(declaration: DatasetDeclaration, home: Path, data: Path) -> Iterator[Misfit]:
    """The inbox of a dataset that takes no files from there."""
    folder = inbox_folder(declaration, data)
    if any(listing(folder)):
        reason = "is not looked into; declare `inbox: true` in the dataset's YAML, or move away what lies there"
        yield Misfit(shown_name(folder, home, data), reason)


def _reason(declaration: DatasetDeclaration, path: Path, home: Path, data: Path) -> str | None:
    if not path.is_file():
        return "is not a file; put the files themselves here"
    try:
        source_file(path, home, data)
    except InputError as error:
        return error.message
    if partition_of(declaration, path.name) is not None:
        return None
    pattern = declaration.inbox_name or declaration.source.rpartition("/")[2]
    moment = time_of(pattern, path.name, any_compression=packs(declaration))
    if isinstance(declaration.partitions, Partitions) and moment is not None:
        return _outside(declaration.partitions, windows.format_key(moment, declaration.partitions.every))
    fitting = f"the name does not fit {without_compression(pattern)}{endings(declaration)}; rename the file"
    example = _example(declaration, without_compression(pattern))
    return f"{fitting}, for example to {example}" if example else fitting


def _example(declaration: DatasetDeclaration, pattern: str) -> str:
    """A name that fits, where the pattern does not say it plainly."""
    partitions = declaration.partitions
    if not isinstance(partitions, Partitions) or is_pattern(pattern):
        return ""
    return render(pattern, windows.read_key(partitions.start, partitions.every))


def _outside(partitions: Partitions, key: str) -> str:
    try:
        windows.read_key(key, partitions.every)
    except ValueError as error:
        return f"the name states {error}"
    there = f"{partitions.start} to {partitions.end}" if partitions.end else f"{partitions.start} and later"
    return f"{key} is outside the partitions, which are {there}; rename the file, or extend `partitions`"


def _writes(process: Path, wanted: os.stat_result) -> bool:
    try:
        descriptors = list((process / "fd").iterdir())
    except OSError:  # gone, or another user's
        return False
    return any(_is_writer(process, descriptor, wanted) for descriptor in descriptors)


def _is_writer(process: Path, descriptor: Path, wanted: os.stat_result) -> bool:
    try:
        if not str(descriptor.readlink()).startswith("/") or not os.path.samestat(descriptor.stat(), wanted):
            return False
        lines = (process / "fdinfo" / descriptor.name).read_text().splitlines()
    except OSError:
        return False
    flags = next((line.split()[1] for line in lines if line.startswith("flags:")), "0")
    return bool(int(flags, 8) & _WRITING)
