"""CSV: a record is what stands between line ends outside of quotes; its content is its bytes without the line end.

What must not live here: the grammar (csv_records.py), cutting (csv_plan.py), splitting into cells (csv_tokens.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from batch_pipelines.core.model import ChunkPlan, Json
from batch_pipelines.processing.declaration.model import DatasetDeclaration
from batch_pipelines.processing.sources.caps import Caps
from batch_pipelines.processing.sources.csv_plan import plan_csv, split_csv
from batch_pipelines.processing.sources.csv_read import infer_columns, read_chunk_bytes, read_csv_rows, reread_records
from batch_pipelines.processing.sources.csv_records import Dialect, scan
from batch_pipelines.processing.sources.files import SourceFile
from batch_pipelines.processing.sources.reading import Places, PlanFor, RawRows, SourcePlan
from batch_pipelines.processing.sources.text_content import TextContent


@dataclass(frozen=True, slots=True)
class CsvFormat:
    """See `Format`.

    Attributes:
        dialect: How the files are written.
        header: Whether the first record names the columns.
        encoding: Of the text.
        nulls: Cells that mean null, besides the empty one.
        caps: What a file may cost.
    """

    dialect: Dialect
    header: bool
    encoding: str
    nulls: tuple[str, ...]
    caps: Caps = field(default_factory=Caps)

    @classmethod
    def of(cls, declaration: DatasetDeclaration) -> Self:
        """The CSV of a dataset."""
        csv = declaration.csv
        dialect = Dialect(delimiter=csv.delimiter.encode(), quote=csv.quote.encode() if csv.quote else None)
        return cls(dialect, csv.header, csv.encoding, tuple(declaration.nulls))

    def plan(self, file: SourceFile, wanted: PlanFor) -> SourcePlan:
        """See `Format`."""
        return plan_csv(
            file.path,
            file.name,
            dialect=self.dialect,
            header=self.header,
            encoding=self.encoding,
            chunk_bytes=wanted.chunk_bytes,
            caps=self.caps,
            staging_dir=wanted.staging_dir,
            home=wanted.home,
        )

    def looks(self, file: SourceFile, wanted: PlanFor) -> dict[str, str]:
        """See `Format`."""
        del wanted
        return infer_columns(file.path, self.dialect, self.encoding, self.caps, nulls=self.nulls, source=file.name)

    def load(self, payload: Json, home: Path) -> "CsvContent":
        """See `Format`."""
        data = read_chunk_bytes(payload, home)
        return CsvContent(payload, data, scan(data, self.dialect, final=True)[0], self)

    def split(self, payload: Json, items: int, home: Path) -> tuple[ChunkPlan, ChunkPlan] | None:
        """See `Format`."""
        return split_csv(payload, items, self.dialect, home)

    def reread(self, raws: Sequence[bytes], places: Places, header: Sequence[str], *, source: str) -> RawRows:
        """See `Format`."""
        del source
        return reread_records(raws, places, header, dialect=self.dialect, nulls=self.nulls, caps=self.caps)


@dataclass(frozen=True, slots=True)
class CsvContent(TextContent):
    """See `Content`: the bytes of a chunk, and the records in them."""

    format: CsvFormat

    def rows(self, header: Sequence[str]) -> RawRows:
        """See `Content`."""
        said = self.format
        return read_csv_rows(
            self.data,
            self.payload,
            header,
            dialect=said.dialect,
            nulls=said.nulls,
            caps=said.caps,
            records=self.records,
        )
