"""SQL expressions: what they give, what is refused, and which row an error belongs to."""

from datetime import date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from batch_pipelines.core.errors import ConfigError
from batch_pipelines.processing.rows.derive import EXPLAINED, derive
from batch_pipelines.processing.rows.expressions import describe, open_duckdb

TYPES: dict[str, pa.DataType] = {
    "y": pa.int64(),
    "m": pa.int64(),
    "name": pa.string(),
    "moment": pa.timestamp("us", "UTC"),
}
SCHEMA = pa.schema(TYPES)


def table(rows: int) -> pa.Table:
    numbers = np.arange(rows)
    columns: dict[str, Any] = {
        "y": numbers,
        "m": numbers % 12 + 1,
        "name": [f"n{i}" for i in range(rows)],
        "moment": pa.array(numbers, pa.timestamp("us", "UTC")),
    }
    return pa.table(columns, schema=SCHEMA)


def test_derived_columns_see_those_before_them_and_leave_the_others_alone() -> None:
    given = table(3)
    derived = derive(given, {"d": "make_date(2013, m, 1)", "later": "d + 1", "odd": "y % 2 = 1"}, None)
    assert derived.table.select(SCHEMA.names).equals(given)
    assert derived.table.column("later").to_pylist() == [date(2013, n, 2) for n in (1, 2, 3)]
    assert derived.table.column("odd").to_pylist() == [False, True, False]
    assert derived.kept_rows.tolist() == [0, 1, 2]
    assert not derived.rejects


def test_the_result_has_exactly_the_types_that_were_described() -> None:
    expressions = {
        "small": "m::utinyint",
        "wall": "make_timestamp(2013, 1, 1, 0, 0, 0.0)",
        "same": "moment",
        "text": "name || '!'",
        "money": "m::decimal(9,2) * 2",
        "kind": "'a'::enum('a', 'b')",
        "nothing": "null",
    }
    described = describe(SCHEMA, expressions)
    assert derive(table(5), expressions, None).table.schema == described
    assert derive(table(0), expressions, None).table.schema == described
    assert described.field("small").type == pa.int64()
    assert described.field("wall").type == pa.timestamp("us", "UTC")


def test_rows_keep_their_order_over_many_vectors() -> None:
    given = table(200_000)
    derived = derive(given, {"twice": "y * 2"}, "y % 3 = 0")
    assert derived.kept_rows.tolist() == list(range(0, 200_000, 3))
    assert derived.table.column("twice").to_numpy().tolist() == [2 * row for row in range(0, 200_000, 3)]


def test_where_keeps_true_and_filters_false_and_null() -> None:
    given = pa.table({"a": pa.array([1, 0, None])})
    derived = derive(given, {"b": "a"}, "b = 1")
    assert derived.kept_rows.tolist() == [0]
    assert not derived.rejects


def test_times_are_computed_in_utc() -> None:
    given = pa.table({"moment": pa.array([datetime(2013, 1, 1, 23, 30)], pa.timestamp("us", "UTC"))})  # noqa: DTZ001
    assert derive(given, {"d": "moment::date", "h": "hour(moment)"}, None).table.column("h").to_pylist() == [23]


def test_a_row_for_which_an_expression_raises_is_a_reject_and_the_others_go_on() -> None:
    given = table(3000)
    derived = derive(given, {"d": "make_date(2013, case when y in (7, 2500) then 13 else m end, 1)"}, "m <= 6")
    assert [(reject.row, reject.rule, reject.column) for reject in derived.rejects] == [
        (7, "derive", "d"),
        (2500, "derive", "d"),
    ]
    assert "Date out of range: 2013-13-1" in derived.rejects[0].message
    assert derived.kept_rows.tolist() == [r for r in range(3000) if r % 12 < 6 and r not in (7, 2500)]
    assert derived.table.column("d").null_count == 0


