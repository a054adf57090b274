"""What exporting a partition to one target came to, and how it fails.

What must not live here: the targets themselves (files.py, sql_table.py).
"""

from dataclasses import dataclass
from enum import StrEnum

from batch_pipelines.core.errors import PermanentError


class Done(StrEnum):
    """What was done."""

    WRITTEN = "written"
    CURRENT = "current"  # the target holds this publication already
    NEWER = "newer"  # the target holds a newer one: another run was faster


@dataclass(frozen=True, slots=True)
class Exported:
    """One partition in one target.

    Attributes:
        dataset: The dataset.
        partition: The partition.
        target: What people call the target.
        done: What was done.
        publication: The publication that the target holds now.
        rows: Rows that it holds of the partition.
    """

    dataset: str
    partition: str
    target: str
    done: Done
    publication: int
    rows: int

    @property
    def sentence(self) -> str:
        """What happened, in one line."""
        if self.done is Done.CURRENT:
            return f"{self.dataset}/{self.partition} → {self.target}: current, {self.rows:,} rows"
        if self.done is Done.NEWER:
            return f"{self.dataset}/{self.partition} → {self.target}: holds a newer publication already"
        return f"{self.dataset}/{self.partition} → {self.target}: {self.rows:,} rows written"


class RowRefused(PermanentError):
    """A target does not take a row; the target is as it was."""

    def __init__(self, place: str, message: str) -> None:
        self.place = place
        super().__init__(f"refuses the row from {place}: {message}. The target is untouched; correct the row or it")
