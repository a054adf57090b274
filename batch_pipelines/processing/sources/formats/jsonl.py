"""JSON Lines: a record is a line, which is an object; its content is the whole line.

What must not live here: reading objects (json_lines.py), cutting at line ends (csv_plan.py, which a file without
quotes shares).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from batch_pipelines.core.model import ChunkPlan, Json
from batch_pipelines.processing.declaration.model import DatasetDeclaration
from batch_pipelines.processing.sources.caps import Caps
from batch_pipelines.processing.sources.csv_plan import plan_csv, split_csv
from batch_pipelines.processing.sources.csv_read import read_chunk_bytes
from batch_pipelines.processing.sources.csv_records import Dialect, scan
from batch_pipelines.processing.sources.files import SourceFile
from batch_pipelines.processing.sources.json_lines import read_json_rows, reread_json
from batch_pipelines.processing.sources.json_records import Wanted, infer
from batch_pipelines.processing.sources.reading import Places, PlanFor, RawRows, SourcePlan
from batch_pipelines.processing.sources.staging import open_plain
from batch_pipelines.processing.sources.text_content import TextContent

LINES = Dialect(quote=None)  # a line end is a line end
SAMPLE_BYTES = 1 << 20
_NUMBERS = ("int", "float", "decimal")


@dataclass(frozen=True, slots=True)
class JsonlFormat:
    """See `Format`.

    Attributes:
        encoding: Of the text.
        strict: Whether a key that is not declared makes a line a dead letter.
        nulls: Texts that mean null, besides null itself.
        numbers: Columns declared as numbers.
        caps: What a file may cost.
    """

    encoding: str
    strict: bool
    nulls: frozenset[str]
    numbers: tuple[str, ...] = ()
    caps: Caps = field(default_factory=Caps)

    @classmethod
    def of(cls, declaration: DatasetDeclaration) -> Self:
        """The JSON Lines of a dataset."""
        numbers = [name for name, column in (declaration.columns or {}).items() if column.kind in _NUMBERS]
        strict, nulls = declaration.extra == "fail", frozenset(declaration.nulls)
        return cls(declaration.jsonl.encoding, strict, nulls, tuple(numbers))

    def plan(self, file: SourceFile, wanted: PlanFor) -> SourcePlan:
        """See `Format`. No line names the columns, so there are none in the plan."""
        plan = plan_csv(
            file.path,
            file.name,
            dialect=LINES,
            header=[],
            encoding=self.encoding,
            chunk_bytes=wanted.chunk_bytes,
            caps=self.caps,
            staging_dir=wanted.staging_dir,
            home=wanted.home,
            kind="jsonl",
        )
        return replace(plan, columns=None)

    def looks(self, file: SourceFile, wanted: PlanFor) -> dict[str, str]:
        """See `Format`."""
        del wanted
        with open_plain(file.path, encoding=self.encoding, caps=self.caps, source=file.name, kind="jsonl") as stream:
            data = stream.read(SAMPLE_BYTES)
            records, tail = scan(data, LINES, final=len(data) < SAMPLE_BYTES)
            if not len(records) and tail < len(data):  # the first line is longer
                data += stream.read(self.caps.line)
                records, _ = scan(data, LINES, final=len(data) < SAMPLE_BYTES + self.caps.line)
        lines = zip(records.starts.tolist(), records.ends.tolist(), strict=True)
        return infer((data[start:end] for start, end in lines), self.nulls)

    def load(self, payload: Json, home: Path) -> "JsonlContent":
        """See `Format`."""
        data = read_chunk_bytes(payload, home)
        return JsonlContent(payload, data, scan(data, LINES, final=True)[0], self)

    def split(self, payload: Json, items: int, home: Path) -> tuple[ChunkPlan, ChunkPlan] | None:
        """See `Format`."""
        return split_csv(payload, items, LINES, home)

    def reread(self, raws: Sequence[bytes], places: Places, header: Sequence[str], *, source: str) -> RawRows:
        """See `Format`."""
        del source
        return reread_json(raws, self.wanted(header), places)

    def wanted(self, header: Sequence[str]) -> Wanted:
        """What is read of each object."""
        return Wanted(tuple(header), self.strict, self.nulls, self.caps.cell, self.numbers)


@dataclass(frozen=True, slots=True)
class JsonlContent(TextContent):
    """See `Content`: the bytes of a chunk, and the lines in them."""

    format: JsonlFormat

    def rows(self, header: Sequence[str]) -> RawRows:
        """See `Content`."""
        wanted, source = self.format.wanted(header), self.payload["source"]
        return read_json_rows(self.data, self.records, wanted, self.places(), source=source)
