"""Rubbish in: nothing is lost, nothing is made up, and whoever is turned away is told why. For any bytes."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batch_pipelines.processing.pipeline import Overrides
from batch_pipelines.processing.sources.csv_records import Dialect
from batch_pipelines_tests.processing.conftest import quick_folder
from batch_pipelines_tests.processing.datasets import Project
from batch_pipelines_tests.processing.sources.csv_oracle import expected_records

SHOP = """
source: in/shop.csv
key: id
nulls: [NA]
columns:
  id: {type: int, required: true, max: 99}
  city: {type: string, enum: [a, b, "a,b", "a\\nb"]}
  day: date
derive: {half: 10 / id}
where: id <> 7
"""
HEADER = b"id,city,day\n"
CELLS = [
    b"1",
    b"2",
    b"7",
    b"0",
    b"x",
    b"",
    b"NA",
    b"a",
    b"b",
    b'"a,b"',
    b'"a\nb"',
    b'"',
    b'""',
    b"2013-01-31",
    b"\xff",
    b"\0",
    b"'",
]
SPICE = st.sampled_from(
    [b'"', b",", b"\n", b"\r", b"\r\n", b"\0", b"\xff", b"\xef\xbb\xbf", b";", b" ", b"0", b"-", b"e9"]
)


@st.composite
def csv_bytes(draw: st.DrawFn) -> bytes:
    """A small file, mostly as it should be, with some bytes put in, taken out or doubled."""
    row = st.lists(st.sampled_from(CELLS), min_size=2, max_size=4).map(b",".join)
    whole = st.tuples(st.integers(0, 9), st.sampled_from([b"a", b"b", b'"a,b"']), st.just(b"2013-01-31"))
    good = whole.map(lambda cells: b"%d,%b,%b" % cells)
    rows = draw(st.lists(st.one_of(good, good, row), max_size=8))
    end = draw(st.sampled_from([b"\n", b"\n", b"\r\n"]))
    data = HEADER + end.join(rows) + draw(st.sampled_from([b"", end]))
    for _ in range(draw(st.integers(0, 3))):
        low = draw(st.sampled_from([0, len(HEADER), len(HEADER)]))
        place = draw(st.integers(min(low, len(data)), len(data)))
        taken = draw(st.integers(0, 2))
        data = data[:place] + draw(SPICE) + data[place + taken :]
    return data


@pytest.fixture(scope="module")
def module_project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with quick_folder(tmp_path_factory.mktemp("conservation")) as folder:
        (folder / "home" / "data").mkdir(parents=True)
        project = Project(folder / "home")
        project.declare("shop", SHOP)
        yield project
        project.processing.close()


@given(csv_bytes(), st.sampled_from([1, 9, 64, 10_000]))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_record_is_written_filtered_or_a_dead_letter(
    module_project: Project, data: bytes, chunk_size: int
) -> None:
    project = module_project
    project.write("in/shop.csv", data)
    planning = project.plan("shop", overrides=Overrides(chunk_size=chunk_size), force=True)
    if planning.problems:
        assert planning.problems["all"].startswith("in/shop.csv:")
        assert planning.batch_ids == []
        return
    (report,) = project.work(planning)
    assert report.ok, report.message
    counts, rows, dead = report.counts, project.table("shop"), project.dead("shop")
    assert counts.items == counts.written + counts.filtered + counts.dead
    assert (len(rows), len(dead)) == (counts.written, counts.dead)
    bom = 3 if data.startswith(b"\xef\xbb\xbf") else 0
    expected = {each.start + bom: each.line + 1 for each in expected_records(data[bom:], Dialect())[1:]}
    assert counts.items == len(expected)
    places = {row["_offset"]: row["_line"] for row in rows} | {each["offset"]: each["line"] for each in dead}
    assert len(places) == len(rows) + len(dead)
    assert places.items() <= expected.items()
    for letter in dead:
        assert data[letter["offset"] :].startswith(letter["raw"])
        assert letter["reasons"]
        assert all(each["rule"] and each["message"] for each in letter["reasons"])
    ids = [row["id"] for row in rows]
    assert len(set(ids)) == len(ids)
    assert 7 not in ids
