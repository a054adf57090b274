"""Which files a partition is made of: those that `source` names, and those of its inbox, which win.

An inbox file replaces the file of the same name (compression endings aside); a new name is added.
What must not live here: what is in the files (staging.py, csv_*.py), what is wrong with an inbox (inbox.py).
"""

import hashlib
import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from batch_pipelines.core.declaring import windows
from batch_pipelines.core.declaring.partitions import ALL, fits, window
from batch_pipelines.core.errors import InputError
from batch_pipelines.processing.declaration.model import DatasetDeclaration, Partitions
from batch_pipelines.processing.declaration.source_paths import (
    COMPRESSIONS,
    directives,
    is_pattern,
    render,
    time_of,
    wildcard,
    without_compression,
)

MAX_KEY = 100
TEMPORARY = (".tmp", ".part", ".partial", ".crdownload", ".swp", "~")


@dataclass(frozen=True, slots=True, order=True)
class SourceFile:
    """One file of a partition.

    Attributes:
        name: Path relative to the project's home (else to the data folder, as `data/…`), with /, for people.
        path: Absolute path.
        sha256: Of its content, where that is known without reading it; empty elsewhere.
    """

    name: str
    path: Path
    sha256: str = ""


def files_of(declaration: DatasetDeclaration, partition: str, home: Path, data: Path) -> list[SourceFile]:
    """Return the files of one partition, sorted by name.

    Args:
        declaration: The dataset.
        partition: Key of the partition.
        home: The project's folder, which `source` is relative to.
        data: The data folder, which holds `inbox/`.

    Raises:
        InputError: There are none (the message names the places), two are one, or one lies elsewhere.
        ConfigError: There is no such partition.
    """
    own = [file for file in _sources(declaration, home, partition) if _key(declaration, home, file) == partition]
    sent = [
        file
        for file in inbox_files(declaration, data)
        if printable(file.name) and partition_of(declaration, file.name) == partition
    ]
    replaced = {without_compression(file.name) for file in sent}
    found = [file for file in own if without_compression(file.name) not in replaced] + sent
    if not found:
        raise _missing(declaration, partition, home, data)
    _refuse_clashes(declaration, own, home, data)
    _refuse_clashes(declaration, sent, home, data)
    if declaration.partitions == "file":
        _refuse_clashes(declaration, found, home, data)
    return sorted(source_file(file, home, data) for file in found)


def partition_of(declaration: DatasetDeclaration, filename: str) -> str | None:
    """Return the partition that a file of this name (in the inbox, say) belongs to, None if it fits none."""
    pattern = declaration.inbox_name or declaration.source.rpartition("/")[2]
    if is_temporary(filename):
        return None
    if isinstance(declaration.partitions, Partitions):
        return _window_key(declaration.partitions, time_of(pattern, filename, any_compression=packs(declaration)))
    if wildcard(pattern, any_compression=packs(declaration)).fullmatch(filename) is None:
        return None
    return file_key(filename) if declaration.partitions == "file" else ALL


def packs(declaration: DatasetDeclaration) -> bool:
    """Whether files may be compressed from without; Parquet and XLSX are from within."""
    return declaration.file_format in ("csv", "jsonl")


def endings(declaration: DatasetDeclaration) -> str:
    """Return what messages say of the endings that a file's name may have."""
    return f" (plain, {' or '.join(COMPRESSIONS)})" if packs(declaration) else ""


def existing_partitions(declaration: DatasetDeclaration, home: Path, data: Path) -> list[str]:
    """Return the keys of all partitions that have files now, sorted."""
    keys = {_key(declaration, home, file) for file in _sources(declaration, home, None)}
    keys |= {partition_of(declaration, file.name) for file in inbox_files(declaration, data) if printable(file.name)}
    return sorted(key for key in keys if key is not None)


def key_of(declaration: DatasetDeclaration, pattern: str, place: str) -> str | None:
    """Return the partition of what `source` found at this place: times may stand in its folders, too."""
    if isinstance(declaration.partitions, Partitions):
        return _window_key(declaration.partitions, time_of(pattern, place))
    return file_key(place.rpartition("/")[2]) if declaration.partitions == "file" else ALL


def inbox_folder(declaration: DatasetDeclaration, data: Path) -> Path:
    """Return where re-delivered and new files of a dataset are put."""
    return data / "inbox" / declaration.name


def inbox_files(declaration: DatasetDeclaration, data: Path) -> list[Path]:
    """Return the finished files in the inbox, sorted; none if the dataset has no inbox."""
    if not declaration.inbox:
        return []
    return [path for path in listing(inbox_folder(declaration, data)) if path.is_file()]


def source_file(path: Path, home: Path, data: Path) -> SourceFile:
    """Return a file with the name that people see.

    Raises:
        InputError: It lies, or a link in its path leads, outside the project; or its name is no text.
    """
    if not printable(path.name):
        raise InputError(ascii(path.name)[1:-1], "the name is not valid UTF-8; rename the file")
    real = path.resolve()
    if not real.is_relative_to(home.resolve()) and not real.is_relative_to(data.resolve()):
        raise InputError(
            shown_name(path, home, data),
            "a link leads out of the project, which is not followed; copy the file to this place instead",
        )
    return SourceFile(shown_name(path, home, data), path.absolute())


