"""What the YAML of a dataset may say, and how it is refused."""

import json
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from batch_pipelines.core.errors import ConfigError
from batch_pipelines.processing.declaration.model import DatasetDeclaration, Partitions, Timeout
from batch_pipelines_tests.processing.declaration.declarations import declare

FULL = """
description: All of it.
owners: team:data
tags: {tier: gold}
group: shop
source: data/shop-{%Y-%m}-*.csv.gz
inbox: true
csv: {delimiter: tab, quote: null, encoding: latin-1}
partitions: {every: month, start: 2013-01-01, end: 2013-12-31, timezone: America/New_York}
nulls: NA
key: [id, day]
columns:
  id: int
  day: {type: date, min: 2013-01-01, max: "2013-12-31", format: "%d.%m.%Y"}
  at: {type: timestamp, min: 2013-01-01, max: 2013-06-30T12:00:00-04:00}
  price: {type: "decimal(6, 2)", min: 0, max: 99.5, enum: [1, "2.50"]}
  ratio: {type: float, min: 0}
  paid: {type: bool, required: true}
  sku: {type: string, pattern: "[A-Z]+", in: products.sku, severity: warn}
derive: {year: year(day)}
where: price > 0
transform: clean:tidy
adds: {sku: string, tax: "decimal(6,2)"}
max_reject_rate: 5%
chunk_size: 256KB
lanes: 2
attempts: 5
timeout: 5m
schedule: "0 3 * * *"
"""


def test_everything_can_be_written_as_people_write_it(tmp_path: Path) -> None:
    shop = declare(tmp_path, FULL)
    assert (shop.name, shop.owners, shop.nulls, shop.key) == ("shop", ["team:data"], ["NA"], ["id", "day"])
    assert (shop.csv.delimiter, shop.csv.quote, shop.csv.encoding) == ("\t", None, "iso8859-1")
    assert shop.partitions == Partitions(every="month", start="2013-01", end="2013-12", timezone="America/New_York")
    assert (shop.max_reject_rate, shop.chunk_size) == (0.05, 262_144)
    assert shop.timeout == Timeout(soft_s=270, hard_s=300)
    assert shop.references == {("products", "sku")}


def test_limits_become_values_of_the_column_s_type(tmp_path: Path) -> None:
    columns = declare(tmp_path, FULL).columns
    assert columns is not None
    assert (columns["day"].minimum, columns["day"].maximum) == (date(2013, 1, 1), date(2013, 12, 31))
    assert columns["at"].minimum == datetime(2013, 1, 1, tzinfo=UTC)
    assert columns["at"].maximum == datetime(2013, 6, 30, 16, tzinfo=UTC)
    assert (columns["price"].minimum, columns["price"].maximum) == (Decimal(0), Decimal("99.5"))
    assert columns["price"].allowed == [Decimal(1), Decimal("2.50")]
    assert columns["ratio"].minimum == 0.0


def test_types_have_their_arrow_types(tmp_path: Path) -> None:
    columns = declare(tmp_path, FULL).columns
    assert columns is not None
    assert [column.arrow_type for column in columns.values()] == [
        pa.int64(),
        pa.date32(),
        pa.timestamp("us", tz="UTC"),
        pa.decimal128(6, 2),
        pa.float64(),
        pa.bool_(),
        pa.string(),
    ]


def test_a_declaration_survives_json(tmp_path: Path) -> None:
    shop = declare(tmp_path, FULL)
    assert DatasetDeclaration.model_validate(json.loads(json.dumps(shop.model_dump(mode="json")))) == shop


def test_the_smallest_declaration_has_the_documented_defaults(tmp_path: Path) -> None:
    shop = declare(tmp_path, "source: data/shop.csv\nkey: id")
    assert (shop.columns, shop.partitions, shop.max_reject_rate, shop.every) == (None, None, None, None)
    assert (shop.chunk_size, shop.lanes, shop.attempts) == (16 * 1024**2, 1, 3)
    assert (shop.timeout.soft_s, shop.timeout.hard_s) == (270, 300)


@pytest.mark.parametrize(
    ("timeout", "soft", "hard"),
    [
        ("10", 9, 10),
        ("5m", 270, 300),
        ("{hard: 100s}", 90, 100),
        ("{soft: 9m}", 540, 600),
        ("{soft: 1, hard: 1}", 1, 1),
    ],
)
def test_one_time_limit_gives_the_other(tmp_path: Path, timeout: str, soft: float, hard: float) -> None:
    limits = declare(tmp_path, f"source: a.csv\ntimeout: {timeout}").timeout
    assert [limits.soft_s, limits.hard_s] == pytest.approx([soft, hard])


