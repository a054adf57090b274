"""An S3 store for tests: moto's server in this process, found through the usual variables."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from moto.server import ThreadedMotoServer
from pyarrow.fs import S3FileSystem

BUCKET = "bucket"


@dataclass(frozen=True)
class Bucket:
    """One bucket."""

    fs: Any

    def write(self, key: str, content: bytes | str) -> None:
        with self.fs.open_output_stream(f"{BUCKET}/{key}", compression=None) as stream:
            stream.write(content.encode() if isinstance(content, str) else content)

    def read(self, key: str) -> bytes:
        with self.fs.open_input_stream(f"{BUCKET}/{key}", compression=None) as stream:
            content: bytes = stream.read()
        return content

    def delete(self, key: str) -> None:
        self.fs.delete_file(f"{BUCKET}/{key}")


@contextmanager
def s3_store() -> Iterator[str]:
    """A store; yields its address."""
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@contextmanager
def bucket_of(address: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """An empty bucket of a store, which the environment names while the block runs."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hidden")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    place = address.removeprefix("http://")
    there = S3FileSystem(endpoint_override=place, scheme="http", allow_bucket_creation=True, allow_bucket_deletion=True)
    there.create_dir(BUCKET)
    yield Bucket(there)
    there.delete_dir(BUCKET)
