"""Where keys can occur twice, by the ends of parts: never too little, and nothing where parts do not meet."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from batch_pipelines.core.model import Chunk, ChunkResult, ChunkState
from batch_pipelines.processing.settling.contested import contested_ranges


def chunk(low: Any, high: Any, *, nulls: int = 0, rows: int = 9, unique: bool = True) -> Chunk:
    detail = {"part": {"rows": rows, "stats": {"id": [low, high, nulls]}}, "unique": unique}
    result = ChunkResult(rows, 0, 0, 0, detail)
    return Chunk(1, 0, ChunkState.DONE, 1, rows, {}, 0, 0, 0, result, None, None, None)


def test_parts_that_do_not_meet_share_nothing() -> None:
    assert contested_ranges([chunk(5, 9), chunk(1, 4), chunk(10, 10)], "id") == []
    assert contested_ranges([chunk("a", "b"), chunk("c", "d")], "id") == []
    assert contested_ranges([], "id") == []


def test_parts_that_meet_share_what_lies_in_both() -> None:
    assert contested_ranges([chunk(1, 4), chunk(4, 9), chunk(8, 20), chunk(30, 40)], "id") == [(4, 4), (8, 9)]
    assert contested_ranges([chunk(1, 20), chunk(3, 5), chunk(5, 7), chunk(12, 30)], "id") == [(3, 7), (12, 20)]


def test_a_part_without_any_key_shares_nothing() -> None:
    assert contested_ranges([chunk(1, 4), chunk(None, None, nulls=9)], "id") == []


def test_nothing_is_said_where_a_part_says_too_little() -> None:
    assert contested_ranges([chunk(1, 2), chunk(3, 4, unique=False)], "id") is None
    assert contested_ranges([chunk(1, 2), chunk(None, None, nulls=2)], "id") is None
    assert contested_ranges([chunk(1, 2)], "name") is None


@given(st.lists(st.sets(st.integers(0, 60), min_size=1, max_size=6), max_size=8))
def test_every_key_of_two_parts_is_in_a_range_and_ranges_lie_in_two_parts(parts: list[set[int]]) -> None:
    found = contested_ranges([chunk(min(keys), max(keys)) for keys in parts], "id")
    assert found is not None
    inside = {key for low, high in found for key in range(low, high + 1)}
    for key in range(61):
        assert (key in inside) == (sum(min(keys) <= key <= max(keys) for keys in parts) > 1)
