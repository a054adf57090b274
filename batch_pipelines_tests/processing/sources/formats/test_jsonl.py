"""JSON Lines: no line is lost, no value changes, whether it is read with others of its shape or alone."""

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batch_pipelines.processing.sources import json_lines
from batch_pipelines.processing.sources.csv_records import scan
from batch_pipelines.processing.sources.formats.jsonl import LINES
from batch_pipelines.processing.sources.json_lines import read_json_rows, reread_json
from batch_pipelines.processing.sources.json_records import Wanted, infer
from batch_pipelines.processing.sources.json_shapes import shape_of
from batch_pipelines.processing.sources.reading import Places, RawRows

COLUMNS = ("a", "b", "c d")
WANTED = Wanted(COLUMNS, strict=False, nulls=frozenset(["NA"]), largest_cell=1 << 20)


def read(data: bytes, wanted: Wanted = WANTED, *, shapes: bool = True) -> RawRows:
    records, _ = scan(data, LINES, final=True)
    places = Places(records.lines + 1, records.starts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_lines, "WORTHWHILE", 1 if shapes else 1 << 40)
        return read_json_rows(data, records, wanted, places, source="in.jsonl")


def rows(raw: RawRows) -> list[dict[str, Any]]:
    return [
        {name: None if cell is None else cell.decode() for name, cell in row.items()} for row in raw.table.to_pylist()
    ]


