"""Files into a folder, or to S3: each appears whole or not at all, and doing it again changes nothing.

A folder: beside its place under a hidden name, fsync, rename, fsync of the folder. S3: an object is there when its
upload has ended. What must not live here: whether it was done before (deliverer.py asks the ledger).
"""

import os
from collections.abc import Sequence
from contextlib import suppress
from hashlib import file_digest
from pathlib import Path
from shutil import copyfileobj
from typing import Any

from batch_pipelines.core.delivered import DeliveryKey
from batch_pipelines.core.durable import sync
from batch_pipelines.core.faults import fault
from batch_pipelines.delivery.channels import Delivered, Ending, Go, Parcel, ParcelFile, Refused, safe_segment

S3 = "s3://"
COPY_BYTES = 1 << 20


class FolderChannel:
    """Puts files into `<recipient>/<report>/<partition>[/<burst>]/`.

    Args:
        home: What a relative recipient is relative to.
    """

    name = "folder"
    repeatable = True

    def __init__(self, home: Path) -> None:
        self._home = home

    def send(self, parcel: Parcel, key: DeliveryKey, go: Go) -> Ending:
        """See `Channel`."""
        go()
        try:
            if key.recipient.startswith(S3):
                return Delivered(_to_s3(key.recipient, parcel))
            folder = (self._home / key.recipient).joinpath(*parcel.folder)
            put_files(folder, parcel.files)
            return Delivered(str(folder))
        except OSError as error:  # pyarrow's errors of S3, too
            return Refused(f"{key.recipient} cannot be written: {error}", again=True)


def put_files(folder: Path, files: Sequence[ParcelFile]) -> None:
    """Have files in a folder, byte for byte; those that lie there already stay untouched.

    Raises:
        OSError: The folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(".*.part"):  # of a process that was killed
        with suppress(FileNotFoundError):
            left.unlink()
    for file in files:
        place = folder / safe_segment(file.name)
        if not _is_there(place, file):
            _put(place, file.path)
    sync(folder)


def _put(place: Path, source: Path) -> None:
    beside = place.with_name(f".{place.name}.{os.getpid()}.part")
    with source.open("rb") as reader, beside.open("wb") as writer:
        copyfileobj(reader, writer, COPY_BYTES)
        fault("delivery.half_written")
        writer.flush()
        os.fsync(writer.fileno())
    fault("delivery.written")
    beside.replace(place)
    fault("delivery.renamed")


def _is_there(place: Path, file: ParcelFile) -> bool:
    try:
        if place.stat().st_size != file.size:
            return False
        with place.open("rb") as stream:
            return file_digest(stream, "sha256").hexdigest() == file.sha256
    except FileNotFoundError:
        return False


def _to_s3(address: str, parcel: Parcel) -> str:
    from pyarrow import fs  # noqa: PLC0415  only who delivers there pays for it

    there: Any
    there, base = fs.FileSystem.from_uri(address)
    folder = "/".join([base.rstrip("/"), *parcel.folder])
    for file in parcel.files:
        place = f"{folder}/{safe_segment(file.name)}"
        # by default a name that ends with .gz would have it packed once more
        with file.path.open("rb") as reader, there.open_output_stream(place, compression=None) as writer:
            copyfileobj(reader, writer, COPY_BYTES)
    return f"{S3}{folder}"
