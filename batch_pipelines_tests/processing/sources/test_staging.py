"""From files as they lie to plain UTF-8: whole, or an error that names the cure."""

import gzip
import hashlib
import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batch_pipelines.core.errors import ConfigError, InputError
from batch_pipelines.processing.sources.caps import Caps
from batch_pipelines.processing.sources.staging import is_plain, open_plain, stage

TEXT = b"id,name\n" + b"".join(b"%d,%s\n" % (n, hashlib.sha256(b"%d" % n).hexdigest().encode()) for n in range(3000))


def zstd(plain: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    stream = pa.CompressedOutputStream(sink, "zstd")
    stream.write(plain)
    stream.flush()
    stream.close()
    return sink.getvalue().to_pybytes()


def plain(
    path: Path, stored: bytes, encoding: str = "utf-8", *, caps: Caps | None = None, size: int = 1 << 16
) -> bytes:
    path.write_bytes(stored)
    parts = []
    with open_plain(path, encoding=encoding, caps=caps or Caps(), source="in/x.csv") as stream:
        while part := stream.read(size):
            parts.append(part)
        assert stream.sha256 == hashlib.sha256(stored).hexdigest()
    return b"".join(parts)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.csv"


@pytest.mark.parametrize(
    "stored",
    [
        TEXT,
        b"\xef\xbb\xbf" + TEXT,
        gzip.compress(TEXT),
        gzip.compress(b"\xef\xbb\xbf" + TEXT),
        gzip.compress(TEXT[:99]) + gzip.compress(b"") + gzip.compress(TEXT[99:]) + bytes(512),
    ],
    ids=["plain", "BOM", "gzip", "BOM in gzip", "gzip members, padded"],
)
@pytest.mark.parametrize("size", [7, 1 << 20])
def test_plain_bytes_come_out_whole(path: Path, stored: bytes, size: int) -> None:
    assert plain(path, stored, size=size) == TEXT


def test_zstd_comes_out_whole_frames_and_skippable_frames_included(path: Path) -> None:
    skippable = b"\x50\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"hello"
    assert plain(path, zstd(TEXT[:99]) + skippable + zstd(TEXT[99:])) == TEXT
    assert plain(path, skippable + zstd(TEXT)) == TEXT


PACKED = {"gzip": gzip.compress(TEXT), "zstd": zstd(TEXT)}


@given(kind=st.sampled_from(["gzip", "zstd"]), data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_truncated_archive_is_never_a_short_text(
    tmp_path_factory: pytest.TempPathFactory, kind: str, data: st.DataObject
) -> None:
    packed = PACKED[kind]
    cut = data.draw(st.integers(4, len(packed) - 1))
    with pytest.raises(InputError, match=rf"in/x\.csv: the {kind} file is truncated: fetch"):
        plain(tmp_path_factory.getbasetemp() / "cut.csv", packed[:cut])


def test_a_member_that_is_cut_off_after_a_whole_one_is_truncated(path: Path) -> None:
    for packed in PACKED.values():
        with pytest.raises(InputError, match="truncated"):
            plain(path, packed + packed[:20])


def test_a_corrupt_archive_is_refused(path: Path) -> None:
    flipped = bytearray(PACKED["gzip"])
    flipped[len(flipped) // 2] ^= 4
    for stored in (bytes(flipped), PACKED["gzip"] + b"junk", PACKED["zstd"] + b"junk"):
        with pytest.raises(InputError, match=r"is corrupt \(.*fetch or write the file again"):
            plain(path, stored)


@pytest.mark.parametrize("pack", [gzip.compress, zstd], ids=["gzip", "zstd"])
def test_a_bomb_is_refused_in_bounded_memory(path: Path, pack: Callable[[bytes], bytes]) -> None:
    path.write_bytes(pack(bytes(200 << 20)))
    tracemalloc.start()
    with open_plain(path, encoding="utf-8", caps=Caps()) as stream, pytest.raises(InputError, match="like a bomb"):
        sum(1 for _ in iter(lambda: stream.read(1 << 20), b""))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 << 20


def test_more_plain_bytes_than_allowed_are_refused(path: Path) -> None:
    with pytest.raises(InputError, match="more than 1,000 bytes"):
        plain(path, PACKED["gzip"], caps=Caps(plain_bytes=1000))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-16-le", "utf-16-be"])
def test_undeclared_wide_text_names_the_encoding_to_declare(path: Path, encoding: str) -> None:
    with pytest.raises(InputError, match=rf"declare `csv: {{encoding: {encoding}}}`"):
        plain(path, "id,name\n1,x\n".encode(encoding))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-16-le", "cp1252", "latin-1", "utf-8-sig"])
def test_declared_encodings_become_utf8(path: Path, encoding: str) -> None:
    text = "id,name\n1,é\n" * 20000
    assert plain(path, text.encode(encoding), encoding) == text.encode()
    assert plain(path, gzip.compress(text.encode(encoding)), encoding) == text.encode()


def test_undecodable_bytes_stay_and_stay_undecodable(path: Path) -> None:
    for stored, encoding in ((b"a,\x81\n", "cp1252"), ("a,".encode("utf-16") + b"\x00\xd8\n\0", "utf-16")):
        out = plain(path, stored, encoding)
        assert out.startswith(b"a,")
        assert out.endswith(b"\n")
        with pytest.raises(UnicodeDecodeError):
            out.decode()


def test_text_that_ends_within_a_character_is_refused(path: Path) -> None:
    with pytest.raises(InputError, match="the text is not utf-16"):
        plain(path, "a,b\n".encode("utf-16")[:-1], "utf-16")


@pytest.mark.parametrize("encoding", ["klingon", "base64"])
def test_an_unknown_encoding_is_a_mistake_of_the_declaration(path: Path, encoding: str) -> None:
    with pytest.raises(ConfigError, match=encoding):
        plain(path, b"a", encoding)


@pytest.mark.parametrize("magic", [b"PK\x03\x04", b"PAR1", b"\xfd7zXZ\0", b"BZh9"])
def test_other_kinds_of_file_are_called_by_their_name(path: Path, magic: bytes) -> None:
    with pytest.raises(InputError, match=r"is a ZIP|is a Parquet|with xz|with bzip2"):
        plain(path, magic + b"xxxx")


def test_a_missing_file_is_an_input_error(path: Path) -> None:
    with pytest.raises(InputError, match="cannot be opened"):
        open_plain(path, encoding="utf-8", caps=Caps())


def test_only_utf8_that_is_not_packed_is_plain(path: Path) -> None:
    path.write_bytes(b"\xef\xbb\xbfa,b\n")
    assert is_plain(path, "UTF8")
    assert not is_plain(path, "latin-1")
    path.write_bytes(PACKED["gzip"])
    assert not is_plain(path, "utf-8")


def test_staging_writes_once_and_reuses_what_is_there(path: Path, tmp_path: Path) -> None:
    path.write_bytes(PACKED["gzip"])
    staging = tmp_path / "staging"
    first = stage(path, encoding="utf-8", caps=Caps(), staging_dir=staging)
    assert first.path.read_bytes() == TEXT
    assert first.path.name == f"{hashlib.sha256(PACKED['gzip']).hexdigest()}.csv"
    written = first.path.stat().st_mtime_ns
    assert stage(path, encoding="utf-8", caps=Caps(), staging_dir=staging) == first
    assert first.path.stat().st_mtime_ns == written
    assert sorted(each.suffix for each in staging.iterdir()) == [".csv", ".json"]


def test_a_staged_file_that_is_not_what_it_must_be_is_written_again(path: Path, tmp_path: Path) -> None:
    path.write_bytes(PACKED["zstd"])
    first = stage(path, encoding="utf-8", caps=Caps(), staging_dir=tmp_path)
    first.path.write_bytes(TEXT[:-5])
    assert stage(path, encoding="utf-8", caps=Caps(), staging_dir=tmp_path).path.read_bytes() == TEXT
    first.path.with_suffix(".json").write_text(json.dumps([]))
    assert stage(path, encoding="utf-8", caps=Caps(), staging_dir=tmp_path) == first


def test_a_failed_staging_leaves_nothing(path: Path, tmp_path: Path) -> None:
    path.write_bytes(PACKED["zstd"][:-9])
    with pytest.raises(InputError):
        stage(path, encoding="utf-8", caps=Caps(), staging_dir=tmp_path / "staging")
    assert list((tmp_path / "staging").iterdir()) == []
