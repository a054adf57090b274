"""Chunks become rows and rejects: every record once, equal to what Python's csv module reads."""

import zlib
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batch_pipelines.core.errors import InputError, IntegrityError, SourceChanged
from batch_pipelines.processing.sources.caps import Caps
from batch_pipelines.processing.sources.csv_plan import plan_csv
from batch_pipelines.processing.sources.csv_read import (
    infer_columns,
    read_chunk_bytes,
    read_csv_rows,
)
from batch_pipelines.processing.sources.csv_records import Dialect
from batch_pipelines.processing.sources.reading import RawRows
from batch_pipelines_tests.processing.sources.csv_oracle import Expected, dialects_and_texts, expected_records

PAYLOAD = {"source": "in/x.csv", "path": "x.csv", "start": 0, "first_line": 1}
NULLS = ["NA"]


def rows(data: bytes, columns: int = 2, *, dialect: Dialect | None = None, caps: Caps | None = None) -> RawRows:
    names = [f"c{number}" for number in range(columns)]
    return read_csv_rows(data, PAYLOAD, names, dialect=dialect or Dialect(), nulls=NULLS, caps=caps, block_bytes=16)


def expected_rule(record: Expected, data: bytes, columns: int) -> str | None:
    if record.cells is None:
        return "quote"
    if b"\0" in data[record.start : record.end]:
        return "nul"
    return None if len(record.cells) == columns else "columns"


def cells_of(table: pa.Table) -> list[list[bytes | None]]:
    return [list(row.values()) for row in table.to_pylist()]


@given(dialects_and_texts(), st.integers(1, 3))
@settings(max_examples=500, deadline=None)
def test_rows_and_rejects_are_those_of_the_csv_module(case: tuple[Dialect, bytes], columns: int) -> None:
    dialect, data = case
    records = expected_records(data, dialect)
    read = rows(data, columns, dialect=dialect)
    rules = [expected_rule(record, data, columns) for record in records]
    assert [(reject.record, reject.rule) for reject in read.structural] == [
        (number, rule) for number, rule in enumerate(rules) if rule
    ]
    assert read.record.tolist() == [number for number, rule in enumerate(rules) if rule is None]
    good = [record.cells or [] for record, rule in zip(records, rules, strict=True) if rule is None]
    assert cells_of(read.table) == [[None if cell in (b"", b"NA") else cell for cell in row] for row in good]
    assert read.line.tolist() == [record.line + 1 for record in records]
    assert read.offset.tolist() == [record.start for record in records]


@given(dialects_and_texts(), st.sampled_from([1, 64, 300, 1 << 26]))
@settings(max_examples=150, deadline=None)
def test_the_size_of_chunks_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, case: tuple[Dialect, bytes], chunk_bytes: int
) -> None:
    dialect, text = case
    home = tmp_path_factory.getbasetemp()
    data = b"a%bb\n" % dialect.delimiter + text
    (home / "x.csv").write_bytes(data)
    plan = plan_csv(
        home / "x.csv",
        "in/x.csv",
        dialect=dialect,
        header=["c0", "c1"],
        encoding="utf-8",
        chunk_bytes=chunk_bytes,
        caps=Caps(),
        staging_dir=home,
        home=home,
    )
    whole = rows(data, dialect=dialect)
    table, rejects, lines, offsets = [], [], [], []
    for chunk in plan.chunks:
        piece = read_chunk_bytes(chunk.payload, home)
        read = read_csv_rows(piece, chunk.payload, plan.columns or [], dialect=dialect, nulls=NULLS, items=chunk.items)
        table += cells_of(read.table)
        rejects += [(r.record + chunk.payload["first_record"] - 1, r.rule, r.message) for r in read.structural]
        lines += read.line.tolist()
        offsets += read.offset.tolist()
    assert table == cells_of(whole.table)
    assert rejects == [(r.record, r.rule, r.message) for r in whole.structural]
    assert lines == whole.line.tolist()
    assert offsets == whole.offset.tolist()


def test_too_few_and_too_many_columns_are_counted() -> None:
    read = rows(b'1,2\n1\n"x\ny",2,3\n1,2,\n\xff\n')
    assert [(each.record, each.rule, each.message) for each in read.structural] == [
        (1, "columns", "1 columns instead of 2"),
        (2, "columns", "3 columns instead of 2"),
        (3, "columns", "3 columns instead of 2"),
        (4, "columns", "1 columns instead of 2"),
    ]
    assert read.line.tolist() == [1, 2, 3, 5, 6]


def test_bytes_that_are_not_utf8_reach_the_table_as_they_are() -> None:
    assert cells_of(rows(b"\xef\xbb\xbfa,\xff\n\xe9,b\n").table) == [
        [b"\xef\xbb\xbfa", b"\xff"],
        [b"\xe9", b"b"],
    ]


