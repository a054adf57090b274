"""XLSX: a record is a row of the sheet that is not empty; its content is the row as JSON, all cells texts.

A workbook cannot be read in pieces: its sheet is staged once as Parquet (xlsx_staging.py), which is read instead.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
from pyarrow import compute

from batch_pipelines.core.model import ChunkPlan, Json
from batch_pipelines.processing.declaration.columns import Column
from batch_pipelines.processing.declaration.model import DatasetDeclaration
from batch_pipelines.processing.declaration.options import XlsxOptions
from batch_pipelines.processing.sources.caps import Caps
from batch_pipelines.processing.sources.csv_types import infer_type
from batch_pipelines.processing.sources.files import SourceFile
from batch_pipelines.processing.sources.formats.parquet import ParquetContent, ParquetFormat
from batch_pipelines.processing.sources.parquet_file import batches, opened
from batch_pipelines.processing.sources.parquet_plan import plan_parquet
from batch_pipelines.processing.sources.reading import Ints, Places, PlanFor, RawRows, SourcePlan, StructuralReject
from batch_pipelines.processing.sources.typed_cells import null_texts, texts_of
from batch_pipelines.processing.sources.xlsx_grid import FAULT, ROW
from batch_pipelines.processing.sources.xlsx_rows import MOST_ROWS
from batch_pipelines.processing.sources.xlsx_staging import StagedSheet, stage_sheet

pc: Any = compute  # its stubs know a function by the types of its values

SAMPLE_ROWS = 5000
_HELPERS = {ROW: Column(type="int"), FAULT: Column(type="string")}


@dataclass(frozen=True, slots=True)
class XlsxFormat:
    """See `Format`.

    Attributes:
        options: Which sheet, which header.
        columns: The declared columns, none where they are inferred.
        nulls: Texts that mean null, besides the empty one.
        caps: What a workbook may cost.
    """

    options: XlsxOptions
    columns: Mapping[str, Column]
    nulls: frozenset[str]
    caps: Caps = field(default_factory=Caps)

    @classmethod
    def of(cls, declaration: DatasetDeclaration) -> Self:
        """The workbooks of a dataset."""
        return cls(declaration.xlsx, declaration.columns or {}, frozenset(declaration.nulls))

    def plan(self, file: SourceFile, wanted: PlanFor) -> SourcePlan:
        """See `Format`."""
        staged = self._staged(file, wanted)
        plan = plan_parquet(staged.path, file.name, wanted, {}, self.caps, most_rows=MOST_ROWS)
        found = replace(plan, columns=staged.columns, blank_lines=staged.blank_lines, sha256=staged.sha256)
        return replace(found, staged=str(staged.path))

    def looks(self, file: SourceFile, wanted: PlanFor) -> dict[str, str]:
        """See `Format`."""
        staged = self._staged(file, wanted)
        if not staged.columns:
            return {}
        with opened(staged.path, file.name, self.caps) as parquet:
            groups = range(parquet.metadata.num_row_groups)
            rows = pa.Table.from_batches(batches(parquet, groups, 0, SAMPLE_ROWS), parquet.schema_arrow)
        return {name: self._guess(rows.column(name).combine_chunks()) for name in staged.columns}

    def load(self, payload: Json, home: Path) -> "XlsxContent":
        """See `Format`."""
        return XlsxContent(self._parquet().load(payload, home), self.nulls)

    def split(self, payload: Json, items: int, home: Path) -> tuple[ChunkPlan, ChunkPlan] | None:
        """See `Format`."""
        return self._parquet().split(payload, items, home)

    def reread(self, raws: Sequence[bytes], places: Places, header: Sequence[str], *, source: str) -> RawRows:
        """See `Format`: they are JSON. A corrected cell is a correction of its formula, too."""
        return self._parquet().reread(raws, places, header, source=source)

    def _guess(self, texts: Any) -> str:
        cells = null_texts(texts_of(texts), self.nulls)
        column: Any = pa.chunked_array([cells])
        kind = infer_type(column)
        if kind != "string":
            return kind
        column = pc.replace_substring_regex(column, r"^([0-9]{4}-[0-9]{2}-[0-9]{2})$", rb"\1 00:00:00")
        return infer_type(column)  # moments, some of them at midnight

    def _parquet(self) -> ParquetFormat:
        """The format of what is staged."""
        return ParquetFormat({**self.columns, **_HELPERS}, self.nulls, self.caps)

    def _staged(self, file: SourceFile, wanted: PlanFor) -> StagedSheet:
        return stage_sheet(file, self.options, wanted.staging_dir)


@dataclass(frozen=True, slots=True)
class XlsxContent:
    """See `Content`: rows of what is staged."""

    inner: ParquetContent
    nulls: frozenset[str]

    def places(self) -> Places:
        """See `Content`."""
        return Places(self.inner.column(ROW).to_numpy(), self.inner.places().offset)

    def rows(self, header: Sequence[str]) -> RawRows:
        """See `Content`."""
        read = self.inner.rows([*header, ROW, FAULT])
        table, line = read.table, read.table.column(ROW).to_numpy()
        faults = table.column(FAULT).combine_chunks()
        bad = np.flatnonzero(faults.is_valid())
        structural = [StructuralReject(int(row), "formula", faults[int(row)].as_py().decode()) for row in bad]
        table = table.drop_columns([ROW, FAULT])
        if not len(bad):
            return RawRows(table, read.record, line, read.offset, [])
        good = np.ones(len(line), np.bool_)
        good[bad] = False
        return RawRows(table.filter(pa.array(good)), read.record[good], line, read.offset, structural)

    def raw(self, records: Ints) -> list[bytes]:
        """See `Content`."""
        return self.inner.raw(records, without=(ROW, FAULT))
