"""Parts: on disk under their own name, damage seen when read, statistics that never lie."""

import hashlib
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from batch_pipelines.core.errors import IntegrityError
from batch_pipelines.lake.parts import (
    SYSTEM_FIELDS,
    part_stem,
    read_part,
    schema_from_text,
    schema_to_text,
    write_part,
)
from batch_pipelines.processing.tables.allowed_values import _Cache, loader

TABLE = pa.table({"a": pa.array([3, None, 1]), "s": ["x", "y", "z"], "_line": [2, 3, 4]})


def test_a_part_is_what_was_given_and_its_digest_and_size_are_the_files(tmp_path: Path) -> None:
    part = write_part(TABLE, tmp_path / "new" / "folder", "p.parquet")
    path = tmp_path / "new" / "folder" / "p.parquet"
    assert read_part(path).equals(TABLE)
    assert part.rows == 3
    assert (part.bytes, part.sha256) == (path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest())


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    first, second = (write_part(TABLE, tmp_path, name) for name in ("1.parquet", "2.parquet"))
    assert first.sha256 == second.sha256


def test_a_part_is_never_written_over_another_file(tmp_path: Path) -> None:
    (tmp_path / "p.parquet").write_text("another's")
    with pytest.raises(FileExistsError):
        write_part(TABLE, tmp_path, "p.parquet")
    assert (tmp_path / "p.parquet").read_text() == "another's"


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path) -> None:
    def tables() -> Any:
        yield TABLE
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        write_part(tables(), tmp_path, "p.parquet")
    assert list(tmp_path.iterdir()) == []


def test_several_tables_become_one_part(tmp_path: Path) -> None:
    part = write_part(iter([TABLE, TABLE.slice(1)]), tmp_path, "p.parquet")
    assert part.rows == 5
    assert read_part(tmp_path / "p.parquet").equals(pa.concat_tables([TABLE, TABLE.slice(1)]))
    assert part.stats["a"] == [1, 3, 2]


def test_what_repeats_is_written_as_a_dictionary_and_whole_numbers_as_differences(tmp_path: Path) -> None:
    rows = 40_000
    table = pa.table(
        {
            "number": range(rows),
            "day": pa.array([18_000 + row % 3000 for row in range(rows)], pa.date32()),
            "far": [(-1) ** row * (2**63 - 1 - row) for row in range(rows)],
            "few": [row % 7 for row in range(rows)],
            "supplier": [f"S{(row * row + row) % 5003}" for row in range(rows)],
            "text": [f"text {row}" for row in range(rows)],
        }
    )
    write_part(table, tmp_path, "p.parquet")
    assert read_part(tmp_path / "p.parquet").equals(table)
    group = pq.read_metadata(tmp_path / "p.parquet").row_group(0)
    written = {
        column.path_in_schema: "dictionary" if column.has_dictionary_page else sorted({*column.encodings} - {"RLE"})
        for column in map(group.column, range(group.num_columns))
    }
    assert written == {
        "number": ["DELTA_BINARY_PACKED"],
        "day": ["DELTA_BINARY_PACKED"],
        "far": ["DELTA_BINARY_PACKED"],
        "few": "dictionary",
        "supplier": "dictionary",
        "text": ["PLAIN"],
    }


def test_a_flipped_bit_in_a_page_is_seen(tmp_path: Path) -> None:
    write_part(pa.table({"s": [f"text {i}" for i in range(5000)]}), tmp_path, "p.parquet")
    path = tmp_path / "p.parquet"
    column = pq.read_metadata(path).row_group(0).column(0)
    data = bytearray(path.read_bytes())
    for place in range(100, column.total_compressed_size, 997):
        flipped = data.copy()
        flipped[column.data_page_offset + place] ^= 1
        path.write_bytes(flipped)
        with pytest.raises(IntegrityError, match=r"the part p\.parquet cannot be read"):
            read_part(path)


