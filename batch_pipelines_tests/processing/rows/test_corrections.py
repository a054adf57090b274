"""Corrections of raw rows: SQL over a record's text, checked before it runs, kept apart where it fails."""

from collections.abc import Mapping

import pyarrow as pa
import pytest

from batch_pipelines.core.errors import ConfigError
from batch_pipelines.processing.rows.corrections import check_changes, correct

RAW = pa.table(
    {
        "id": pa.array([b"1", b"x", None, b"4"], pa.binary()),
        "city": pa.array([b" rome ", b"oslo", b"\xff", b"bern"], pa.binary()),
    }
)


@pytest.mark.parametrize("expression", ["'SJU'", "upper(trim(city))", "null", "5 -- a comment", "nullif(id, '')"])
def test_scalar_sql_over_the_columns_is_allowed(expression: str) -> None:
    check_changes(["id", "city"], {"id": expression})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"town": "'x'"}, "set town: there is no such column; the records have id, city"),
        ({"id": "nothing"}, 'set id: Binder Error: Referenced column "nothing" not found'),
        ({"id": "max(id)"}, "set id: max is an aggregate"),
        ({"id": "(select 1)"}, "set id: has a subquery"),
        ({"id": "random()"}, "set id: random gives another value each time"),
        ({"id": "1; drop table x"}, "set id: "),
    ],
)
def test_anything_else_is_refused(change: Mapping[str, str], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_changes(["id", "city"], change)
    assert str(caught.value).startswith(said)


def test_only_the_rows_and_columns_that_are_meant_change() -> None:
    found = correct(RAW, {0: {"city": "trim(city)"}, 3: {"id": "id::int + 1", "city": "'NA'"}}, ["NA"])
    assert found.table.to_pydict() == {
        "id": [b"1", b"x", None, b"5"],
        "city": [b"rome", b"oslo", b"\xff", None],
    }
    assert found.values == {0: {"city": "rome"}, 3: {"id": "5", "city": None}}
    assert list(found.rejects) == []


def test_an_expression_sees_the_record_as_it_lies_whatever_else_is_corrected() -> None:
    found = correct(RAW, {0: {"id": "city", "city": "id"}}, [])
    assert (found.table["id"][0].as_py(), found.table["city"][0].as_py()) == (b" rome ", b"1")


def test_a_row_whose_correction_fails_is_as_it_was_and_told() -> None:
    found = correct(RAW, {0: {"id": "id::int"}, 1: {"id": "id::int"}}, [])
    (reject,) = found.rejects
    assert (reject.row, reject.rule, reject.column) == (1, "correction", "id")
    assert reject.message.startswith("cannot be computed: Conversion Error")
    assert found.table["id"][1].as_py() == b"x"


def test_bytes_that_are_no_text_stay_unless_they_are_replaced() -> None:
    assert correct(RAW, {2: {"id": "'7'"}}, []).table["city"][2].as_py() == b"\xff"
    assert correct(RAW, {2: {"city": "'seven'"}}, []).table["city"][2].as_py() == b"seven"


def test_a_typed_column_takes_what_it_can_and_refuses_the_rest() -> None:
    typed = pa.table({"n": pa.array([1.5, 2.5, 3.5])})
    found = correct(typed, {0: {"n": "'7'"}, 2: {"n": "'seven'"}}, [])
    assert found.table["n"].to_pylist() == [7.0, 2.5, None]
    (reject,) = found.rejects
    assert (reject.row, reject.rule, reject.column, reject.value) == (2, "type", "n", "seven")