@pytest.mark.parametrize(
    ("every", "start", "end", "keys"),
    [
        ("month", "2013-01", "2013-12", ("2013-01", "2013-12")),
        ("month", "2013-01-01", "2013-12-15", ("2013-01", "2013-12")),
        ("week", "2013-01-07", "2013-12-29", ("2013-01-07", "2013-12-23")),
        ("day", "2013-01-01", "'2013-12-31'", ("2013-01-01", "2013-12-31")),
        ("hour", "2013-01-01 05:00:00", "'2013-01-02-07:00'", ("2013-01-01-05:00", "2013-01-02-07:00")),
        ("hour", "2013-01-01", "null", ("2013-01-01-00:00", None)),
    ],
)
def test_windows_are_kept_as_keys(
    tmp_path: Path, every: str, start: str, end: str, keys: tuple[str, str | None]
) -> None:
    source = (
        "data/{%Y-%m}.csv" if every == "month" else "data/{%Y-%m-%d}.csv" if every != "hour" else "data/{%Y%m%d%H}.csv"
    )
    shop = declare(tmp_path, f"source: {source}\npartitions: {{every: {every}, start: {start}, end: {end}}}")
    assert isinstance(shop.partitions, Partitions)
    assert (shop.partitions.start, shop.partitions.end) == keys
    assert DatasetDeclaration.model_validate(shop.model_dump(mode="json")) == shop


BAD_KEYS = [
    ("partition: file", "unknown key 'partition'; did you mean 'partitions'?"),
    ("name: Shop", "name: 'Shop' is not a name; allowed: a-z, 0-9 and _, a letter first, at most 64 characters"),
    ('name: "shop\\n"', "name: 'shop\\n' is not a name"),
    (f"name: {'a' * 65}", "is not a name"),
    ("owners: bob", "owners: 'bob' is neither an e-mail address nor team:name"),
    ("owners: [a@b.org, 'team:']", "owners[1]: 'team:' is neither"),
    ("tags: {a: 1}", "tags.a: 1 is not text; put it in quotes"),
    ("group: my-group", "group: 'my-group' is not a group; allowed: letters, digits and _"),
    ("inbox: 1", "inbox: 1 is not true, false or a file name; write for example airports*.csv"),
    ("nulls: [NA, NO]", "nulls[1]: false is not text; put it in quotes, as YAML reads it otherwise"),
    ("csv: {delimiter: ab}", "csv.delimiter: 'ab' is not one ASCII character"),
    ("csv: {quote: ','}", "csv.quote: quote and delimiter are both ','"),
    ("csv: {encoding: utf9}", "csv.encoding: 'utf9' is not a text encoding; write for example utf-8"),
    ("csv: {encoding: rot13}", "csv.encoding: 'rot13' is not a text encoding"),
    ("csv: {header: false}", "csv.header: files without a header need columns, which name them in order"),
    ("extra: drop", "extra: 'drop' is not allowed; write 'ignore' or 'fail'"),
    ("write: merge", "write: 'merge' is not allowed; write 'replace', 'append' or 'upsert'"),
    ("write: upsert", "write: upsert replaces rows of the same key: name its columns in `key`"),
    ("key: faa\nwrite: upsert", "key: upsert needs a value of key column 'faa' in every row: declare it in `columns`"),
    ("max_reject_rate: 5", "max_reject_rate: 5 is not a share; write a percentage from 0% to 100%"),
    ("chunk_size: 2GB", "chunk_size: '2GB' is more than a chunk may have: 1GB"),
    ("chunk_size: big", "chunk_size: 'big' is not a size; write for example 256KB or 16MB"),
    ("lanes: 0", "lanes: 0 is out of range; it has to be at least 1"),
    ("attempts: 3.5", "attempts: 3.5 is not a whole number"),
    ("timeout: soon", "timeout: 'soon' is not a duration; write for example 270s, 5m or 1h30m"),
    (
        "timeout: {soft: 6m, hard: 5m}",
        "timeout.soft: the soft limit (360 s) is longer than the hard one (300 s)",
    ),
    ("timeout: {hrd: 5m}", "timeout: unknown key 'hrd'; did you mean 'hard'?"),
    ("schedule: daily", "schedule: 'daily' is not a cron schedule: it has 1 of the five fields"),
    ("transform: tidy.py", "transform: 'tidy.py' is not a transform; write module:function"),
    ("transform: ../x:y", "transform: '../x:y' is not a transform"),
    ("adds: {a: int}", "adds: these are columns of a transform, but there is no transform"),
    ("derive: {a: ' '}", "derive.a: the SQL expression is empty"),
    ("derive: {a: 1}", "derive.a: 1 is not text"),
    ("where: ''", "where: the SQL condition is empty; leave the key out to keep every row"),
    ("key: [a, a]", "key: the key names a column twice"),
    (
        "partitions: month",
        "partitions: 'month' is not a way to partition; write file (one per source file) or {every: ",
    ),
    (
        "partitions: {every: year, start: 2013-01}",
        "partitions.every: 'year' is not allowed; write 'hour', 'day', 'week' or 'month'",
    ),
    (
        "partitions: {every: month, start: 2013-01, finish: 2013-02}",
        "partitions: unknown key 'finish'; allowed: every, start, end, timezone",
    ),
    ("partitions: {every: month}", "partitions: key 'start' is missing"),
    ("partitions: {every: month, start: 2013}", "partitions.start: 2013 is not text"),
    (
        "partitions: {every: month, start: 2013-13}",
        "partitions.start: '2013-13' is not a month; write for example 2013-01",
    ),
    (
        "partitions: {every: month, start: 2013-01-15}",
        "is not the start of a month; did you mean 2013-01 or 2013-02?",
    ),
    (
        "partitions: {every: week, start: 2013-01-08}",
        "is not the start of a week (weeks begin on Monday); did you mean 2013-01-07 or 2013-01-14?",
    ),
    (
        "partitions: {every: day, start: 2013-02-01, end: 2013-01-01}",
        "partitions.end: end 2013-01-01 is before start 2013-02-01",
    ),
    (
        "partitions: {every: day, start: 2013-02-01, timezone: Mars}",
        "partitions.timezone: 'Mars' is not a time zone; write an IANA",
    ),
    (
        "partitions: {every: day, start: 2013-02-01, timezone: ../x}",
        "partitions.timezone: '../x' is not a time zone",
    ),
    (
        "partitions: {every: hour, start: 2013-02-01, timezone: Europe/Paris}",
        "partitions.timezone: hours need a zone without summer time, such as UTC",
    ),
    (
        "partitions: {every: month, start: 2013-01}",
        "source: 'data/a.csv' does not name exactly one month per partition; write for example {%Y-%m}",
    ),
]