def test_a_null_result_is_no_error_where_another_row_raises() -> None:
    given = pa.table({"a": pa.array([None, 1, 0])})
    derived = derive(given, {"b": "10 // a"}, None)
    assert derived.rejects.rows.tolist() == [2]
    assert derived.table.column("b").to_pylist() == [None, 10]


def test_an_error_in_where_is_a_reject_not_filtered() -> None:
    derived = derive(pa.table({"a": [1, 0]}), {}, "10 // a > 0")
    assert derived.kept_rows.tolist() == [0]
    assert derived.rejects[0].column is None
    assert derived.rejects[0].message.startswith("where cannot be computed: ")


def test_every_row_of_very_many_failing_ones_is_a_reject() -> None:
    count = EXPLAINED + 500
    derived = derive(pa.table({"a": ["x"] * count}), {"b": "a::int"}, None)
    assert derived.rejects.rows.tolist() == list(range(count))
    assert derived.table.num_rows == 0
    assert derived.rejects[count - 1].message == "cannot be computed: a::int"


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("nosuch + 1", 'Referenced column "nosuch" not found'),
        ("y +", "syntax error"),
        ("y; drop table rows", "syntax error"),
        ("1) as q, (2", "not one scalar SQL expression"),
        ("1) from rows where (true", "syntax error|not one scalar SQL expression"),
        ("1) from (select 1", "not one scalar SQL expression"),
        ("sum(y)", "sum is an aggregate"),
        ("count(*)", "aggregate|has a \\*"),
        ("sum(y) over ()", "window function"),
        ("(select max(y) from rows)", "subquery"),
        ("y in (select 1)", "subquery"),
        ("exists(select 1 from read_csv('/etc/passwd'))", "subquery"),
        ("(select content from read_text('/etc/passwd'))", "subquery"),
        ("unnest([1, 2])", "makes several rows"),
        ("*", "name the columns"),
        ("columns(*)", "name the columns"),
        ("y + $x", "parameter"),
        ("random()", "another value each time"),
        ("now()", "another value each time"),
        ("current_date", "another value each time"),
        ("age(moment)", "another value each time"),
        ("case when y > 1 then uuid() end", "another value each time"),
        ("[y]", "a table cannot hold"),
        ("interval 1 day", "a table cannot hold"),
        ("rows", "a table cannot hold"),
    ],
)
def test_what_is_not_a_scalar_expression_is_refused_and_the_key_is_named(expression: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why) as caught:
        describe(SCHEMA, {"d": expression})
    assert caught.value.message.startswith("derive.d: ")


def test_a_column_may_be_called_as_a_function_is() -> None:
    schema = pa.schema([("today", pa.int64()), ("current_date", pa.int64())])
    assert describe(schema, {"d": '"today" + "current_date"'}).field("d").type == pa.int64()


def test_a_comment_at_the_end_does_no_harm() -> None:
    assert describe(SCHEMA, {"d": "y + 1 -- next year"}).names[-1] == "d"


def test_where_has_to_be_a_condition() -> None:
    with pytest.raises(ConfigError, match="where: gives int64, not true or false"):
        describe(SCHEMA, {"d": "y"}, "d + 1")
    assert describe(SCHEMA, {"d": "y"}, "d > 1").names == [*SCHEMA.names, "d"]


def test_a_derived_column_may_not_take_the_name_of_another_in_any_case() -> None:
    with pytest.raises(ConfigError, match=r"derive\.NAME: there is a column of this name already"):
        describe(SCHEMA, {"NAME": "1"})


@pytest.mark.parametrize(
    "sql",
    [
        "select * from read_text('/etc/hostname')",
        "copy (select 1) to '/tmp/x.csv'",
        "attach '/tmp/x.db'",
        "set threads=2",
    ],
)
def test_the_database_reaches_nothing_outside(sql: str) -> None:
    connection = open_duckdb()
    with pytest.raises(Exception, match=r"(?i)permission|disabled|locked|cannot"):
        connection.execute(sql).fetchall()
    connection.close()
