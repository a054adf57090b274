"""Objects of S3 (or what speaks its language): found, read, and put there whole.

Credentials and region come from the usual variables (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_REGION`, a
profile, a role), another endpoint from `AWS_ENDPOINT_URL`; nothing of them is kept. What must not live here: what
objects are for (processing/sources/objects.py, processing/export/files.py).
"""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfileobj
from typing import TYPE_CHECKING, Any

from batch_pipelines.core.errors import InputError

if TYPE_CHECKING:
    from pyarrow.fs import S3FileSystem

S3 = "s3://"
COPY_BYTES = 1 << 20
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
_CAUSES = {
    "NO_SUCH_BUCKET": "there is no such bucket; correct the path",
    "ACCESS_DENIED": "access is denied; correct the credentials (AWS_ACCESS_KEY_ID …) or the bucket's policy",
    "INVALID_ACCESS_KEY_ID": "the credentials are not known there; correct AWS_ACCESS_KEY_ID",
    "SIGNATURE_DOES_NOT_MATCH": "the credentials are wrong; correct AWS_SECRET_ACCESS_KEY",
    "NETWORK_CONNECTION": "the endpoint does not answer; correct AWS_ENDPOINT_URL, or run again when it is there",
    "No such file": "there is no such object",
}


@dataclass(frozen=True, slots=True, order=True)
class Object:
    """One object.

    Attributes:
        url: `s3://bucket/key`.
        size: Bytes.
        etag: What changes with its content; empty where the store gives none.
    """

    url: str
    size: int
    etag: str


def is_object(path: str) -> bool:
    """Whether a path is one of S3."""
    return path.startswith(S3)


def store(environ: Mapping[str, str] = os.environ) -> "S3FileSystem":
    """Return the store that the environment names."""
    from pyarrow.fs import S3FileSystem  # noqa: PLC0415  only who reads or writes there pays for it

    endpoint = next((environ[name] for name in _ENDPOINTS if environ.get(name)), None)
    more: dict[str, Any] = {}
    if endpoint:
        scheme, _, place = endpoint.rpartition("://")
        more = {"endpoint_override": place.rstrip("/"), "scheme": scheme or "https"}
    return S3FileSystem(connect_timeout=10, request_timeout=60, **more)


def listed(there: "S3FileSystem", url: str) -> list[str]:
    """Return the objects below a prefix that ends at a slash, as `s3://…`, sorted; none if there are none.

    Raises:
        InputError: The store, or its bucket, cannot be read.
    """
    from pyarrow.fs import FileSelector, FileType  # noqa: PLC0415

    with explained(url):
        found = there.get_file_info(FileSelector(_key(url).rstrip("/"), recursive=True, allow_not_found=True))
        if not found and there.get_file_info(_key(url).partition("/")[0]).type == FileType.NotFound:
            raise InputError(url, _CAUSES["NO_SUCH_BUCKET"])
    return sorted(f"{S3}{each.path}" for each in found if each.type == FileType.File)


def looked_up(there: "S3FileSystem", url: str) -> Object:
    """Return what is known of an object.

    Raises:
        InputError: It is not there, or cannot be read.
    """
    with explained(url), there.open_input_file(_key(url)) as stream:
        return _known(stream, url)


def fetch(there: "S3FileSystem", url: str, file: Path) -> Object:
    """Copy an object into a new file, which is not synced; return what the store said of it as the copy began.

    Raises:
        InputError: It cannot be read.
    """
    with explained(url), there.open_input_stream(_key(url), compression=None) as stream:
        known = _known(stream, url)
        with file.open("xb") as target:
            copyfileobj(stream, target, COPY_BYTES)
    return known


def put(there: "S3FileSystem", file: Path, url: str) -> None:
    """Make a file the content of an object. It is there when the upload has ended, whole, or it is not there.

    Raises:
        InputError: It cannot be written, or what is there afterwards is of another size.
    """
    with explained(url):
        with file.open("rb") as source, there.open_output_stream(_key(url), compression=None) as stream:
            copyfileobj(source, stream, COPY_BYTES)
        if (size := there.get_file_info(_key(url)).size) != file.stat().st_size:
            raise InputError(url, f"has {size} bytes after the upload instead of {file.stat().st_size}; run again")


def size_of(there: "S3FileSystem", url: str) -> int | None:
    """Return the bytes of an object; None if it is not there.

    Raises:
        InputError: The store cannot be read.
    """
    with explained(url):
        size: int | None = there.get_file_info(_key(url)).size
    return size


@contextmanager
def explained(url: str) -> Iterator[None]:
    """Turn what the store says into one clear line.

    Raises:
        InputError: Something was wrong.
    """
    try:
        yield
    except OSError as error:
        text = " ".join(str(error).split())
        cause = next((cure for code, cure in _CAUSES.items() if code in text), None)
        raise InputError(url, cause or re.sub(r" ?\(Request ID: [^)]*\)", "", text)) from error


def _key(url: str) -> str:
    return url.removeprefix(S3)


def _known(stream: Any, url: str) -> Object:
    facts = stream.metadata() or {}
    return Object(url, int(facts.get("Content-Length", b"-1")), facts.get("ETag", b"").decode().strip('"'))
