"""Objects of S3 as source files: found by the same patterns, fetched once into staging, known by content.

    s3://bucket/prefix/orders-{%Y-%m}.csv.gz ─ list ─▶ objects ─ fetch, hash ─▶ <staging>/<sha256>.csv.gz

What is noted of an object (ETag, size, SHA-256) lies beside the data: one that did not change is not fetched again to
be recognised. What must not live here: the store (lake/objects.py), what is in the files.
"""

import hashlib
import json
import os
import secrets
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from batch_pipelines.core.errors import InputError, SourceChanged
from batch_pipelines.core.faults import fault
from batch_pipelines.lake.objects import S3, Object, fetch, listed, looked_up
from batch_pipelines.processing.declaration.model import DatasetDeclaration
from batch_pipelines.processing.declaration.source_paths import directives, is_pattern, wildcard, without_compression
from batch_pipelines.processing.sources.files import SourceFile, file_key, is_temporary, key_of

Known = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ObjectSources:
    """The objects that `source: s3://…` names.

    Attributes:
        data: The data folder.
        store: Opens the store.
    """

    data: Path
    store: Callable[[], Any]

    def partitions(self, declaration: DatasetDeclaration) -> list[str]:
        """Return the partitions that have objects now, sorted.

        Raises:
            InputError: The bucket cannot be read.
        """
        found = self._found(declaration)
        return sorted({key for url in found if (key := key_of(declaration, declaration.source, url)) is not None})

    def files(self, declaration: DatasetDeclaration, partition: str) -> list[SourceFile]:
        """Return the objects of one partition as files, sorted; those that are new or have changed are fetched.

        Raises:
            InputError: There are none, two are one, or the store cannot be read.
            SourceChanged: One changed while it was fetched.
        """
        found = [u for u in self._found(declaration) if key_of(declaration, declaration.source, u) == partition]
        if not found:
            cure = "put the object there, or correct `source` in the dataset's YAML"
            message = f"partition {partition!r} of dataset {declaration.name!r} has no object; {cure}"
            raise InputError(declaration.source, message)
        _refuse_clashes(declaration, found)
        return [self._file(declaration.name, url) for url in found]

    def fetched(self, dataset: str, files: Iterable[SourceFile]) -> list[SourceFile]:
        """Return files whose content is here, fetching what was swept away since it was noted.

        Raises:
            SourceChanged: One is not what it was.
        """
        there: list[SourceFile] = []
        for file in files:
            if not file.path.exists():
                again = self._fetch(dataset, looked_up(self.store(), file.name))
                if again.sha256 != file.sha256:
                    raise SourceChanged(file.name, "has changed since it was looked at; run again")
            there.append(file)
        return there

    def _found(self, declaration: DatasetDeclaration) -> list[str]:
        pattern = declaration.source.removeprefix(S3)
        expression = wildcard(pattern)
        urls = listed(self.store(), _fixed(declaration.source))
        names = ((url, url.removeprefix(S3)) for url in urls)
        return [url for url, name in names if expression.fullmatch(name) and not is_temporary(url.rpartition("/")[2])]

    def _file(self, dataset: str, url: str) -> SourceFile:
        now = looked_up(self.store(), url)
        known = _read(self._note(dataset, url))
        if now.etag and (known.get("etag"), known.get("size")) == (now.etag, now.size):
            return SourceFile(url, self._place(dataset, str(known["sha256"]), url), str(known["sha256"]))
        return self._fetch(dataset, now)

    def _fetch(self, dataset: str, wanted: Object) -> SourceFile:
        staging = self.data / "staging" / dataset
        staging.mkdir(parents=True, exist_ok=True)
        temporary = staging / f".object-{secrets.token_hex(6)}.tmp"
        try:
            came = fetch(self.store(), wanted.url, temporary)
            size = temporary.stat().st_size
            after = looked_up(self.store(), wanted.url)
            if not came.etag == wanted.etag == after.etag or not came.size == wanted.size == after.size:
                raise SourceChanged(wanted.url, "changed while it was fetched; nothing was planned, run again")
            if size != wanted.size:
                message = f"came as {size:,} bytes instead of {wanted.size:,}: it was cut off on the way; run again"
                raise InputError(wanted.url, message)
            return self._keep(dataset, wanted, temporary)
        finally:
            temporary.unlink(missing_ok=True)

    def _keep(self, dataset: str, got: Object, file: Path) -> SourceFile:
        with file.open("rb") as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
            os.fsync(stream.fileno())
        place = self._place(dataset, sha256, got.url)
        fault("fetch.written")
        file.replace(place)
        _write(self._note(dataset, got.url), {"url": got.url, "etag": got.etag, "size": got.size, "sha256": sha256})
        return SourceFile(got.url, place, sha256)

    def _place(self, dataset: str, sha256: str, url: str) -> Path:
        name = url.rpartition("/")[2]
        return self.data / "staging" / dataset / f"{sha256}{name[name.find('.') :] if '.' in name else ''}"

    def _note(self, dataset: str, url: str) -> Path:
        return self.data / "objects" / dataset / f"{hashlib.sha256(url.encode()).hexdigest()[:32]}.json"


def _fixed(source: str) -> str:
    """The folders of a source before the first with a time or wildcard."""
    kept: list[str] = []
    for part in source.removeprefix(S3).split("/")[:-1]:
        if is_pattern(part) or directives(part):
            break
        kept.append(part)
    return f"{S3}{'/'.join(kept)}/"


def _refuse_clashes(declaration: DatasetDeclaration, urls: list[str]) -> None:
    seen: dict[str, str] = {}
    for url in urls:
        name = url.rpartition("/")[2]
        identity = file_key(name) if declaration.partitions == "file" else without_compression(url)
        if (other := seen.setdefault(identity, url)) != url:
            raise InputError(url, f"is the same file as {other}; remove or rename one of them")


def _read(note: Path) -> Known:
    with suppress(OSError, ValueError):
        known: Known = json.loads(note.read_text(encoding="utf-8"))
        return known
    return {}


def _write(note: Path, known: Known) -> None:
    note.parent.mkdir(parents=True, exist_ok=True)
    temporary = note.with_name(f".{note.name}.{secrets.token_hex(4)}.tmp")
    temporary.write_text(json.dumps(known), encoding="utf-8")
    temporary.replace(note)
