"""What a statement reads."""

import pytest

from batch_pipelines.lake.statements import lists_tables, tables_in, tables_named


def test_the_tables_that_a_statement_reads_are_named() -> None:
    sql = "with x as (from a) select * from x join b using (i) where $n is null and exists (from c); -- d"
    assert tables_in(sql) == {"a", "b", "c"}
    assert {"a", "b"} <= tables_in("pivot a on b using sum(c)")


@pytest.mark.parametrize(
    ("sql", "named"),
    [
        ("select a.x from Orders as a join customers using (id)", ["orders", "customers"]),
        ("with orders as (from orders) from orders", ["orders"]),
        ("select orders from customers where x = 'lines'", ["customers"]),
        ("describe orders", ["orders"]),
        ("pivot lines on orders using count(*)", ["orders", "lines"]),
        ("explain from main.lines", ["lines"]),
        ("show tables", []),
        ("select 1", []),
    ],
)
def test_of_the_tables_there_are_those_that_it_may_read_are_picked(sql: str, named: list[str]) -> None:
    assert tables_named(sql, ["orders", "customers", "lines"]) == named


@pytest.mark.parametrize("sql", ["show tables", "describe", "from (show all tables)", "summarize x"])
def test_a_listing_of_tables_is_told_from_a_query(sql: str) -> None:
    assert lists_tables(sql)
    assert not lists_tables("select show from describe order by 1 desc")
