"""From checked rows to the rows of the table: derived columns, `where`, transform, the pinned schema.

What must not live here: the steps themselves (derive.py, transform.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from batch_pipelines.core.errors import PermanentError
from batch_pipelines.processing.rows.arrays import Rows
from batch_pipelines.processing.rows.checks import Checked
from batch_pipelines.processing.rows.derive import derive
from batch_pipelines.processing.rows.rejects import Rejects
from batch_pipelines.processing.rows.transform import Transform, apply


@dataclass(frozen=True, slots=True)
class Shaped:
    """Rows as they are to be written.

    Attributes:
        table: They.
        kept: Their positions in the table that was checked.
        filtered: How many rows were left out on purpose.
        rejects: All rejects, those of the checks included, by position in the table that was checked.
    """

    table: pa.Table
    kept: Rows
    filtered: int
    rejects: Rejects


def shape(
    checked: Checked,
    expressions: Mapping[str, str],
    where: str | None,
    transform: Transform | None,
    schema: pa.Schema,
) -> Shaped:
    """Derive, filter and transform the good rows.

    Raises:
        PermanentError: They do not come out as `schema`.
    """
    good, positions = checked.good()
    derived = derive(good, expressions, where)
    rejects = checked.rejects + derived.rejects.moved(positions)
    filtered = good.num_rows - derived.table.num_rows - len(derived.rejects.rows)
    table, positions = derived.table, positions[derived.kept_rows]
    if transform is not None:
        table, kept, refused = apply(table, transform, schema)
        rejects = rejects + refused.moved(positions)
        filtered += derived.table.num_rows - table.num_rows - len(refused.rows)
        positions = positions[kept]
    if table.schema != schema:
        came = f"the columns came out as {_listed(table.schema)}"
        raise PermanentError(f"{came}, the plan pins {_listed(schema)}; plan the batch anew")
    return Shaped(table, positions, filtered, rejects)


def _listed(schema: pa.Schema) -> str:
    return ", ".join(f"{field.name} {field.type}" for field in schema)