@pytest.mark.parametrize(("line", "message"), BAD_KEYS)
def test_a_key_that_cannot_work_is_refused_with_the_cure(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        declare(tmp_path, f"source: data/a.csv\n{line}")
    assert message in str(caught.value)
    assert caught.value.line in {3, 4}
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (
            "integer",
            "columns.a: 'integer' is not a type; allowed: string, int, float, decimal(p,s), bool, date, timestamp",
        ),
        ("{type: decimal(9,2)}", "columns.a.type: 'decimal(9' is not a type"),
        ("decimal(39,0)", "'decimal(39,0)': decimal(p,s) takes p from 1 to 38 and s from 0 to p"),
        ("decimal(2,3)", "takes p from 1 to 38 and s from 0 to p"),
        ("3", "columns.a: 3 is not a mapping of keys to values"),
        ("{}", "columns.a: key 'type' is missing"),
        ("{type: int, requird: true}", "columns.a: unknown key 'requird'; did you mean 'required'?"),
        ("{type: int, required: 1}", "columns.a.required: 1 is not true or false"),
        ("{type: int, min: 3, max: 2}", "columns.a.min: min 3 is greater than max 2"),
        ("{type: int, min: 1.5}", "columns.a.min: 1.5 is not a whole number of 64 bits"),
        ("{type: int, max: 9223372036854775808}", "is not a whole number of 64 bits"),
        ("{type: int, min: true}", "columns.a.min: True is not a whole number"),
        ("{type: float, max: .inf}", "columns.a.max: inf is not a finite number"),
        ("{type: 'decimal(3,1)', max: 123}", "columns.a.max: 123 does not fit decimal(3,1)"),
        ("{type: 'decimal(3,1)', max: 1.25}", "columns.a.max: 1.25 does not fit decimal(3,1)"),
        ("{type: 'decimal(3,1)', max: x}", "columns.a.max: 'x' is not a decimal number"),
        ("{type: date, min: 2013-1}", "columns.a.min: '2013-1' is not a date; write it as 2013-01-31"),
        (
            "{type: timestamp, min: noon}",
            "columns.a.min: 'noon' is not a timestamp; write it as 2013-01-31T05:00:00Z",
        ),
        ("{type: string, min: a}", "columns.a.min: min is for numbers, dates and timestamps, not for string"),
        ("{type: int, pattern: x}", "columns.a.pattern: pattern is for type string, not for int"),
        (
            "{type: string, pattern: '('}",
            "columns.a.pattern: '(' is not a regular expression (RE2): missing )",
        ),
        ("{type: string, pattern: 'a(?=b)'}", "is not a regular expression (RE2): invalid perl operator"),
        ("{type: string, enum: []}", "columns.a.enum: enum needs at least one value"),
        ("{type: string, enum: [x, 1]}", "columns.a.enum[1]: 1 is not text; put it in quotes"),
        ("{type: bool, enum: [yes, x]}", "columns.a.enum[1]: 'x' is not true or false"),
        ("{type: string, enum: [x, x]}", "columns.a.enum: enum names a value twice"),
        ("{type: string, in: airports}", "columns.a.in: 'airports' is not a reference; write dataset.column"),
        ("{type: string, in: Air.faa}", "columns.a.in: 'Air.faa' is not a reference"),
        (
            "{type: string, severity: ignore}",
            "columns.a.severity: 'ignore' is not allowed; write 'reject' or 'warn'",
        ),
        (
            "{type: date, format: day}",
            "columns.a.format: 'day' is not a date format; write for example '%d.%m.%Y'",
        ),
        ("{type: date, format: '%Q'}", "columns.a.format: '%Q' is not a date format"),
        ("{type: int, format: '%Y'}", "columns.a.format: format is for dates and timestamps, not for int"),
    ],
)
def test_a_column_that_cannot_work_is_refused_with_the_cure(tmp_path: Path, column: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        declare(tmp_path, f"source: data/a.csv\ncolumns:\n  a: {column}")
    assert message in str(caught.value)
    assert caught.value.line == 5


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("key: [b]\ncolumns: {abc: int}", "key[0]: key column 'b' is not declared; declared: abc"),
        ("key: [abd]\ncolumns: {abc: int}", "key[0]: key column 'abd' is not declared; did you mean 'abc'?"),
        (
            "columns: {}",
            "columns: no column is declared; name at least one, or leave the key out to infer them",
        ),
        (
            "columns: {_source: string}",
            "columns._source: '_source' is a system column; its name cannot be used",
        ),
        ("columns: {_Line: int}", "'_Line' is a system column"),
        ("columns: {' ': int}", "' ' cannot be a column's name"),
        (
            "columns: {a: int, A: int}",
            "columns.A: 'A' clashes with 'a' in columns; names differ by more than case",
        ),
        ("columns: {a: int}\nderive: {a: '1'}", "derive.a: 'a' clashes with 'a' in columns"),
        ("derive: {_reject: '1'}", "derive._reject: '_reject' is a system column"),
        ("transform: t:f\nadds: {_offset: int}", "adds._offset: '_offset' is a system column"),
        ("transform: t:f\nadds: {a: integer}", "adds: 'integer' is not a type; allowed: string, int"),
    ],
)
def test_names_that_cannot_work_together_are_refused(tmp_path: Path, lines: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        declare(tmp_path, f"source: data/a.csv\n{lines}")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("../a.csv", "leaves the project with '..'; only files within the project can be read"),
        ("data/../../a.csv", "leaves the project"),
        (
            "/etc/passwd",
            "is not relative; write it from the project's folder, for example data/samples/flights.csv",
        ),
        ("~/a.csv", "is not relative"),
        ("'C:/a.csv'", "is not relative"),
        ("'data\\a.csv'", "has a backslash; write folders with /"),
        ("https://example.com/a.csv", "is an address; only files within the project and s3://bucket/path can be read"),
        ("''", "is not a path"),
        ("data//a.csv", "is not a plain path to files"),
        ('"data/a\\n.csv"', "has a control character"),
        ("data/**/a.csv", "has '**'; use * within one folder or file name"),
        ("data/a.xls", "is of a kind that is not read; CSV, JSONL (plain, .gz, .zst), Parquet and XLSX files are"),
        ("data/a.zip", "is of a kind that is not read"),
        ("data/a.parquet.gz", "PARQUET files are compressed inside; store them without .gz or .zst"),
        ("data/a.json", "is JSON; if each of its lines is an object, add format: jsonl"),
        ("data/a-{%Y-%m.csv", "has unbalanced braces; write times as {%Y-%m}"),
        ("data/a-{%B}.csv", "has {%B}, which is no time; allowed in braces: %Y, %y, %m"),
        ("data/a-{name}.csv", "has {name}, which is no time"),
        ("'data/a-{%Y*}.csv'", "has a wildcard in {%Y*}; write it outside the braces"),
        ("data/a-{%Y-%m}.csv", "has a time in braces, but there are no partitions by time"),
    ],
)
def test_a_source_that_cannot_work_is_refused_with_the_cure(tmp_path: Path, source: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        declare(tmp_path, f"source: {source}")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("every", "source"),
    [("month", "{%Y}.csv"), ("month", "{%Y-%m-%d}.csv"), ("day", "{%Y-%m}.csv"), ("week", "{%Y-%m}.csv")],
)
def test_times_have_to_tell_the_partitions_apart(tmp_path: Path, every: str, source: str) -> None:
    with pytest.raises(ConfigError, match=f"does not name exactly one {every} per partition"):
        declare(tmp_path, f"source: data/{source}\npartitions: {{every: {every}, start: 2013-04-01}}")


