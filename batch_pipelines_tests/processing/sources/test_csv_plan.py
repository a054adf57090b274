"""Plans count and cut exactly; headers that cannot be right are refused with a cure."""

import gzip
import hashlib
import zlib
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batch_pipelines.core.errors import InputError
from batch_pipelines.processing.sources import csv_blocks, csv_plan
from batch_pipelines.processing.sources.caps import Caps
from batch_pipelines.processing.sources.csv_plan import plan_csv, split_csv
from batch_pipelines.processing.sources.csv_records import Dialect
from batch_pipelines.processing.sources.reading import SourcePlan
from batch_pipelines_tests.processing.sources.csv_oracle import dialects_and_texts, expected_records


def planned(
    folder: Path,
    stored: bytes,
    *,
    dialect: Dialect | None = None,
    header: bool | Sequence[str] = True,
    encoding: str = "utf-8",
    chunk_bytes: int = 64,
    caps: Caps | None = None,
) -> SourcePlan:
    path = folder / "x.csv"
    path.write_bytes(stored)
    return plan_csv(
        path,
        "in/x.csv",
        dialect=dialect or Dialect(),
        header=header,
        encoding=encoding,
        chunk_bytes=chunk_bytes,
        caps=caps or Caps(),
        staging_dir=folder / "staging",
        home=folder,
    )


@given(dialects_and_texts(), st.integers(1, 200), st.integers(1, 64), st.integers(1, 5))
@settings(max_examples=300, deadline=None)
def test_chunks_hold_every_record_once(
    tmp_path_factory: pytest.TempPathFactory,
    case: tuple[Dialect, bytes],
    chunk_bytes: int,
    read_bytes: int,
    most: int,
) -> None:
    dialect, text = case
    data = b"a%bb\n" % dialect.delimiter + text  # a head that no other kind of file has
    records = expected_records(data, dialect)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_blocks, "READ_BYTES", read_bytes)
        patch.setattr(csv_plan, "MAX_CHUNK_RECORDS", most)
        plan = planned(
            tmp_path_factory.getbasetemp(), data, dialect=dialect, header=["a", "b"], chunk_bytes=chunk_bytes
        )
    assert plan.items == len(records)
    assert plan.sha256 == hashlib.sha256(data).hexdigest()
    number = 0
    for chunk in plan.chunks:
        held = records[number : number + chunk.items]
        payload = chunk.payload
        assert payload["start"] == held[0].start
        assert payload["end"] == held[-1].next
        assert payload["first_line"] == held[0].line + 1
        assert payload["first_record"] == number + 1
        assert payload["crc32"] == zlib.crc32(data[payload["start"] : payload["end"]])
        assert chunk.items == 1 or payload["end"] - payload["start"] <= chunk_bytes
        assert (
            expected_records(data[payload["start"] : payload["end"]], dialect)[-1].next == held[-1].next - held[0].start
        )
        number += chunk.items
    assert number == len(records)


def test_the_header_is_no_item_and_lines_count_from_one(tmp_path: Path) -> None:
    plan = planned(tmp_path, b'\xef\xbb\xbf\nid,"the\nname"\n1,a\n\n2,b')
    assert plan.columns == ["id", "the\nname"]
    assert (plan.items, plan.blank_lines) == (2, 2)
    assert plan.chunks[0].payload == {
        "source": "in/x.csv",
        "path": "x.csv",
        "start": 18,
        "end": 26,
        "first_line": 4,
        "first_record": 1,
        "crc32": zlib.crc32(b"1,a\n\n2,b"),
    }


def test_an_empty_file_has_no_columns_and_no_items(tmp_path: Path) -> None:
    for stored in (b"", b"\xef\xbb\xbf", gzip.compress(b"")):
        plan = planned(tmp_path, stored)
        assert (plan.columns, plan.chunks, plan.items) == ([], [], 0)


def test_a_file_with_a_header_only_has_columns_and_no_items(tmp_path: Path) -> None:
    for stored in (b"a,b", b"a,b\n", b"a,b\r\n\r\n"):
        plan = planned(tmp_path, stored)
        assert (plan.columns, plan.chunks, plan.items) == (["a", "b"], [], 0)


def test_without_a_header_columns_are_numbered_or_given(tmp_path: Path) -> None:
    assert planned(tmp_path, b"1,2\n", header=False).columns == ["column_1", "column_2"]
    plan = planned(tmp_path, b"1,2\n", header=["x", "y"])
    assert (plan.columns, plan.items) == (["x", "y"], 1)


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        (b"a,b,a\n", "names 'a' twice: rename"),
        (b"a,,b\n", "column 2 of the header has no name"),
        (b"a,b,\n1,2\n", "column 3 of the header has no name: name it, or remove the delimiter"),
        (b"a;b\n1;2\n", 'declare `csv: {delimiter: ";"}`'),
        (b"a\tb\n", r'declare `csv: {delimiter: "\t"}`'),
        (b"a|b\n", 'declare `csv: {delimiter: "|"}`'),
        (b"a,b\0\n", "NUL"),
        (b"a,b\rc,d\r", "must end in LF or CRLF"),
        (b"a,b\xe9\n", "column 2 of the header is not UTF-8: declare"),
        (b'a,"b\n1,2\n', "a quote in the first line is not closed"),
        (b"\n\r\n\n", "no header: all lines are empty"),
        (b",".join(b"c%d" % number for number in range(100_000)), "more than 2,000 columns"),
    ],
)
def test_a_header_that_cannot_be_right_is_refused_with_a_cure(tmp_path: Path, stored: bytes, message: str) -> None:
    with pytest.raises(InputError) as caught:
        planned(tmp_path, stored)
    assert message in caught.value.message
    assert (caught.value.source, caught.value.line) == ("in/x.csv", 1)


