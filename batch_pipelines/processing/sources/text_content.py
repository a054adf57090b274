"""A chunk of a text file: its bytes, and the records in them.

What must not live here: what the records say (csv_read.py, json_lines.py).
"""

from dataclasses import dataclass

from batch_pipelines.core.model import Json
from batch_pipelines.processing.sources.csv_records import Records
from batch_pipelines.processing.sources.reading import Ints, Places


@dataclass(frozen=True, slots=True)
class TextContent:
    """What `Content` says of text: where records lie, and what they are made of.

    Attributes:
        payload: The chunk's.
        data: Its bytes.
        records: The records in them.
    """

    payload: Json
    data: bytes
    records: Records

    def places(self) -> Places:
        """See `Content`."""
        return Places(self.records.lines + self.payload["first_line"], self.records.starts + self.payload["start"])

    def raw(self, records: Ints) -> list[bytes]:
        """See `Content`."""
        starts, ends = self.records.starts[records].tolist(), self.records.ends[records].tolist()
        return [bytes(self.data[start:end]) for start, end in zip(starts, ends, strict=True)]