def test_an_inbox_needs_the_time_in_the_file_name(tmp_path: Path) -> None:
    partitions = "partitions: {every: month, start: 2013-01}"
    declare(tmp_path, f"source: data/{{%Y}}/a-{{%m}}.csv\n{partitions}")
    with pytest.raises(ConfigError, match="with an inbox the file name itself has to tell the month"):
        declare(tmp_path, f"source: data/{{%Y}}/a-{{%m}}.csv\ninbox: true\n{partitions}")


BASE = "source: data/a.csv\nkey: a\ncolumns: {a: int, b: string}"


@pytest.mark.parametrize(
    "changed",
    [
        "source: data/a.csv\nkey: a\ncolumns: {b: string, a: int}",
        "source: data/a.csv\nkey: b\ncolumns: {a: int, b: string}",
        "source: data/a.csv\nkey: a\ncolumns: {a: float, b: string}",
        "source: data/a.csv\nkey: a",
        f"{BASE}\nnulls: NA",
        f"{BASE}\nwhere: a > 1",
        f"{BASE}\nderive: {{c: a}}",
        f"{BASE}\nextra: fail",
        f"{BASE}\ncsv: {{delimiter: tab}}",
        f"{BASE}\ntransform: t:f",
    ],
)
def test_whatever_can_change_rows_changes_the_version(tmp_path: Path, changed: str) -> None:
    (tmp_path / "t.py").write_text("def f(frame): return frame")
    assert declare(tmp_path, changed).version(tmp_path) != declare(tmp_path, BASE).version(tmp_path)