def test_a_missing_part_is_an_integrity_error(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match=r"no\.parquet"):
        read_part(tmp_path / "no.parquet")


def test_statistics_are_json_and_are_left_out_where_they_could_mislead(tmp_path: Path) -> None:
    table = pa.table(
        {
            "day": [date(2013, 1, 2), date(2013, 1, 1)],
            "at": pa.array([datetime(2013, 1, 1, 5, tzinfo=UTC), None], pa.timestamp("us", "UTC")),
            "d": pa.array([Decimal("1.50"), None], pa.decimal128(5, 2)),
            "nan": [1.0, float("nan")],
            "inf": [1.0, float("inf")],
            "f": [2.5, -1.0],
            "b": [True, False],
            "long": ["x" * 65, "y"],
            "empty": pa.array([None, None], pa.int64()),
        }
    )
    assert write_part(table, tmp_path, "p.parquet").stats == {
        "day": ["2013-01-01", "2013-01-02", 0],
        "at": ["2013-01-01T05:00:00+00:00", "2013-01-01T05:00:00+00:00", 1],
        "d": ["1.50", "1.50", 1],
        "nan": [None, None, 0],
        "inf": [None, None, 0],
        "f": [-1.0, 2.5, 0],
        "b": [None, None, 0],
        "long": [None, None, 0],
        "empty": [None, None, 2],
    }


def test_a_schema_survives_as_text() -> None:
    types: dict[str, pa.DataType] = {"d": pa.decimal128(5, 2), "at": pa.timestamp("us", "UTC")}
    schema = pa.schema([*pa.schema(types), *SYSTEM_FIELDS])
    assert schema_from_text(schema_to_text(schema)) == schema


def test_a_stem_carries_batch_generation_chunk_epoch_and_token() -> None:
    assert part_stem("0123456789abcdef", 2, 7, 3, "a1b2c3") == "01234567-g2-c00007-e3-a1b2c3"


def test_allowed_values_are_distinct_over_all_files_and_without_null(tmp_path: Path) -> None:
    write_part(pa.table({"c": ["UA", "AA", None], "other": [1, 2, 3]}), tmp_path, "1.parquet")
    write_part(pa.table({"c": ["AA", "B6"]}), tmp_path, "2.parquet")
    load = loader({"airlines.c": {"files": ["1.parquet", "2.parquet"], "column": "c"}}, tmp_path)
    assert sorted(load("airlines.c").to_pylist()) == ["AA", "B6", "UA"]


def test_allowed_values_stay_in_the_process(tmp_path: Path) -> None:
    write_part(pa.table({"c": ["UA"]}), tmp_path, "1.parquet")
    pinned = {"airlines.c": {"files": ["1.parquet"], "column": "c"}}
    first = loader(pinned, tmp_path)("airlines.c")
    (tmp_path / "1.parquet").unlink()
    assert loader(pinned, tmp_path)("airlines.c") is first


def test_an_empty_table_allows_nothing_and_an_unpinned_one_is_an_integrity_error(tmp_path: Path) -> None:
    load = loader({"a.b": {"files": [], "column": "b"}}, tmp_path)
    assert len(load("a.b")) == 0
    with pytest.raises(IntegrityError, match=r"pins no version of c\.d"):
        load("c.d")


def test_the_cache_forgets_the_least_recently_used_first_and_never_the_newest() -> None:
    cache = _Cache(max_bytes=20)
    loads: list[str] = []

    def load(name: str, size: int) -> Any:
        loads.append(name)
        return pa.array(range(size))

    def get(name: str, size: int) -> None:
        cache.get(((name,), "c"), lambda: load(name, size))

    get("a", 1)
    get("b", 1)
    get("a", 1)
    get("c", 1)  # forgets b
    get("a", 1)
    get("b", 1)
    get("huge", 1000)
    get("huge", 1000)
    assert loads == ["a", "b", "c", "b", "huge"]