def test_one_quoted_column_may_be_called_anything(tmp_path: Path) -> None:
    assert planned(tmp_path, b'"a;b"\n1\n').columns == ["a;b"]


def test_a_line_beyond_the_cap_is_refused_wherever_it_is(tmp_path: Path) -> None:
    caps = Caps(line=1000)
    assert planned(tmp_path, b"a,b\n1," + b"x" * 990 + b"\n", caps=caps).items == 1
    for stored in (b"a,b\n1,2\n1," + b"x" * 1000 + b"\n3,4\n", b"a,b\n1,2\n1," + b"x" * 1000):
        with pytest.raises(InputError, match=r"in/x\.csv:3: the line is longer than 1,000 bytes"):
            planned(tmp_path, stored, caps=caps)


def test_a_huge_cell_is_refused_after_a_bounded_read(tmp_path: Path) -> None:
    with (tmp_path / "x.csv").open("wb") as file:
        file.write(b"a,b\n1,")
        file.truncate(1 << 30)  # sparse: a cell of 1 GiB
    with pytest.raises(InputError, match=r":2: the line is longer than 16,777,216 bytes"):
        plan_csv(
            tmp_path / "x.csv",
            "in/x.csv",
            dialect=Dialect(),
            header=True,
            encoding="utf-8",
            chunk_bytes=1 << 24,
            caps=Caps(),
            staging_dir=tmp_path,
        )


def test_blank_lines_without_end_do_not_swell_a_chunk(tmp_path: Path) -> None:
    plan = planned(tmp_path, b"a,b\n1,2\n" + b"\n" * 10_000 + b"3,4\n", chunk_bytes=100)
    assert [chunk.payload["end"] - chunk.payload["start"] for chunk in plan.chunks] == [4, 4]
    assert plan.chunks[1].payload["first_line"] == 10_003


TEXT = b"id,name\n" + b"".join(b"%d,caf\xc3\xa9 %d\n" % (number, number) for number in range(500))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1"])
def test_packed_or_other_text_is_planned_in_its_staged_copy(tmp_path: Path, encoding: str) -> None:
    stored = gzip.compress(TEXT.decode().encode(encoding))
    plan = planned(tmp_path, stored, encoding=encoding, chunk_bytes=1000)
    assert plan.sha256 == hashlib.sha256(stored).hexdigest()
    assert plan.staged is not None
    assert (tmp_path / plan.staged).read_bytes() == TEXT
    assert {chunk.payload["path"] for chunk in plan.chunks} == {plan.staged}
    assert [chunk.payload["source"] for chunk in plan.chunks] == ["in/x.csv"] * len(plan.chunks)
    assert plan.items == 500
    assert planned(tmp_path, stored, encoding=encoding, chunk_bytes=1000) == plan


def test_a_damaged_staged_copy_is_made_anew(tmp_path: Path) -> None:
    plan = planned(tmp_path, gzip.compress(TEXT))
    copy = tmp_path / str(plan.staged)
    copy.write_bytes(TEXT.replace(b"499", b"498"))
    assert planned(tmp_path, gzip.compress(TEXT)) == plan
    assert copy.read_bytes() == TEXT


def test_a_file_packed_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="packed twice"):
        planned(tmp_path, gzip.compress(gzip.compress(TEXT)))


@given(dialects_and_texts())
@settings(max_examples=100, deadline=None)
def test_bisecting_keeps_every_record(tmp_path_factory: pytest.TempPathFactory, case: tuple[Dialect, bytes]) -> None:
    dialect, text = case
    folder = tmp_path_factory.getbasetemp()
    data = b"a%bb\n" % dialect.delimiter + text
    (whole,) = planned(folder, data, dialect=dialect, header=["a", "b"], chunk_bytes=1 << 20).chunks
    pending, singles = [whole], []
    while pending:
        chunk = pending.pop()
        halves = split_csv(chunk.payload, chunk.items, dialect, folder)
        if halves is None:
            singles.append(chunk)
        else:
            assert halves[0].items + halves[1].items == chunk.items
            pending += reversed(halves)
    records = expected_records(data, dialect)
    assert [(each.payload["start"], each.payload["end"]) for each in singles] == [(r.start, r.next) for r in records]
    assert [each.payload["first_line"] for each in singles] == [record.line + 1 for record in records]
    assert [each.payload["first_record"] for each in singles] == list(range(1, len(records) + 1))
