"""Files into a folder: whole or not at all, the same again changes nothing, nothing leads elsewhere."""

import gzip
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer
from pyarrow import fs

from batch_pipelines.core.delivered import DeliveryKey
from batch_pipelines.core.faults import arm
from batch_pipelines.delivery.channels import Delivered, Parcel, Refused, safe_segment
from batch_pipelines.delivery.folder import FolderChannel
from batch_pipelines_tests.delivery.parcels import parcel, parcel_file


@pytest.fixture
def _disarmed() -> Iterator[None]:
    yield
    arm("")


def nothing() -> None:
    """Go ahead."""


def key(of: Parcel, recipient: str) -> DeliveryKey:
    return DeliveryKey(of.report, of.partition, of.burst, "folder", recipient, of.content)


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_files_lie_below_report_and_partition(tmp_path: Path) -> None:
    made = parcel(tmp_path / "made", pdf=b"%PDF", csv=b"a,b\n", burst="JFK")
    ending = FolderChannel(tmp_path).send(made, key(made, "out"), nothing)
    place = tmp_path / "out" / "daily" / "2013-01-15" / "JFK"
    assert ending == Delivered(str(place))
    assert (place / "daily.pdf").read_bytes() == b"%PDF"
    assert names(place) == ["daily.csv", "daily.pdf"]


def test_the_same_again_leaves_the_files_untouched(tmp_path: Path) -> None:
    made = parcel(tmp_path / "made", pdf=b"%PDF")
    place = tmp_path / "out" / "daily" / "2013-01-15" / "daily.pdf"
    FolderChannel(tmp_path).send(made, key(made, "out"), nothing)
    os.utime(place, ns=(1, 1))
    FolderChannel(tmp_path).send(made, key(made, "out"), nothing)
    assert place.stat().st_mtime_ns == 1
    place.write_bytes(b"%PDx")
    FolderChannel(tmp_path).send(made, key(made, "out"), nothing)
    assert place.read_bytes() == b"%PDF"


@pytest.mark.usefixtures("_disarmed")
@pytest.mark.parametrize("point", ["delivery.half_written", "delivery.written"])
def test_a_write_that_fails_leaves_the_old_file_and_the_next_cleans_up(tmp_path: Path, point: str) -> None:
    channel, made = FolderChannel(tmp_path), parcel(tmp_path / "made", pdf=b"old")
    place = tmp_path / "out" / "daily" / "2013-01-15"
    channel.send(made, key(made, "out"), nothing)
    newer = parcel(tmp_path / "newer", pdf=b"new")
    arm(f"enospc@{point}:1")
    ending = channel.send(newer, key(newer, "out"), nothing)
    assert isinstance(ending, Refused)
    assert ending.again
    assert (place / "daily.pdf").read_bytes() == b"old"
    channel.send(newer, key(newer, "out"), nothing)
    assert names(place) == ["daily.pdf"]
    assert (place / "daily.pdf").read_bytes() == b"new"


@pytest.mark.parametrize(
    "text", ["../../etc", "/etc/passwd", "..", ".", "", "a/b", ".hidden", "x" * 400, "a\0b", "ä\n"]
)
def test_no_text_leads_out_of_the_folder(tmp_path: Path, text: str) -> None:
    made = replace(parcel(tmp_path / "made", pdf=b"%PDF"), burst=text or "..", partition=text or ".")
    FolderChannel(tmp_path).send(made, key(made, "out"), nothing)
    (found,) = (tmp_path / "out").rglob("*.pdf")
    assert found.relative_to(tmp_path / "out").parts[0] == "daily"
    assert len(found.relative_to(tmp_path / "out").parts) == 4
    assert not safe_segment(text).startswith(".")


def test_texts_that_differ_lie_in_folders_that_differ() -> None:
    texts = ["a/b", "a%2Fb", "..", "%2E.", "x" * 400, "x" * 401, "a b", "a+b"]
    assert len({safe_segment(text) for text in texts}) == len(texts)


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """The address of an empty bucket, on a server of this process."""
    with pytest.MonkeyPatch.context() as patched:
        server = ThreadedMotoServer(port=0, verbose=False)
        server.start()
        host, port = server.get_host_and_port()
        for name, value in {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true",
        }.items():
            patched.setenv(name, value)
        query = f"?region=us-east-1&scheme=http&endpoint_override={host}:{port}"
        there, _ = fs.FileSystem.from_uri(f"s3://reports/{query}&allow_bucket_creation=true")
        there.create_dir("reports")
        yield f"s3://reports/made{query}"
        server.stop()


def test_files_go_to_s3_and_the_same_again_overwrites_them_alike(tmp_path: Path, bucket: str) -> None:
    made = parcel(tmp_path / "made", pdf=b"%PDF", csv=b"a,b\n")
    channel = FolderChannel(tmp_path)
    first = channel.send(made, key(made, bucket), nothing)
    assert first == channel.send(made, key(made, bucket), nothing)
    assert first == Delivered("s3://reports/made/daily/2013-01-15")
    there, _ = fs.FileSystem.from_uri(bucket)
    with there.open_input_stream("reports/made/daily/2013-01-15/daily.pdf") as stream:
        assert stream.read() == b"%PDF"


def test_a_file_that_is_packed_already_goes_to_s3_byte_for_byte(tmp_path: Path, bucket: str) -> None:
    packed = gzip.compress(b"a,b\n", mtime=0)
    made = replace(parcel(tmp_path), files=(parcel_file(tmp_path / "made", "rows.csv.gz", packed),))
    FolderChannel(tmp_path).send(made, key(made, bucket), nothing)
    there, _ = fs.FileSystem.from_uri(bucket)
    with there.open_input_stream("reports/made/daily/2013-01-15/rows.csv.gz", compression=None) as stream:
        assert stream.read() == packed


def test_a_bucket_that_is_not_there_is_said_and_tried_again(tmp_path: Path, bucket: str) -> None:
    made = parcel(tmp_path / "made", pdf=b"%PDF")
    ending = FolderChannel(tmp_path).send(made, key(made, bucket.replace("//reports/", "//nowhere/")), nothing)
    assert isinstance(ending, Refused)
    assert ending.detail.startswith("s3://nowhere/made")
