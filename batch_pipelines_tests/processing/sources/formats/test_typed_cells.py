"""Stored types to declared ones: exact, or as the text says; a value's fate never depends on its neighbours."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batch_pipelines.processing.declaration.columns import Column
from batch_pipelines.processing.rows.casts import cast_columns
from batch_pipelines.processing.sources.json_lines import reread_json
from batch_pipelines.processing.sources.json_records import Wanted
from batch_pipelines.processing.sources.reading import Places
from batch_pipelines.processing.sources.typed_cells import cells_of, json_cells, texts_of

DECLARED = ["int", "float", "string", "bool", "date", "timestamp", "decimal(10,2)"]
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - stored without a zone

STORED: list[tuple[pa.DataType, st.SearchStrategy[Any]]] = [
    (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    (pa.uint64(), st.integers(0, 2**64 - 1)),
    (pa.int8(), st.integers(-128, 127)),
    (pa.float64(), st.floats() | st.integers(-(2**60), 2**60).map(float)),
    (pa.float32(), st.floats(width=32)),
    (pa.bool_(), st.booleans()),
    (pa.string(), st.sampled_from(["", "1", "007", "1.5", "true", "2013-01-02", "2013-01-02T05:00:00Z", "x"])),
    (pa.binary(), st.sampled_from([b"1", b"\xff", b"x"])),
    (pa.date32(), st.dates()),
    (pa.timestamp("us"), st.datetimes() | st.dates().map(lambda day: datetime(day.year, day.month, day.day))),  # noqa: DTZ001
    (pa.timestamp("ns"), st.integers(-(10**15), 10**15).map(lambda n: n * 250)),
    (pa.decimal128(12, 3), st.decimals(-(10**8), 10**8, places=3)),
    (pa.list_(pa.int64()), st.lists(st.integers(-5, 5), max_size=2)),
    (pa.null(), st.none()),
]


def fate(cells: Any, column: Column) -> list[Any]:
    """For each value what it becomes, or why it does not."""
    table, rejects = cast_columns(pa.table({"x": cells}), {"x": column})
    values = table.column("x").to_pylist()
    for reject in rejects:
        values[reject.row] = (reject.rule, reject.message)
    return values


@given(st.sampled_from(STORED), st.sampled_from(DECLARED), st.data())
@settings(max_examples=500, deadline=None)
def test_a_value_is_what_its_text_says_whatever_stands_beside_it(
    stored: tuple[pa.DataType, st.SearchStrategy[Any]], declared: str, data: st.DataObject
) -> None:
    kind, strategy = stored
    values = pa.array(data.draw(st.lists(st.none() | strategy, min_size=1, max_size=6)), kind)
    column = Column(type=declared)
    together = fate(cells_of(values, column), column)
    alone = [fate(cells_of(values.slice(place, 1), column), column)[0] for place in range(len(values))]
    assert repr(together) == repr(alone)
    assert repr(together) == repr(fate(texts_of(values), column))


@given(st.sampled_from(STORED), st.sampled_from(DECLARED), st.data())
@settings(max_examples=300, deadline=None)
def test_what_a_dead_letter_keeps_of_a_value_comes_to_the_same(
    stored: tuple[pa.DataType, st.SearchStrategy[Any]], declared: str, data: st.DataObject
) -> None:
    kind, strategy = stored
    values = pa.array(data.draw(st.lists(st.none() | strategy, min_size=1, max_size=4)), kind)
    column = Column(type=declared)
    lines = [f'{{"x":{cell}}}'.encode() for cell in json_cells(values)]
    line = pa.array(range(len(lines))).to_numpy()
    raw = reread_json(lines, Wanted(("x",), strict=False, nulls=frozenset(), largest_cell=999), Places(line, line))
    whole = fate(cells_of(values, column), column)
    rejected = {each.record for each in raw.structural}
    assert all(whole[place][0] in ("encoding", "nul") for place in rejected)
    assert repr(fate(raw.table.column("x"), column)) == repr([whole[place] for place in raw.record.tolist()])


@pytest.mark.parametrize(
    ("values", "declared", "expected"),
    [
        (pa.array([517.0, None]), "int", [517, None]),
        (pa.array([2.0**53]), "int", [("type", "is not an int")]),
        (pa.array([2.0**53 - 1]), "int", [2**53 - 1]),
        (pa.array([2**64 - 1], pa.uint64()), "int", [("type", "is too large for an int (64 bits)")]),
        (pa.array([Decimal("1.50")]), "decimal(10,1)", [Decimal("1.5")]),
        (pa.array([Decimal("1.55")]), "decimal(10,1)", [("type", "does not fit decimal(10,1)")]),
        (pa.array([Decimal("5.00")]), "int", [5]),
        (pa.array([5]), "bool", [("type", "is not a bool (true, false, t, f, yes, no, 1, 0)")]),
        (pa.array([date(2013, 1, 2)]), "string", ["2013-01-02"]),
        (pa.array([EPOCH + timedelta(hours=5)]), "string", ["1970-01-01T05:00:00Z"]),
        (pa.array([EPOCH]), "date", [date(1970, 1, 1)]),
        (pa.array(["a", "b", "a"]).dictionary_encode(), "string", ["a", "b", "a"]),
        (pa.array([{"a": [1.5, None]}]), "string", ['{"a":[1.5,null]}']),
        (pa.array([0.1], pa.float32()), "float", [0.10000000149011612]),
    ],
)
def test_values_become_what_is_declared_or_say_why_not(values: Any, declared: str, expected: list[Any]) -> None:
    column = Column(type=declared)
    assert fate(cells_of(values, column), column) == expected