def file_key(filename: str) -> str:
    """Return the partition key that a file name makes: its stem in a-z, 0-9, `.`, `_`, `-`.

    Blanks become `-`. Where other letters have to go, eight digits of the name's hash keep keys apart.
    """
    stem = re.sub(
        r"\.(csv|tsv|txt|tab|dat|jsonl|ndjson|json|parquet|pq|xlsx)$",
        "",
        without_compression(filename),
        flags=re.IGNORECASE,
    )
    plain = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode().lower()
    safe = re.sub(r"\.{2,}", ".", re.sub(r"[^a-z0-9._-]+", "-", plain)).strip(".-")
    if not stem.isascii() or re.search(r"[^A-Za-z0-9._ -]", stem) or not safe or len(safe) > MAX_KEY:
        digest = hashlib.sha256(os.fsencode(stem)).hexdigest()[:8]
        safe = f"{safe[: MAX_KEY - 9] or 'file'}-{digest}"
    return safe


def is_temporary(name: str) -> bool:
    """Whether a file of this name is somebody's unfinished business."""
    return name.startswith(".") or name.lower().endswith(TEMPORARY)


def printable(name: str) -> bool:
    """Whether a name can be stored as text at all (some file systems hold names that are no UTF-8)."""
    return not any("\ud800" <= letter <= "\udfff" for letter in name)


def fingerprint(files: Sequence[SourceFile]) -> str:
    """Return the identity of a partition's content: a hash of its files' SHA-256, in order, without names.

    Raises:
        InputError: A file cannot be read.
    """
    return combined(sha256_of(file) for file in files)


def combined(digests: Iterable[str]) -> str:
    """Return the identity of content made of files with these SHA-256 (hex), in order."""
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()


def sha256_of(file: SourceFile) -> str:
    """Return the SHA-256 (hex) of a file as it lies, read as a stream, unless it is known.

    Raises:
        InputError: It cannot be read.
    """
    if file.sha256:
        return file.sha256
    try:
        with file.path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise InputError(file.name, f"cannot be read: {error.strerror}") from error


def _window_key(partitions: Partitions, moment: datetime | None) -> str | None:
    if moment is None or windows.floor(moment, partitions.every) != moment:
        return None
    key = windows.format_key(moment, partitions.every)
    return key if fits(partitions, key) else None


def _local_start(partitions: Partitions, key: str) -> datetime:
    return window(partitions, key)[0].replace(tzinfo=None)


def _key(declaration: DatasetDeclaration, home: Path, file: Path) -> str | None:
    return key_of(declaration, declaration.source, file.relative_to(home).as_posix())


def _sources(declaration: DatasetDeclaration, home: Path, partition: str | None) -> list[Path]:
    """Files that `source` finds, for one partition (None: for all)."""
    rendered = declaration.source
    if partition is not None and isinstance(declaration.partitions, Partitions):
        rendered = render(rendered, _local_start(declaration.partitions, partition))
    found = [home]
    for part in rendered.split("/"):
        if is_pattern(part) or directives(part):
            expression = wildcard(part)
            found = [path for folder in found for path in listing(folder) if expression.fullmatch(path.name)]
        else:
            found = [folder / part for folder in found]
    return [path for path in found if path.is_file()]


def listing(folder: Path) -> Iterator[Path]:
    """Go through the entries of a folder by name, without temporary ones; a folder that is not there has none.

    Raises:
        InputError: It cannot be read.
    """
    try:
        found = sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise InputError(folder, f"the folder cannot be read: {error.strerror}") from error
    yield from (path for path in found if not is_temporary(path.name))


def _refuse_clashes(declaration: DatasetDeclaration, files: list[Path], home: Path, data: Path) -> None:
    """Refuse two files that are one twice over, or whose names make one key."""
    by_file = declaration.partitions == "file"
    seen: dict[Path, Path] = {}
    for file in files:
        identity = Path(file_key(file.name)) if by_file else file.with_name(without_compression(file.name))
        other = seen.setdefault(identity, file)
        if other != file:
            raise InputError(shown_name(file, home, data), clash(file, other, home, data))


def clash(file: Path, other: Path, home: Path, data: Path) -> str:
    """Return what is said of two files that cannot both be there."""
    if without_compression(file.name) == without_compression(other.name):
        return f"is there twice, also as {shown_name(other, home, data)}; remove one of them"
    key, rival = file_key(file.name), shown_name(other, home, data)
    return f"makes the partition key {key!r}, as {rival} does; rename one of them"


def shown_name(path: Path, home: Path, data: Path) -> str:
    """Return a path relative to the home (else as `data/…`), with / and without control characters."""
    path = path.absolute()
    if path.is_relative_to(home.absolute()):
        name = path.relative_to(home.absolute()).as_posix()
    else:
        name = f"data/{path.relative_to(data.absolute()).as_posix()}" if path.is_relative_to(data) else path.as_posix()
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in name)


def _missing(declaration: DatasetDeclaration, partition: str, home: Path, data: Path) -> InputError:
    rendered, pattern = declaration.source, declaration.inbox_name or declaration.source.rpartition("/")[2]
    if isinstance(declaration.partitions, Partitions):
        start = _local_start(declaration.partitions, partition)
        rendered, pattern = render(rendered, start), render(pattern, start)
    elif declaration.partitions == "file":
        rendered, pattern = f"{rendered} named {partition}", f"{partition}.{declaration.file_format}"
    places = rendered
    if declaration.inbox:
        inbox = shown_name(inbox_folder(declaration, data), home, data)
        places += f" and {inbox}/{without_compression(pattern)}{endings(declaration)}"
    return InputError(
        rendered.partition(" named ")[0],
        f"partition {partition!r} of dataset {declaration.name!r} has no file; looked for {places}. "
        "Put the file there, or correct `source` in the dataset's YAML",
    )
