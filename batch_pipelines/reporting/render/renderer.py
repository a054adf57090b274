"""What every renderer is: a document in, one file out, and what could not be shown in full."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from batch_pipelines.reporting.declaration.brand import Brand
from batch_pipelines.reporting.document import Document


@dataclass(frozen=True, slots=True)
class Rendered:
    """A file that was written.

    Attributes:
        name: File name.
        rows: Rows in it, where it has any.
        pages: Pages, where it has any.
        truncated: What is not shown in full, as printed in it.
        warnings: What is not as it should be.
    """

    name: str
    rows: int | None = None
    pages: int | None = None
    truncated: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


class Renderer(Protocol):
    """Writes a document in one format. The same document and rows give the same bytes, whenever and wherever."""

    def render(self, document: Document, work: Path, out: Path, brand: Brand) -> list[Rendered]:
        """Write the files of this format.

        Args:
            document: What to write.
            work: Folder with its rows and drawings.
            out: Folder to write into.
            brand: Its look.
        """
        ...
