"""Rows that are not as declared: each a dead letter with place, raw bytes, rule and value; the rest goes on."""

import pytest

from batch_pipelines.core.model import BatchState
from batch_pipelines_tests.processing.datasets import Project, reasons

SHOP = """
source: in/shop.csv
key: id
columns:
  id: {type: int, required: true, min: 1}
  city: {type: string, in: cities.name}
  day: {type: date, max: 2013-12-31}
  kind: {type: string, enum: [a, b]}
  code: {type: string, pattern: "[A-Z]{2}[0-9]"}
  price: "decimal(6,2)"
"""
GOOD = "7,Aachen,2013-05-01,a,AB1,1.50\n"


@pytest.fixture
def shop(project: Project) -> Project:
    project.declare("cities", "source: in/cities.csv\ncolumns: {name: {type: string, required: true}}")
    project.write("in/cities.csv", "name\nAachen\nBonn\n")
    project.declare("shop", SHOP)
    return project


ROWS: dict[str, tuple[bytes, str, str]] = {
    "too few columns": (b"1,Aachen", "columns", "in/shop.csv:3: 2 columns instead of 6"),
    "too many columns": (b"1,Aachen,,,,,", "columns", "in/shop.csv:3: 7 columns instead of 6"),
    "not an int": (b"1.5,Aachen,,,,", "type: id", "in/shop.csv:3: id '1.5' is not an int"),
    "a number too large": (
        b"99999999999999999999,Aachen,,,,",
        "type: id",
        "in/shop.csv:3: id '99999999999999999999' is too large for an int (64 bits)",
    ),
    "no number": (b"1,Aachen,,,,1.2.3", "type: price", "in/shop.csv:3: price '1.2.3' is not a decimal(6,2)"),
    "too many digits": (
        b"1,Aachen,,,,12345.67",
        "type: price",
        "in/shop.csv:3: price '12345.67' does not fit decimal(6,2)",
    ),
    "no day": (b"1,,2013-02-30,,,", "type: day", "in/shop.csv:3: day '2013-02-30' is not a day of the calendar"),
    "another order": (b"1,,31.1.2013,,,", "type: day", "in/shop.csv:3: day '31.1.2013' is not a date (YYYY-MM-DD)"),
    "missing": (b",Aachen,,,,", "required: id", "in/shop.csv:3: id is missing"),
    "too small": (b"0,Aachen,,,,", "min: id", "in/shop.csv:3: id '0' is below the minimum 1"),
    "too late": (b"1,,2014-01-01,,,", "max: day", "in/shop.csv:3: day '2014-01-01' is above the maximum 2013-12-31"),
    "not in the list": (b"1,,,c,,", "enum: kind", "in/shop.csv:3: kind 'c' is not one of a, b"),
    "not of the pattern": (b"1,,,,ab1,", "pattern: code", "in/shop.csv:3: code 'ab1' does not match [A-Z]{2}[0-9]"),
    "unknown reference": (b"1,Cologne,,,,", "reference: city", "in/shop.csv:3: city 'Cologne' is not in cities.name"),
    "a key that was there": (
        b"7,Bonn,,,,",
        "duplicate: id",
        "in/shop.csv:3: id '7' is the key of in/shop.csv:2, too, which comes first",
    ),
    "not UTF-8": (b"1,K\xf6ln,,,,", "encoding: city", "in/shop.csv:3: city 'K\\xf6ln' is not valid UTF-8"),
    "NUL": (b"1,\0,,,,", "nul", "in/shop.csv:3: holds a NUL character"),
    "a quote that is not closed": (
        b'1,"Aachen,,,,',
        "quote",
        "in/shop.csv:3: a quote is not closed, or text follows the closing quote",
    ),
    "text after a quote": (
        b'1,"Aachen"x,,,,',
        "quote",
        "in/shop.csv:3: a quote is not closed, or text follows the closing quote",
    ),
    "a cell of over a megabyte": (
        b"1,,,," + b"x" * (1 << 20) + b"x,",
        "cell",
        "in/shop.csv:3: cell 5 has 1,048,577 bytes, at most 1,048,576 are read",
    ),
}


