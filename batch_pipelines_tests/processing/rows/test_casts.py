"""Casting: every text that is of its type is read, every other is a reject with a reason."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batch_pipelines.core.errors import IntegrityError
from batch_pipelines.processing.declaration.columns import Column
from batch_pipelines.processing.rows.casts import WINDOW, cast_columns
from batch_pipelines.processing.rows.rejects import Reject


def cast(type_name: str, *values: bytes | None, **keys: Any) -> tuple[list[Any], list[Reject]]:
    table = pa.table({"c": pa.array(values, pa.binary())})
    column = Column(type=type_name, **keys)
    typed, rejects = cast_columns(table, {"c": column})
    assert typed.schema == pa.schema([("c", column.arrow_type)])
    return typed.column("c").to_pylist(), list(rejects)


NOON = datetime(2013, 1, 2, 12, tzinfo=UTC)

GOOD: list[tuple[str, bytes, Any]] = [
    ("int", b"5", 5),
    ("int", b"+5", 5),
    ("int", b"-5", -5),
    ("int", b"007", 7),
    ("int", b" 7\t", 7),
    ("int", b"-0", 0),
    ("int", b"9223372036854775807", 2**63 - 1),
    ("int", b"-9223372036854775808", -(2**63)),
    ("int", b"00000000000000000000000000009", 9),
    ("int", b"+00012", 12),
    ("float", b"1.5", 1.5),
    ("float", b"+1.5", 1.5),
    ("float", b".5", 0.5),
    ("float", b"5.", 5.0),
    ("float", b"-1E+3", -1000.0),
    ("float", b" 2 ", 2.0),
    ("float", b"1e-400", 0.0),
    ("decimal(10,2)", b"1.5", Decimal("1.50")),
    ("decimal(10,2)", b"1.500", Decimal("1.50")),
    ("decimal(10,2)", b"+1e2", Decimal("100.00")),
    ("decimal(10,2)", b" -0.07 ", Decimal("-0.07")),
    ("decimal(10,2)", b"99999999.99", Decimal("99999999.99")),
    ("bool", b"true", True),
    ("bool", b"T", True),
    ("bool", b"Yes", True),
    ("bool", b"1", True),
    ("bool", b"FALSE", False),
    ("bool", b"f", False),
    ("bool", b"no", False),
    ("bool", b" 0 ", False),
    ("date", b"2012-02-29", date(2012, 2, 29)),
    ("date", b"0001-01-01", date(1, 1, 1)),
    ("date", b"9999-12-31", date(9999, 12, 31)),
    ("date", b" 2013-01-02 ", date(2013, 1, 2)),
    ("timestamp", b"2013-01-02", datetime(2013, 1, 2, tzinfo=UTC)),
    ("timestamp", b"2013-01-02T12:00", NOON),
    ("timestamp", b"2013-01-02 12:00:00", NOON),
    ("timestamp", b"2013-01-02T12:00:00Z", NOON),
    ("timestamp", b"2013-01-02t12:00:00z", NOON),
    ("timestamp", b"2013-01-02T14:00:00+02:00", NOON),
    ("timestamp", b"2013-01-02 07:00:00-0500", NOON),
    ("timestamp", b"2013-01-02 13:00:00+01", NOON),
    ("timestamp", b"2013-01-02T12:00:00.5", NOON.replace(microsecond=500_000)),
    ("timestamp", b"2013-01-02T12:00:00.000001Z", NOON.replace(microsecond=1)),
    ("timestamp", b"2013-01-02T12:00:00.123456000", NOON.replace(microsecond=123_456)),
    ("string", b" kept as it is ", " kept as it is "),
    ("string", "Zürich".encode(), "Zürich"),
    ("string", b"0x1F", "0x1F"),
]

BAD: list[tuple[str, bytes, str]] = [
    ("int", b"1.0", "is not an int"),
    ("int", b"0x1F", "is not an int"),
    ("int", b"1_000", "is not an int"),
    ("int", b"1,000", "is not an int"),
    ("int", b"--1", "is not an int"),
    ("int", b"+-1", "is not an int"),
    ("int", b"+", "is not an int"),
    ("int", "٣".encode(), "is not an int"),
    ("int", b"   ", "is blank, not an int"),
    ("int", b"9223372036854775808", "is too large for an int (64 bits)"),
    ("int", b"-9223372036854775809", "is too large for an int (64 bits)"),
    ("float", b"abc", "is not a float"),
    ("float", b"1,5", "is not a float"),
    ("float", b"0x1p3", "is not a float"),
    ("float", b"nan", "is not a finite number"),
    ("float", b"-Infinity", "is not a finite number"),
    ("float", b"INF", "is not a finite number"),
    ("float", b"1e400", "is too large for a float"),
    ("decimal(10,2)", b"1.005", "does not fit decimal(10,2)"),
    ("decimal(10,2)", b"123456789", "does not fit decimal(10,2)"),
    ("decimal(10,2)", b"ten", "is not a decimal(10,2)"),
    ("bool", b"maybe", "is not a bool (true, false, t, f, yes, no, 1, 0)"),
    ("bool", b"2", "is not a bool (true, false, t, f, yes, no, 1, 0)"),
    ("date", b"2013-02-30", "is not a day of the calendar"),
    ("date", b"0000-01-01", "is not a day of the calendar"),
    ("date", b"2013-1-2", "is not a date (YYYY-MM-DD)"),
    ("date", b"20130102", "is not a date (YYYY-MM-DD)"),
    ("date", b"2013-01-02T00:00", "is not a date (YYYY-MM-DD)"),
    ("timestamp", b"2013-02-30T10:00:00", "is not a moment of the calendar"),
    ("timestamp", b"2013-01-02T25:00:00Z", "is not a moment of the calendar"),
    ("timestamp", b"0001-01-01T00:00:00+02:00", "is not a moment of the calendar"),
    ("timestamp", b"2013-01-02T12:00:00.1234567", "is finer than a microsecond"),
    ("timestamp", b"yesterday", "is not a timestamp (ISO 8601)"),
]


@pytest.mark.parametrize(("type_name", "text", "value"), GOOD)
def test_a_text_of_its_type_is_read(type_name: str, text: bytes, value: Any) -> None:
    assert cast(type_name, text) == ([value], [])


@pytest.mark.parametrize(("type_name", "text", "message"), BAD)
def test_a_text_that_is_not_of_its_type_is_a_reject_with_its_value(type_name: str, text: bytes, message: str) -> None:
    assert cast(type_name, text) == ([None], [Reject(0, "type", "c", text.decode(), message)])


@pytest.mark.parametrize("type_name", sorted({kind for kind, _, _ in GOOD}))
def test_good_texts_are_read_whatever_stands_beside_them(type_name: str) -> None:
    """Odd spellings and bad neighbours send a column through windows and halves: nothing may change."""
    good = [(text, value) for kind, text, value in GOOD if kind == type_name]
    bad = [text for kind, text, _ in BAD if kind == type_name] + [b"\xff\xfe"]
    texts: list[bytes | None] = []
    expected: list[Any] = []
    for turn in range(2 * WINDOW):
        text, value = good[turn % len(good)]
        texts += [text, None, bad[turn % len(bad)]] if turn % 7 == 0 else [text]
        expected += [value, None, None] if turn % 7 == 0 else [value]
    values, rejects = cast(type_name, *texts)
    assert values == expected
    refused = [row for row, text in enumerate(texts) if text in bad]
    assert sorted(reject.row for reject in rejects) == refused


@pytest.mark.parametrize("type_name", sorted({kind for kind, _, _ in GOOD}))
def test_an_odd_value_among_plain_ones_is_read_or_refused_as_it_is_alone(type_name: str) -> None:
    plain = next((text, value) for kind, text, value in GOOD if kind == type_name)
    odd: list[tuple[bytes, Any]] = [(text, value) for kind, text, value in GOOD if kind == type_name]
    odd += [(text, None) for kind, text, _ in BAD if kind == type_name] + [(b"\xff\xfe", None)]
    for text, value in odd:
        rows = [*[plain] * 11, (None, None), (text, value), *[plain] * 11]
        cells = pa.array([b"left out", *(cell for cell, _ in rows)], pa.binary()).slice(1)
        typed, rejects = cast_columns(pa.table({"c": cells}), {"c": Column(type=type_name)})
        assert typed.column("c").to_pylist() == [expected for _, expected in rows]
        assert list(rejects) == [replace(reject, row=12) for reject in cast(type_name, text)[1]]


@given(st.lists(st.dates(), min_size=20, max_size=60), st.integers(0, 9999), st.integers(0, 19), st.integers(0, 39))
def test_only_days_of_the_calendar_are_read(days: list[date], year: int, month: int, day: int) -> None:
    text = f"{year:04}-{month:02}-{day:02}"
    try:
        expected = date.fromisoformat(text)
    except ValueError:
        expected = None
    values, rejects = cast("date", *(each.isoformat().encode() for each in days), text.encode())
    assert values == [*days, expected]
    assert len(rejects) == (expected is None)


def test_null_stays_null() -> None:
    assert cast("int", b"1", None) == ([1, None], [])
    assert cast("string", None) == ([None], [])
    assert cast("date", None, format="%d.%m.%Y") == ([None], [])


@pytest.mark.parametrize("type_name", ["string", "int", "timestamp", "decimal(5,1)"])
def test_bytes_that_are_not_utf8_are_shown_escaped_under_rule_encoding(type_name: str) -> None:
    values, rejects = cast(type_name, b"caf\xe9", None)
    assert values == [None, None]
    assert rejects == [Reject(0, "encoding", "c", "caf\\xe9", "is not valid UTF-8")]


def test_a_long_value_is_cut_to_200_characters() -> None:
    _, rejects = cast("int", b"x" * 5000)
    assert rejects[0].value == "x" * 200


def test_slices_of_larger_arrays_are_read_at_their_own_place() -> None:
    whole = pa.array([b"0x1", b"1", b"2", b"0x3"], pa.binary())
    table = pa.table({"c": whole.slice(1, 2)})
    typed, rejects = cast_columns(table, {"c": Column(type="int")})
    assert typed.column("c").to_pylist() == [1, 2]
    assert not rejects


def test_columns_come_in_declared_order_and_undeclared_ones_are_left_out() -> None:
    raw = pa.array([b"1"], pa.binary())
    table = pa.table({"extra": raw, "b": raw, "a": raw})
    typed, _ = cast_columns(table, {"a": Column(type="int"), "b": Column(type="string")})
    assert typed.to_pydict() == {"a": [1], "b": ["1"]}


def test_a_declared_column_that_is_not_there_is_an_integrity_error() -> None:
    with pytest.raises(IntegrityError, match="no column 'a'"):
        cast_columns(pa.table({"b": pa.array([b"1"], pa.binary())}), {"a": Column(type="int")})


def test_a_format_reads_dates_exactly_and_refuses_days_that_do_not_exist() -> None:
    values, rejects = cast(
        "date", b"03/02/2013", b"30/02/2013", b"3/2/2013", b" 03/02/2013 ", b"2013-02-03", format="%d/%m/%Y"
    )
    day = date(2013, 2, 3)
    assert values == [day, None, day, day, None]
    assert [(r.row, r.rule, r.value, r.message) for r in rejects] == [
        (1, "type", "30/02/2013", "is not a date as %d/%m/%Y"),
        (4, "type", "2013-02-03", "is not a date as %d/%m/%Y"),
    ]


def test_a_format_without_an_offset_means_utc_and_one_with_it_is_followed() -> None:
    assert cast("timestamp", b"02.01.2013 12:00", format="%d.%m.%Y %H:%M") == ([NOON], [])
    assert cast("timestamp", b"2013-01-02 14:00 +0200", b"x", format="%Y-%m-%d %H:%M %z")[0] == [NOON, None]
    fine = cast("timestamp", b"2013-01-02 12:00:00.25", format="%Y-%m-%d %H:%M:%S.%f")
    assert fine == ([NOON.replace(microsecond=250_000)], [])


def test_a_second_sixty_is_no_moment() -> None:
    values, rejects = cast("timestamp", b"2013-01-01 10:00:61", format="%Y-%m-%d %H:%M:%S")
    assert values == [None]
    assert len(rejects) == 1


def test_undecodable_bytes_under_a_format_are_encoding_rejects() -> None:
    _, rejects = cast("date", b"03.02.2013", b"\xff", format="%d.%m.%Y")
    assert [(reject.row, reject.rule) for reject in rejects] == [(1, "encoding")]


def python_int(text: bytes) -> int | None:
    digits = text.strip().decode().removeprefix("+") if not text.strip().startswith(b"+-") else "x"
    body = digits.removeprefix("-")
    value = int(digits) if body.isascii() and body.isdigit() else None
    return value if value is not None and -(2**63) <= value < 2**63 else None


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.one_of(st.integers(-(2**65), 2**65).map(lambda number: str(number).encode()), st.binary(max_size=6)),
        max_size=40,
    )
)
def test_ints_are_read_as_python_reads_them(texts: list[bytes]) -> None:
    decodable = [text for text in texts if text.isascii()]
    values, rejects = cast("int", *decodable)
    assert values == [python_int(text) for text in decodable]
    assert len(rejects) == values.count(None)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=30), st.booleans())
def test_floats_come_back_bit_for_bit(numbers: list[float], dirty: bool) -> None:  # noqa: FBT001
    texts = [repr(number).encode() for number in numbers] + ([b"x"] if dirty else [])
    assert cast("float", *texts)[0] == numbers + ([None] if dirty else [])


@settings(deadline=None, max_examples=60)
@given(st.lists(st.datetimes(min_value=datetime(1, 1, 1), max_value=datetime(9999, 12, 31)), max_size=20))  # noqa: DTZ001
def test_timestamps_come_back_to_the_microsecond(moments: list[datetime]) -> None:
    texts = [moment.isoformat().encode() for moment in moments]
    expected = [moment.replace(tzinfo=UTC) for moment in moments]
    assert cast("timestamp", *texts) == (expected, [])
