"""Keys that occur twice within one table of rows."""

from datetime import date

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_pipelines.processing.rows import duplicates
from batch_pipelines.processing.rows.duplicates import check_key
from batch_pipelines.processing.rows.rejects import Reject


def twice(table: pa.Table, *key: str) -> list[Reject]:
    return list(check_key(table, key, lambda row: f"a.csv:{row + 2}") or [])


def test_every_row_but_the_first_of_a_key_is_a_reject_that_names_the_first() -> None:
    table = pa.table({"id": [1, 2, 1, 2, 1], "city": ["a", "b", "c", "b", "d"]})
    first, second, third = twice(table, "id")
    assert (first.row, first.rule, first.column, first.value) == (2, "duplicate", "id", "1")
    assert first.message == "is the key of a.csv:2, too, which comes first"
    assert [second.row, third.row] == [3, 4]
    assert second.message == "is the key of a.csv:3, too, which comes first"
    assert third.message == first.message


def test_all_columns_of_the_key_count_and_no_others() -> None:
    table = pa.table({"id": [1, 1, 1], "day": [date(2013, 1, 1), date(2013, 1, 2), date(2013, 1, 1)], "n": [1, 2, 3]})
    (reject,) = twice(table, "id", "day")
    assert (reject.row, reject.column, reject.value) == (2, "id, day", "1, 2013-01-01")


def test_a_null_is_equal_to_nothing() -> None:
    table = pa.table({"id": [None, None, 1, 1], "city": ["a", "a", None, None]})
    assert twice(table, "id") != []
    assert [reject.row for reject in twice(table, "id")] == [3]
    assert twice(table, "id", "city") == []


def test_without_a_key_or_rows_nothing_is_a_duplicate() -> None:
    assert twice(pa.table({"id": [1, 1]})) == []
    assert twice(pa.table({"id": pa.array([], pa.int64())}), "id") == []


def test_what_would_not_pay_is_left_to_be_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "MANY", 2)
    assert len(twice(pa.table({"id": [1, 1, 1]}), "id")) == 2
    for ids in ([1, 1, 1, 1], [0.0, -0.0]):
        assert check_key(pa.table({"id": ids}), ["id"], str) is None


@given(st.lists(st.tuples(st.integers(-2, 2), st.dates(date(2013, 1, 1), date(2013, 1, 3)))), st.booleans())
def test_rows_in_the_order_of_their_keys_and_in_any_other_have_the_same_firsts(
    rows: list[tuple[int, date]],
    sort: bool,  # noqa: FBT001
) -> None:
    rows = sorted(rows) if sort else rows
    ids, days = pa.array([each for each, _ in rows], pa.int64()), pa.array([day for _, day in rows], pa.date32())
    found = {reject.row: reject.message for reject in twice(pa.table({"id": ids, "day": days}), "id", "day")}
    firsts = {row: rows.index(key) for row, key in enumerate(rows)}
    expected = {row: duplicates.first_is(f"a.csv:{first + 2}") for row, first in firsts.items() if first < row}
    assert found == expected
