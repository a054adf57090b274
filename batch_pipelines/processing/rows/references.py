"""References: values that another dataset's column has to hold.

What must not live here: reading the other table; the allowed values come from a callable that is passed in.
"""

from collections.abc import Callable, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from batch_pipelines.core.errors import ConfigError
from batch_pipelines.processing.declaration.columns import Column
from batch_pipelines.processing.rows.arrays import Values, found, one_piece, taken
from batch_pipelines.processing.rows.rejects import Finding, Rejects, shown


class ReferenceSets:
    """Allowed values by reference (`airports.faa`), each loaded at most once.

    Args:
        load: Returns the distinct values of a reference, of whatever type its table has.
    """

    def __init__(self, load: Callable[[str], Values]) -> None:
        self._load = load
        self._sets: dict[tuple[str, pa.DataType], Values] = {}

    def lookup(self, reference: str, to: pa.DataType) -> Values:
        """Return the allowed values of `reference` as the type that the referring column has.

        Raises:
            ConfigError: The two types cannot be compared.
        """
        if (reference, to) not in self._sets:
            self._sets[reference, to] = _converted(self._load(reference), reference, to)
        return self._sets[reference, to]


def check_references(table: pa.Table, columns: Mapping[str, Column], sets: ReferenceSets) -> tuple[Rejects, Rejects]:
    """Find values that their reference does not hold; null refers to nothing and passes.

    Returns:
        Rejects and warnings, both with rule `reference`.
    """
    rejects: list[Finding] = []
    warnings: list[Finding] = []
    for name, column in columns.items():
        if column.reference is None:
            continue
        values = one_piece(table.column(name))
        inside = pc.is_in(values, value_set=sets.lookup(column.reference, column.arrow_type))
        rows = found(pc.and_(pc.invert(inside), pc.is_valid(values)))
        texts = shown(taken(values, rows))
        finding = Finding("reference", name, f"is not in {column.reference}", rows, texts)
        (warnings if column.severity == "warn" else rejects).append(finding)
    return Rejects(rejects), Rejects(warnings)


def _converted(values: Values, reference: str, to: pa.DataType) -> Values:
    try:
        return values.cast(to)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        msg = f"{reference} is {values.type} and cannot be compared with {to}: {error}"
        raise ConfigError(msg) from error