def test_the_order_of_derived_columns_changes_the_version(tmp_path: Path) -> None:
    one, other = f"{BASE}\nderive: {{c: '1', d: '2'}}", f"{BASE}\nderive: {{d: '2', c: '1'}}"
    assert declare(tmp_path, one).version(tmp_path) != declare(tmp_path, other).version(tmp_path)


@pytest.mark.parametrize(
    "line",
    [
        "description: x",
        "lanes: 2",
        "chunk_size: 1MB",
        "attempts: 1",
        "timeout: 5s",
        "max_reject_rate: 1%",
        "owners: a@b.org",
    ],
)
def test_what_cannot_change_rows_leaves_the_version(tmp_path: Path, line: str) -> None:
    assert declare(tmp_path, f"{BASE}\n{line}").version(tmp_path) == declare(tmp_path, BASE).version(tmp_path)


def test_the_text_of_the_transform_is_part_of_the_version(tmp_path: Path) -> None:
    shop = declare(tmp_path, f"{BASE}\ntransform: t:f")
    (tmp_path / "t.py").write_bytes(b"a = 1\n")
    before = shop.version(tmp_path)
    (tmp_path / "t.py").write_bytes(b"a = 1\r\n")
    assert shop.version(tmp_path) == before
    (tmp_path / "t.py").write_bytes(b"a = 2\n")
    assert shop.version(tmp_path) != before


def test_a_version_without_its_transform_s_file_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"transform 't:f' needs the file .*t\.py: No such file"):
        declare(tmp_path, f"{BASE}\ntransform: t:f").version(tmp_path)


@pytest.mark.parametrize(
    ("inbox", "said"),
    [
        ("sub/a*.csv", "'sub/a*.csv' is not true, false or a file name"),
        ("maybe", "'maybe' is not true, false or a file name"),
        ("a-{%Y-%m}.csv", "has a time in braces, but there are no partitions by time"),
    ],
)
def test_files_of_an_inbox_may_be_called_otherwise_but_not_anyhow(tmp_path: Path, inbox: str, said: str) -> None:
    assert declare(tmp_path, "source: data/a.csv\ninbox: a*.csv\ncolumns: {id: int}").inbox_name == "a*.csv"
    with pytest.raises(ConfigError, match=re.escape(said)):
        declare(tmp_path, f'source: data/a.csv\ninbox: "{inbox}"\ncolumns: {{id: int}}')
