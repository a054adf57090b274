"""Parquet: chunks are row groups, or slices of them; page sizes are known before anything is unpacked."""

import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from batch_pipelines.core.errors import InputError
from batch_pipelines.processing.declaration.model import DatasetDeclaration
from batch_pipelines.processing.sources.caps import Caps
from batch_pipelines.processing.sources.files import SourceFile
from batch_pipelines.processing.sources.formats.registry import format_of
from batch_pipelines.processing.sources.parquet_pages import refuse_large_pages
from batch_pipelines.processing.sources.reading import PlanFor, SourcePlan
from batch_pipelines_tests.processing.sources.formats.written import parquet

TABLE = pa.table({"id": pa.array(range(10_000)), "name": pa.array([f"n{number % 90}" for number in range(10_000)])})
DECLARATION = DatasetDeclaration.model_validate(
    {"name": "shop", "source": "in.parquet", "columns": {"id": "int", "name": "string"}}
)


def plan(folder: Path, content: bytes, chunk_bytes: int) -> SourcePlan:
    (folder / "in.parquet").write_bytes(content)
    file = SourceFile("in.parquet", folder / "in.parquet")
    return format_of(DECLARATION).plan(file, PlanFor(chunk_bytes, folder, folder))


def spans(found: SourcePlan) -> list[tuple[list[int], int, int]]:
    return [(each.payload["groups"], each.payload["start"], each.payload["end"]) for each in found.chunks]


def test_small_row_groups_go_together_and_large_ones_are_sliced(tmp_path: Path) -> None:
    content = parquet(TABLE, row_group_size=1000)
    assert spans(plan(tmp_path, content, 1 << 24)) == [([0, 10], 0, 10_000)]
    size = pq.ParquetFile(io.BytesIO(content)).metadata.row_group(0).total_byte_size
    together = plan(tmp_path, content, 3 * size + size // 2)
    assert spans(together) == [([0, 3], 0, 3000), ([3, 6], 3000, 6000), ([6, 9], 6000, 9000), ([9, 10], 9000, 10_000)]
    sliced = plan(tmp_path, parquet(TABLE), 30_000)
    assert {tuple(each.payload["groups"]) for each in sliced.chunks} == {(0, 1)}
    assert len(sliced.chunks) > 2
    ids = [
        number
        for chunk in sliced.chunks
        for number in format_of(DECLARATION).load(chunk.payload, tmp_path).rows(["id", "name"]).table["id"].to_pylist()
    ]
    assert ids == list(range(10_000))


def test_only_the_raw_content_of_rows_that_are_asked_for_is_made(tmp_path: Path) -> None:
    found = plan(tmp_path, parquet(TABLE, row_group_size=3000), 1 << 24)
    content = format_of(DECLARATION).load(found.chunks[0].payload, tmp_path)
    raw = content.raw(pa.array([0, 4999, 9999]).to_numpy())
    assert raw == [b'{"id":0,"name":"n0"}', b'{"id":4999,"name":"n49"}', b'{"id":9999,"name":"n9"}']


@pytest.mark.parametrize("codec", ["none", "snappy", "gzip", "zstd", "brotli", "lz4"])
@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_every_page_of_a_sound_file_is_known_for_one(tmp_path: Path, codec: str, version: str) -> None:
    options = {"compression": codec, "data_page_version": version, "data_page_size": 5000, "write_page_index": True}
    content = parquet(TABLE, row_group_size=4000, **options)
    assert plan(tmp_path, content, 1 << 24).items == 10_000
    group = pq.ParquetFile(io.BytesIO(content)).metadata.row_group(0).column(0)
    start = group.dictionary_page_offset or group.data_page_offset
    ranges = [(start, start + group.total_compressed_size)]
    refuse_large_pages(tmp_path / "in.parquet", "in.parquet", ranges, Caps())
    with pytest.raises(InputError, match=r"a page has .* bytes, at most 1,000 are read"):
        refuse_large_pages(tmp_path / "in.parquet", "in.parquet", ranges, Caps(page=1000))


def test_an_empty_file_has_columns_and_no_chunks(tmp_path: Path) -> None:
    found = plan(tmp_path, parquet(TABLE.slice(0, 0)), 1 << 24)
    assert (found.columns, found.chunks, found.items) == (["id", "name"], [], 0)