def oracle(line: bytes) -> dict[str, Any] | None:
    """What a line says by Python's own reader: texts of the wanted cells; None if it is no record."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) < len(pairs):
            raise ValueError(pairs)
        return dict(pairs)

    def refuse(name: str) -> None:
        raise ValueError(name)

    try:
        found = json.loads(line.decode(), object_pairs_hook=once, parse_int=str, parse_float=str, parse_constant=refuse)
        texts = {name: found.get(name) for name in COLUMNS}
        for name, value in texts.items():
            texts[name] = value if value is None or isinstance(value, str) else json.dumps(value, separators=(",", ":"))
            if "\0" in (texts[name] or "").encode().decode():
                return None
    except (ValueError, AttributeError, RecursionError):
        return None
    return {name: None if text == "NA" else text for name, text in texts.items()}


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**25), 10**25),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(
        ["", "NA", 'quo"te', "comma, here", "{", "null", "12", "back\\slash", "tab\t", "é", "\x7f", "x" * 50]
    ),
    st.text(max_size=8),
)
objects = st.dictionaries(st.sampled_from([*COLUMNS, "e", "é"]), scalars, max_size=4)
separators = st.sampled_from([(",", ":"), (", ", ": "), (" ,", " :"), (",", ":\t")])


@st.composite
def lines(draw: st.DrawFn) -> bytes:
    text = json.dumps(draw(objects), separators=draw(separators), ensure_ascii=draw(st.booleans()))
    line = text.encode("utf-8", "surrogatepass")
    damage = draw(st.integers(0, 9))
    if damage == 0:
        place = draw(st.integers(0, len(line)))
        line = (
            line[:place]
            + draw(st.sampled_from([b"", b'"', b",", b"{", b"}", b"\xff", b"\0", b"\\", b" ", b"0", b"\r"]))
            + line[place + 1 :]
        )
    if damage == 1:
        line = draw(
            st.sampled_from(
                [b"", b" ", b"[]", b"1", b"null", b'{"a":1}{"a":2}', b'{"a":1,"a":2}', b'{"a":NaN}', b'{"a":01}']
            )
        )
    return line.replace(b"\n", b"")


@given(st.lists(st.one_of(lines(), lines().map(lambda line: line + b"\r")), max_size=12), st.integers(1, 30))
@settings(max_examples=400, deadline=None)
def test_no_line_is_lost_and_none_is_read_otherwise_than_by_python(some: list[bytes], times: int) -> None:
    data = b"".join(line + b"\n" for line in some * times)
    records, _ = scan(data, LINES, final=True)
    contents = [data[start:end] for start, end in zip(records.starts, records.ends, strict=True)]
    assert contents == [line for line in (line.removesuffix(b"\r") for line in some * times) if line]
    raw = read(data)
    expected = [oracle(line) for line in contents]
    assert [each.record for each in raw.structural] == [n for n, cells in enumerate(expected) if cells is None]
    assert raw.record.tolist() == [n for n, cells in enumerate(expected) if cells is not None]
    assert rows(raw) == [cells for cells in expected if cells is not None]
    alone = reread_json(contents, WANTED, Places(raw.line, raw.offset))
    assert rows(alone) == rows(raw)
    assert alone.structural == raw.structural


def test_lines_of_one_shape_are_read_together() -> None:
    shape = shape_of(b'{"a": 1, "b":"x" ,"c d" : null}')
    assert shape is None  # a blank after a value
    shape = shape_of(b'{"a": 1,"b":"x", "c d" : null} ')
    assert shape is not None
    assert shape.keys == ("a", "b", "c d")
    assert shape.prefixes == (b'{"a": ', b'"b":', b' "c d" : ')
    assert shape.suffix == b"} "
    odd = [
        b"{}",
        b'{"a":1,"a":2}',
        b'{"a":{}}',
        b'{"a":[1]}',
        b'{"a":"x,y"}',
        b'{"a":"\\n"}',
        b'{"a":01}',
        b'{"a\xff":1}',
    ]
    assert [shape_of(line) for line in odd] == [None] * len(odd)


@pytest.mark.parametrize("number", ["1e400", "9223372036854775808", "-0", "0.1000", "1E5", "0.30000000000000000001"])
def test_numbers_keep_every_digit(number: str) -> None:
    data = b'{"a":%b,"b":1}\n' % number.encode() * 100
    for shapes in (True, False):
        assert {row["a"] for row in rows(read(data, shapes=shapes))} == {number}


def test_a_nested_value_is_its_json_with_its_numbers_as_they_are() -> None:
    raw = read(b'{"a":{"x":[1.50,"1",null,true,{"y":1e2}]},"b":[],"c d":"[]"}\n')
    assert rows(raw) == [{"a": '{"x":[1.50,"1",null,true,{"y":1e2}]}', "b": "[]", "c d": "[]"}]


def test_a_text_with_leading_zeros_is_no_number() -> None:
    wanted = Wanted(("a", "b"), strict=False, nulls=frozenset(), largest_cell=99, numbers=("a",))
    data = b"".join(
        b'{"a":%b,"b":"007"}\n' % value for value in (b'"007"', b"7", b'"7"', b"0", b'"0"', b"0.5", b'"-01"')
    )
    for shapes in (True, False):
        raw = read(data, wanted, shapes=shapes)
        assert [(each.record, each.rule) for each in raw.structural] == [(0, "type"), (6, "type")]
        assert [row["a"] for row in rows(raw)] == ["7", "7", "0", "0", "0.5"]
        assert raw.record.tolist() == [1, 2, 3, 4, 5]


def test_a_key_that_is_not_declared_is_a_reject_where_it_must_not_be() -> None:
    strict = Wanted(("a",), strict=True, nulls=frozenset(), largest_cell=99)
    raw = read(b'{"a":1}\n{"a":1,"x":2}\n' * 40, strict)
    assert len(raw.table) == 40
    assert {each.message for each in raw.structural} == {
        "has the key 'x', which is not declared; declare it, or write `extra: ignore`"
    }


def test_a_cell_beyond_the_cap_is_a_reject_and_depth_is_bounded() -> None:
    wanted = Wanted(("a",), strict=False, nulls=frozenset(), largest_cell=50)
    deep = b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    raw = read(b'{"a":"%b"}\n{"a":"x","b":"%b"}\n' % (b"y" * 51, b"z" * 60) + deep + b"\n", wanted)
    assert [(each.record, each.rule, each.message) for each in raw.structural] == [
        (0, "cell", "a has 51 bytes, at most 50 are read"),
        (2, "json", "is nested too deeply to be read"),
    ]
    assert rows(raw) == [{"a": "x"}]


def test_types_are_guessed_without_taking_ids_for_numbers() -> None:
    contents = [
        b'{"n":1,"f":1.5,"id":"007","day":"2013-01-02","at":"2013-01-02T05:00:00Z","ok":true,"mix":1,"no":null,"o":{}}',
        b'{"n":null,"f":2,"id":"12","mix":"x","late":5,"big":9223372036854775808}',
        b"[]",
    ]
    assert infer(contents, ["NA"]) == {
        "n": "int",
        "f": "float",
        "id": "string",
        "day": "date",
        "at": "timestamp",
        "ok": "bool",
        "mix": "string",
        "no": "string",
        "o": "string",
        "late": "int",
        "big": "float",
    }


def test_rows_and_rejects_that_are_not_all_lines_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def lossy(*arguments: Any) -> tuple[pa.Table, Any, list[Any]]:
        table, record, rejects = original(*arguments)
        return table.slice(1), record[1:], rejects

    original = json_lines._read_each  # noqa: SLF001 - what must be noticed happens in there
    monkeypatch.setattr(json_lines, "_read_each", lossy)
    with pytest.raises(Exception, match="1 rows and 0 rejects of 2 lines"):
        read(b'{"a":1}\n{"a":"\\n"}\n', shapes=False)
    assert np.all(read(b"").record == [])


ODD_VALUES = [
    b"01",
    b"-",
    b"1.",
    b"+1",
    b"0x1",
    b"nul",
    b"True",
    b'"',
    b'"x',
    b'x"',
    b'"a"b"',
    b'"\\"',
    b'"\\n"',
    b'"\t"',
    b'""',
    b'"\0"',
]


@pytest.mark.parametrize("odd", ODD_VALUES)
@pytest.mark.parametrize("line", [b'{"a":%b,"b":"x","c d":7}', b'{"a":1,"b":%b,"c d":7}', b'{"a":1,"b":"x","c d":%b}'])
def test_a_line_that_only_looks_like_the_others_is_read_as_if_alone(line: bytes, odd: bytes) -> None:
    data = b'{"a":1,"b":"x","c d":7}\n' * 80 + line % odd + b"\n"
    together, alone = read(data), read(data, shapes=False)
    assert rows(together) == rows(alone)
    assert together.structural == alone.structural
