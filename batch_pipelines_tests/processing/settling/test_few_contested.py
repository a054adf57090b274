"""Few rows that can share a key are read by themselves: the same duplicates are found as among all rows."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batch_pipelines.lake.parts import write_part
from batch_pipelines.processing.settling import few_contested as module
from batch_pipelines.processing.settling.contest import Loser, contest_of
from batch_pipelines.processing.settling.contested import Range
from batch_pipelines.processing.settling.few_contested import few_contested

FIELDS: "list[pa.Field[Any]]" = [
    *(pa.field(name, pa.int64()) for name in ("id", "_line", "_offset")),
    *(pa.field(name, pa.string()) for name in ("name", "_source")),
]
Row = tuple[int | None, str]


def write(folder: Path, parts: list[list[Row]]) -> list[str]:
    names, line = [], 0
    for number, rows in enumerate(parts):
        table = pa.table(
            {
                "id": [key for key, _ in rows],
                "_line": list(range(line, line + len(rows))),
                "_offset": list(range(10 * line, 10 * (line + len(rows)), 10)),
                "name": [name for _, name in rows],
                "_source": ["a.csv"] * len(rows),
            },
            schema=pa.schema(FIELDS),
        )
        line += len(rows)
        names.append(write_part(table, folder, f"{number}.parquet").name)
    return names


def all_losers(folder: Path, parts: list[str], ranges: list[Range] | None) -> dict[str, list[Loser]]:
    with contest_of(folder, parts, [], ["id", "name"], folder, ranges) as contest:
        return {path: contest.losers(path) for path in contest.touched()}


def shared(parts: list[list[Row]]) -> list[Range]:
    """Every key of two parts, as a range of its own."""
    keys = [{key for key, _ in rows if key is not None} for rows in parts]
    return [(key, key) for key in range(9) if sum(key in some for some in keys) > 1]


ROWS = st.lists(st.tuples(st.integers(0, 8) | st.none(), st.sampled_from("ab")), min_size=1, max_size=6, unique=True)


@settings(max_examples=15, deadline=None)
@given(st.lists(ROWS, min_size=1, max_size=4))
def test_the_same_rows_lose_to_the_same_as_when_all_are_read(
    tmp_path_factory: pytest.TempPathFactory, parts: list[list[Row]]
) -> None:
    folder = tmp_path_factory.mktemp("parts")
    names = write(folder, parts)
    assert all_losers(folder, names, shared(parts)) == all_losers(folder, names, None)


def test_only_rows_within_the_ranges_are_read(tmp_path: Path) -> None:
    names = write(tmp_path, [[(1, "a"), (4, "b"), (None, "c")], [(4, "c"), (9, "d")], [(20, "e")]])
    few = few_contested(tmp_path, names, ["id", "name"], [(4, 5), (9, 9)])
    assert few is not None
    assert [(row["id"], row["_line"], Path(row["__part"]).name) for row in few.to_pylist()] == [
        (4, 1, "0.parquet"),
        (4, 3, "1.parquet"),
        (9, 4, "1.parquet"),
    ]


def test_many_rows_or_ranges_are_left_to_the_engine_that_goes_to_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = write(tmp_path, [[(key, "a") for key in range(9)], [(key, "b") for key in range(9)]])
    assert few_contested(tmp_path, names, ["id"], [(0, 1), (8, 8)]) is not None
    monkeypatch.setattr(module, "MOST_RANGES", 1)
    assert few_contested(tmp_path, names, ["id"], [(0, 1), (8, 8)]) is None
    monkeypatch.setattr(module, "FEW_ROWS", 17)
    assert few_contested(tmp_path, names, ["id"], [(0, 8)]) is None