@pytest.mark.parametrize("what", ROWS)
def test_a_bad_row_is_a_dead_letter_with_its_place_and_reason(shop: Project, what: str) -> None:
    raw, rule, sample = ROWS[what]
    head = b"id,city,day,kind,code,price\n" + GOOD.encode()
    shop.write("in/shop.csv", head + raw + b"\n8,Bonn,,b,,\n")
    report = shop.one("shop")
    assert report.message == "3 read, 2 written, 1 dead-lettered"
    assert report.reasons == {rule: 1}
    assert report.samples == [sample]
    (dead,) = shop.dead("shop")
    assert (dead["source"], dead["record"], dead["line"]) == ("in/shop.csv", 2, 3)
    assert (dead["offset"], dead["raw"]) == (len(head), raw)
    assert reasons(dead) == [rule]
    assert [row["id"] for row in shop.rows("shop")] == [7, 8]


def test_a_row_keeps_every_reason_against_it(shop: Project) -> None:
    shop.write("in/shop.csv", "id,city,day,kind,code,price\n0,Cologne,never,c,x,y\n")
    report = shop.one("shop")
    (dead,) = shop.dead("shop")
    assert sorted(reasons(dead)) == [
        "enum: kind", "min: id", "pattern: code", "reference: city", "type: day", "type: price"
    ]  # fmt: skip
    assert report.dead_letters == 1
    assert sum(report.reasons.values()) == 6


def test_more_rejects_than_allowed_fail_the_batch_and_leave_the_table(shop: Project) -> None:
    head = "id,city,day,kind,code,price\n"
    shop.write("in/shop.csv", head + GOOD)
    assert shop.one("shop").ok
    shop.declare("shop", f"{SHOP}\nmax_reject_rate: 40%\nchunk_size: 32B")
    shop.write("in/shop.csv", f"{head}1,Bonn,,,,\n2,Cologne,,,,\n3,Cologne,,,,\nx,Bonn,,,,\n")
    report = shop.one("shop", root_run="run-1")
    assert report.state is BatchState.FAILED
    assert report.message == (
        "failed: 3 of 4 items are dead letters (75.0%), more than max_reject_rate 40.0% allows: "
        "reference: city 2, type: id 1; first: in/shop.csv:3: city 'Cologne' is not in cities.name. "
        "The table is untouched. Correct the source, the rules or the limit, and run again"
    )
    assert [row["id"] for row in shop.rows("shop")] == [7]
    assert len(shop.dead_of(report.batch_id)) == 3


def test_raising_the_limit_publishes_what_was_done_without_doing_it_again(shop: Project) -> None:
    shop.declare("shop", f"{SHOP}\nmax_reject_rate: 40%")
    shop.write("in/shop.csv", f"id,city,day,kind,code,price\n{GOOD}x,,,,,\n")
    failed = shop.one("shop", root_run="run-1")
    parts = shop.parts("shop")
    shop.declare("shop", f"{SHOP}\nmax_reject_rate: 50%")
    report = shop.one("shop", root_run="run-2")
    assert (report.batch_id, report.state) == (failed.batch_id, BatchState.PUBLISHED)
    assert shop.parts("shop") == parts == shop.live("shop")


def test_a_limit_that_is_raised_while_the_batch_is_unfinished_counts_too(shop: Project) -> None:
    shop.declare("shop", f"{SHOP}\nmax_reject_rate: 40%\nattempts: 1")
    shop.write("in/shop.csv", f"id,city,day,kind,code,price\n{GOOD}x,,,,,\n")
    planned = shop.plan("shop")
    shop.declare("shop", f"{SHOP}\nmax_reject_rate: 50%\nattempts: 5")
    assert shop.plan("shop").batch_ids == planned.batch_ids
    assert shop.work(planned)[0].ok


def test_only_bad_rows_without_a_limit_publish_an_empty_partition(shop: Project) -> None:
    shop.write("in/shop.csv", "id,city,day,kind,code,price\n" + "x,,,,,\n" * 1000)
    assert shop.one("shop").message == "1,000 read, 0 written, 1,000 dead-lettered"
    assert len(shop.dead("shop")) == 1000
