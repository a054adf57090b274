"""When is a file whole? Two looks, nobody writing, every file of its partition."""

import json
from pathlib import Path

import pytest

from batch_pipelines.components.dataset.file_watch import GROWING, MAX_REMEMBERED, OPEN, Look, Sighting, look


def nobody(_path: Path) -> bool:
    return False


def sighting(name: str = "a.csv", *, size: int = 10, mtime_ns: int = 1, partition: str = "p") -> Sighting:
    return Sighting(Path("/nowhere") / name, name, partition, size, mtime_ns)


def looks(*rounds: list[Sighting], limit: int = 10) -> list[Look]:
    found: list[Look] = []
    for seen in rounds:
        found.append(look(found[-1].cursor if found else None, seen, nobody, limit=limit))
    return found


def delivered(found: list[Look]) -> list[list[str]]:
    return [[name for each in one.deliveries for name in each.names] for one in found]


def test_a_file_is_delivered_at_the_second_look_and_never_again() -> None:
    assert delivered(looks(*[[sighting()]] * 4)) == [[], ["a.csv"], [], []]


@pytest.mark.parametrize("changed", [sighting(size=11), sighting(mtime_ns=2)])
def test_a_file_that_changes_between_looks_waits(changed: Sighting) -> None:
    found = looks([sighting()], [changed], [changed])
    assert delivered(found) == [[], [], ["a.csv"]]
    assert found[1].waiting == {"a.csv": GROWING}


def test_a_file_that_is_open_for_writing_waits() -> None:
    first = look(None, [sighting()], nobody, limit=1)
    second = look(first.cursor, [sighting()], lambda _path: True, limit=1)
    assert (second.deliveries, second.waiting) == ([], {"a.csv": OPEN})
    assert len(look(second.cursor, [sighting()], nobody, limit=1).deliveries) == 1


def test_a_file_that_changed_later_is_delivered_again_with_another_fingerprint() -> None:
    found = looks([sighting()], [sighting()], [sighting(mtime_ns=5)], [sighting(mtime_ns=5)])
    assert delivered(found) == [[], ["a.csv"], [], ["a.csv"]]
    assert found[1].deliveries[0].fingerprint != found[3].deliveries[0].fingerprint


def test_a_file_that_was_taken_away_and_comes_back_as_it_was_has_the_same_fingerprint() -> None:
    found = looks([sighting()], [sighting()], [], [sighting()], [sighting()])
    assert found[1].deliveries[0].fingerprint == found[4].deliveries[0].fingerprint


def test_a_partition_waits_for_all_its_files() -> None:
    whole, moving = sighting("a.csv"), sighting("b.csv")
    found = looks([whole, moving], [whole, sighting("b.csv", size=20)], [whole, sighting("b.csv", size=20)])
    assert delivered(found) == [[], [], ["a.csv", "b.csv"]]


def test_another_partition_does_not_wait() -> None:
    found = looks(
        [sighting("a.csv"), sighting("b.csv", partition="q")],
        [sighting("a.csv"), sighting("b.csv", size=20, partition="q")],
    )
    assert delivered(found)[1] == ["a.csv"]


def test_deliveries_beyond_the_limit_come_with_the_next_looks() -> None:
    files = [sighting(f"{number}.csv", partition=str(number)) for number in range(5)]
    assert [len(names) for names in delivered(looks(*[files] * 5, limit=2))] == [0, 2, 2, 1, 0]


@pytest.mark.parametrize("cursor", ["", "nonsense", "[]", '{"files": 1}', '{"files": {"a.csv": [1]}}'])
def test_a_cursor_that_cannot_be_read_is_begun_anew(cursor: str) -> None:
    assert look(cursor, [sighting()], nobody, limit=1).waiting == {"a.csv": GROWING}


def test_the_cursor_forgets_files_that_are_gone_and_does_not_grow_without_end() -> None:
    files = [sighting(f"{number}.csv", mtime_ns=number, partition=str(number)) for number in range(MAX_REMEMBERED + 5)]
    full, empty = looks(files, [])
    remembered = json.loads(full.cursor)["files"]
    assert len(remembered) == MAX_REMEMBERED
    assert "0.csv" not in remembered
    assert json.loads(empty.cursor)["files"] == {}
