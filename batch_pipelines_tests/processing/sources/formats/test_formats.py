"""What all formats promise: exact counts, true places, content that can be read again alone."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from batch_pipelines.core.errors import SourceChanged
from batch_pipelines.core.model import ChunkPlan
from batch_pipelines.processing.declaration.model import DatasetDeclaration
from batch_pipelines.processing.rows.casts import cast_columns
from batch_pipelines.processing.sources.files import SourceFile
from batch_pipelines.processing.sources.formats.registry import format_of
from batch_pipelines.processing.sources.reading import Places, PlanFor, RawRows, SourcePlan
from batch_pipelines_tests.processing.sources.formats.written import FORMATS, written

COLUMNS = {"id": "int", "name": "string", "ratio": "float", "ok": "bool", "day": "date", "at": "timestamp"}
ROWS = 700
RECORDS: list[dict[str, Any]] = [
    {
        "id": None if number % 11 == 0 else number * 1_000_003,
        "name": ['Ärger, "Ulm"', "plain", "007", None, "a\tb"][number % 5],
        "ratio": None if number % 7 == 0 else number / 8,
        "ok": None if number % 5 == 0 else number % 2 == 0,
        "day": None if number % 13 == 0 else date(2013, 1 + number % 12, 1 + number % 28),
        "at": None if number % 17 == 0 else datetime(2013, 1, 1 + number % 28, number % 24, 0, 7),  # noqa: DTZ001
    }
    for number in range(ROWS)
]
for _empty in RECORDS[::55]:
    _empty["name"] = "never an empty row"


@dataclass(frozen=True)
class Bench:
    """One file of one format, planned."""

    home: Path
    kind: str
    declaration: DatasetDeclaration
    file: SourceFile

    def plan(self, chunk_bytes: int = 4096) -> SourcePlan:
        return format_of(self.declaration).plan(self.file, PlanFor(chunk_bytes, self.home / "staging", self.home))

    def rows(self, chunk: ChunkPlan, plan: SourcePlan) -> RawRows:
        header = list(COLUMNS) if plan.columns is None else plan.columns
        return format_of(self.declaration).load(chunk.payload, self.home).rows(header)

    def typed(self, raw: RawRows) -> pa.Table:
        table, rejects = cast_columns(raw.table, self.declaration.columns or {})
        assert not len(rejects)
        return table


@pytest.fixture(params=FORMATS)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Bench:
    """The same records, in each format."""
    kind = request.param
    path = tmp_path / f"in.{kind}"
    path.write_bytes(written(kind, RECORDS, COLUMNS))
    declaration = DatasetDeclaration.model_validate({"name": "shop", "source": path.name, "columns": COLUMNS})
    return Bench(tmp_path, kind, declaration, SourceFile(path.name, path))


def expected() -> list[dict[str, Any]]:
    return [{**each, "at": each["at"] and each["at"].replace(tzinfo=UTC)} for each in RECORDS]


def test_chunks_of_any_size_hold_every_record_once_at_its_place(bench: Bench) -> None:
    for chunk_bytes in (1, 4096, 1 << 24):
        plan = bench.plan(chunk_bytes)
        read = [bench.rows(chunk, plan) for chunk in plan.chunks]
        assert [len(each.line) for each in read] == [chunk.items for chunk in plan.chunks]
        assert plan.items == sum(chunk.items for chunk in plan.chunks) == ROWS
        assert pa.concat_tables([bench.typed(each) for each in read]).to_pylist() == expected()
        lines = np.concatenate([each.line for each in read])
        assert lines.tolist() == list(range(1, ROWS + 1) if bench.kind in ("jsonl", "parquet") else range(2, ROWS + 2))
        offsets = np.concatenate([each.offset for each in read])
        assert (np.diff(offsets) > 0).all()
        firsts = [chunk.payload["first_record"] for chunk in plan.chunks]
        assert firsts == (np.cumsum([0, *(chunk.items for chunk in plan.chunks)])[:-1] + 1).tolist()


def test_the_same_file_gives_the_same_plan(bench: Bench) -> None:
    assert bench.plan() == bench.plan()


def test_what_a_dead_letter_keeps_is_read_again_as_it_was(bench: Bench) -> None:
    plan = bench.plan()
    for chunk in plan.chunks[:3]:
        content = format_of(bench.declaration).load(chunk.payload, bench.home)
        header = list(COLUMNS) if plan.columns is None else plan.columns
        whole, some = content.rows(header), np.arange(0, chunk.items, 3)
        places = Places(whole.line[some], whole.offset[some])
        again = format_of(bench.declaration).reread(content.raw(some), places, header, source="in")
        assert again.structural == []
        assert again.record.tolist() == list(range(len(some)))
        assert again.line.tolist() == whole.line[some].tolist()
        assert bench.typed(again).equals(bench.typed(whole).take(some))


def test_a_chunk_is_bisected_down_to_single_records(bench: Bench) -> None:
    plan = bench.plan(1 << 24)
    (chunk,) = plan.chunks
    said = format_of(bench.declaration)
    todo, ends = [chunk], []
    while todo:
        each = todo.pop()
        halves = said.split(each.payload, each.items, bench.home) if each.items > ROWS // 8 else None
        todo += reversed(halves or ())
        if halves is None:
            ends.append(each)
        else:
            assert sum(half.items for half in halves) == each.items
    assert pa.concat_tables([bench.typed(bench.rows(each, plan)) for each in ends]).to_pylist() == expected()
    last = ends[-1]
    while (halves := said.split(last.payload, last.items, bench.home)) is not None:
        last = halves[1]
    assert last.items == 1
    assert bench.typed(bench.rows(last, plan)).to_pylist() == expected()[-1:]


def test_a_file_that_is_written_into_is_noticed(bench: Bench) -> None:
    plan = bench.plan(1 << 24)
    payload = plan.chunks[0].payload
    path = bench.home / payload["path"]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(SourceChanged):
        format_of(bench.declaration).load(payload, bench.home)
    path.unlink()
    with pytest.raises(SourceChanged, match="cannot be read any more"):
        format_of(bench.declaration).load(payload, bench.home)


def test_columns_are_guessed_where_none_are_declared(bench: Bench) -> None:
    looks = format_of(bench.declaration).looks(bench.file, PlanFor(1 << 24, bench.home / "staging", bench.home))
    assert looks == COLUMNS


def test_texts_that_mean_null_are_null_in_every_format(bench: Bench) -> None:
    declared = {"name": "shop", "source": bench.file.name, "columns": COLUMNS, "nulls": ["plain", "007"]}
    other = Bench(bench.home, bench.kind, DatasetDeclaration.model_validate(declared), bench.file)
    plan = other.plan(1 << 24)
    names = other.typed(other.rows(plan.chunks[0], plan)).column("name").to_pylist()
    assert names == [None if each["name"] in ("plain", "007") else each["name"] for each in RECORDS]
