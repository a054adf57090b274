"""The scanner finds what Python's csv module finds, whatever the bytes and however they arrive."""

import csv
import io
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batch_pipelines.core.errors import ConfigError
from batch_pipelines.processing.sources import csv_records
from batch_pipelines.processing.sources.csv_records import Dialect, scan, split_cells
from batch_pipelines_tests.processing.sources.csv_oracle import (
    Expected,
    dialects_and_texts,
    expected_records,
)


def found(data: bytes, dialect: Dialect, *, final: bool = True, offset: int = 0, line: int = 0) -> list[Expected]:
    records, _ = scan(data, dialect, final=final)
    arrays = (records.starts, records.ends, records.nexts, records.lines, records.broken)
    return [
        Expected(
            offset + start,
            offset + end,
            offset + following,
            line + before,
            None if broken else split_cells(data[start:end], dialect),
        )
        for start, end, following, before, broken in zip(*(array.tolist() for array in arrays), strict=True)
    ]


@given(dialects_and_texts())
@settings(max_examples=400, deadline=None)
def test_records_and_cells_are_those_of_the_csv_module(case: tuple[Dialect, bytes]) -> None:
    dialect, data = case
    assert found(data, dialect) == expected_records(data, dialect)
    assert scan(data, dialect, final=True)[1] == len(data)


@given(dialects_and_texts(), st.integers(1, 40))
@settings(max_examples=200, deadline=None)
def test_it_does_not_matter_in_which_pieces_the_bytes_arrive(case: tuple[Dialect, bytes], size: int) -> None:
    dialect, data = case
    whole: list[Expected] = []
    rest, offset, line, blank_lines = b"", 0, 0, 0
    for position in range(0, max(len(data), 1), size):
        rest += data[position : position + size]
        final = position + size >= len(data)
        records, tail = scan(rest, dialect, final=final)
        whole += found(rest, dialect, final=final, offset=offset, line=line)
        rest, offset, line = rest[tail:], offset + tail, line + records.newlines
        blank_lines += records.blank_lines
    assert whole == expected_records(data, dialect)
    assert line == data.count(b"\n")
    in_records = sum(data.count(b"\n", record.start, record.next) for record in whole)
    assert blank_lines == data.count(b"\n") - in_records


@given(dialects_and_texts())
@settings(max_examples=200, deadline=None)
def test_a_record_with_a_lone_carriage_return_outside_quotes_is_irregular(case: tuple[Dialect, bytes]) -> None:
    dialect, data = case
    records, _ = scan(data, dialect, final=True)
    for start, end, following, irregular in zip(
        records.starts, records.ends, records.nexts, records.irregular, strict=True
    ):
        lone = data[start:following].replace(b"\r\n", b"").count(b"\r")
        assert bool(irregular) == bool(lone), data[start:end]


rows = st.lists(st.lists(st.text(st.sampled_from("ab,;\"'\n\r \té"), max_size=6), min_size=2, max_size=4), max_size=30)


@given(rows, st.sampled_from(["\n", "\r\n"]))
@settings(max_examples=200, deadline=None)
def test_what_the_csv_module_writes_is_read_back(rows: list[list[str]], line_end: str) -> None:
    text = io.StringIO(newline="")
    all_quoted = line_end == "\n"  # else csv leaves a lone CR bare
    quoting: Literal[0, 1] = csv.QUOTE_ALL if all_quoted else csv.QUOTE_MINIMAL
    csv.writer(text, quoting=quoting, lineterminator=line_end).writerows(rows)
    records = found(text.getvalue().encode(), Dialect())
    assert [[cell.decode() for cell in record.cells or []] for record in records] == rows


def test_windows_of_any_size_find_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    data = b'1,"a\nb"\n2,5" pipe\n\n3,"x""y"\r\n4,"bad"x\n5,"open\n' * 50 + b"6,end"
    whole = found(data, Dialect())
    assert len(whole) == len(expected_records(data, Dialect()))
    for size in (1, 7, 64, 1000):
        monkeypatch.setattr(csv_records, "WINDOW_BYTES", size)
        assert found(data, Dialect()) == whole


def test_a_quote_that_is_never_closed_costs_one_line() -> None:
    data = b'1,a\n2,"open\n' + b"3,c\n" * 1000
    records, _ = scan(data, Dialect(), final=True)
    assert len(records) == 1002
    assert records.broken.nonzero()[0].tolist() == [1]


def test_a_quote_that_is_open_for_longer_than_max_record_counts_as_never_closed() -> None:
    data = b'1,"' + b"x\n" * 40 + b'"\n2,b\n'
    assert scan(data, Dialect(max_record=1000), final=True)[0].broken.sum() == 0
    assert scan(data, Dialect(max_record=64), final=True)[0].broken.sum() == 2


def test_one_line_may_be_longer_than_max_record() -> None:
    data = b'1,"' + b"x" * 500 + b'"\n2,' + b"y" * 500 + b"\n"
    records, _ = scan(data, Dialect(max_record=64), final=True)
    assert records.lines.tolist() == [0, 1]
    assert not records.broken.any()


def test_an_incomplete_record_waits_for_more() -> None:
    records, tail = scan(b'1,a\n2,"x\ny', Dialect(), final=False)
    assert (len(records), tail) == (1, 4)


def test_splitting_stops_at_the_limit() -> None:
    assert split_cells(b"a,b,c,d", Dialect(), limit=2) == [b"a", b"b"]
    assert split_cells(b'"a","b","c"', Dialect(), limit=2) == [b"a", b"b"]


@pytest.mark.parametrize(
    ("delimiter", "quote"), [(b"", b'"'), (b",,", b'"'), (b"\n", b'"'), (b"\xe9", b'"'), (b",", b","), (b",", b"\r")]
)
def test_a_dialect_that_cannot_be_told_apart_is_refused(delimiter: bytes, quote: bytes) -> None:
    with pytest.raises(ConfigError, match="csv"):
        Dialect(delimiter, quote)