@pytest.mark.parametrize("few", [0, 1000])
def test_many_odd_records_and_few_of_them_are_put_in_their_places(few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("batch_pipelines.processing.sources.csv_tokens.FEW", few)
    lines = [b"\xff,0", b"a,1", b"b,2", b"\xfe,3", b"\xfd,4", b"c,5", b"\xfc,6"]
    read = rows(b"\n".join(lines) + b"\n")
    assert cells_of(read.table) == [line.split(b",") for line in lines]
    assert read.record.tolist() == list(range(7))


def test_a_cell_beyond_the_cap_is_a_reject_and_a_long_record_is_not() -> None:
    read = rows(b"1,%b\n%b,%b\n" % (b"x" * 60, b"y" * 40, b"z" * 40), caps=Caps(cell=50))
    assert [(each.record, each.rule) for each in read.structural] == [(0, "cell")]
    assert read.structural[0].message == "cell 2 has 60 bytes, at most 50 are read"
    assert read.record.tolist() == [1]


def test_a_record_larger_than_a_block_of_pyarrow_is_read() -> None:
    long = b'1,"' + b"x\n" * 300_000 + b'"\n'
    read = read_csv_rows(b"1,2\n" + long + b"3,4\n", PAYLOAD, ["a", "b"], dialect=Dialect(), nulls=[])
    assert read.table.num_rows == 3


def test_a_chunk_of_rejects_only_is_an_empty_table() -> None:
    read = rows(b"1\n1,2,3\n")
    assert read.table.schema == pa.schema([("c0", pa.binary()), ("c1", pa.binary())])
    assert (read.table.num_rows, len(read.structural)) == (0, 2)


def test_another_count_than_planned_is_an_integrity_error() -> None:
    with pytest.raises(IntegrityError, match=r"in/x\.csv:1: 2 rows and 0 rejects of 2 records, planned 3"):
        read_csv_rows(b"1,2\n3,4\n", PAYLOAD, ["a", "b"], dialect=Dialect(), nulls=[], items=3)


def test_bytes_that_are_not_the_planned_ones_are_noticed(tmp_path: Path) -> None:
    payload = {**PAYLOAD, "start": 4, "end": 8, "crc32": zlib.crc32(b"3,4\n")}
    path = tmp_path / "x.csv"
    path.write_bytes(b"1,2\n3,4\n5,6\n")
    assert read_chunk_bytes(payload, tmp_path) == b"3,4\n"
    for changed in (b"1,2\n3,5\n5,6\n", b"1,2\n3,4"):
        path.write_bytes(changed)
        with pytest.raises(SourceChanged, match="changed after it was planned"):
            read_chunk_bytes(payload, tmp_path)
    path.unlink()
    with pytest.raises(SourceChanged, match="cannot be read any more"):
        read_chunk_bytes(payload, tmp_path)


def inferred(folder: Path, text: str, **options: object) -> dict[str, str]:
    path = folder / "x.csv"
    path.write_text(text, encoding="utf-8", newline="")
    return infer_columns(path, Dialect(), "utf-8", Caps(), nulls=NULLS, source="in/x.csv", **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1", "-20", "0", "NA", ""], "int"),
        (["1", "007"], "string"),
        (["9223372036854775807"], "int"),
        (["9223372036854775808"], "string"),
        (["1", "2.5", "-1e-3", ".5"], "float"),
        (["1", "9223372036854775808.5"], "float"),
        (["01.5"], "string"),
        (["1", "x"], "string"),
        (["true", "FALSE"], "bool"),
        (["1", "true"], "string"),
        (["2024-02-29", "NA"], "date"),
        (["2023-02-29"], "string"),
        (["2013-01-01T05:00:00Z", "2013-01-01 05:00"], "timestamp"),
        (["2013-01-01", "2013-01-01 05:00"], "string"),
        (["NA", ""], "string"),
        (["٣"], "string"),
    ],
)
def test_a_type_is_named_only_if_all_values_are_written_so(tmp_path: Path, values: list[str], expected: str) -> None:
    assert inferred(tmp_path, "id,v\n" + "".join(f"x,{value}\n" for value in values)) == {"id": "string", "v": expected}


def test_a_sample_of_a_large_file_is_enough_and_its_bad_records_do_not_count(tmp_path: Path) -> None:
    text = "id,v\n" + "1,2,3\n" + 'x,"\n' + "1,2\n" * 800_000 + "x,y\n"
    assert inferred(tmp_path, text) == {"id": "int", "v": "int"}


def test_nothing_is_inferred_of_nothing(tmp_path: Path) -> None:
    assert inferred(tmp_path, "") == {}
    assert inferred(tmp_path, "a,b\n") == {"a": "string", "b": "string"}
    assert inferred(tmp_path, "1,x\n", header=False) == {"column_1": "int", "column_2": "string"}


def test_inferring_refuses_a_header_that_cannot_be_right(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"in/x\.csv:1: the header names 'a' twice"):
        inferred(tmp_path, "a,a\n1,2\n")
