"""All checks of one chunk's rows, one after the other: casts, rules, references.

What must not live here: the checks themselves, or columns that are computed (shape.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from batch_pipelines.processing.declaration.columns import Column
from batch_pipelines.processing.rows.arrays import Rows
from batch_pipelines.processing.rows.casts import cast_columns
from batch_pipelines.processing.rows.references import ReferenceSets, check_references
from batch_pipelines.processing.rows.rejects import Rejects
from batch_pipelines.processing.rows.rules import check_rules


@dataclass(frozen=True, slots=True)
class Checked:
    """Typed rows and what the checks say about them, by position in the table."""

    table: pa.Table
    rejects: Rejects
    warnings: Rejects

    @property
    def keep(self) -> NDArray[np.bool_]:
        """Which rows have no rejects."""
        keep = np.ones(self.table.num_rows, np.bool_)
        keep[self.rejects.rows] = False
        return keep

    def good(self) -> tuple[pa.Table, Rows]:
        """Return the rows without rejects, and their positions."""
        keep = self.keep
        table = self.table if keep.all() else self.table.filter(pa.array(keep))
        return table, np.flatnonzero(keep).astype(np.int64, copy=False)


def check(raw: pa.Table, columns: Mapping[str, Column], sets: ReferenceSets) -> Checked:
    """Cast the binary columns of a chunk and check every declared rule."""
    table, unreadable = cast_columns(raw, columns)
    broken, soft = check_rules(table, columns, known=unreadable)
    foreign, doubtful = check_references(table, columns, sets)
    return Checked(table, unreadable + broken + foreign, soft + doubtful)
