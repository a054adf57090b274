"""The values that references may take: one column of another table's pinned parts, kept per process.

What must not live here: which parts those are (the plan pins them), comparing (rows/references.py).
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from batch_pipelines.core.errors import IntegrityError
from batch_pipelines.lake.parts import read_part

MAX_BYTES = 64 * 1024 * 1024

Key = tuple[tuple[str, ...], str]
# An Arrow array, of whatever type the column has.
Values = Any


class _Cache:
    """Distinct values by files and column, least recently used first; the newest is always kept."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._kept: OrderedDict[Key, Values] = OrderedDict()

    def get(self, key: Key, load: Callable[[], Values]) -> Values:
        if key not in self._kept:
            self._kept[key] = load()
        self._kept.move_to_end(key)
        while len(self._kept) > 1 and sum(values.nbytes for values in self._kept.values()) > self._max_bytes:
            self._kept.popitem(last=False)
        return self._kept[key]


_cache = _Cache(MAX_BYTES)


def loader(references: Mapping[str, Mapping[str, Any]], home: Path) -> Callable[[str], Values]:
    """Return what loads the values of a reference.

    Args:
        references: By reference (`airlines.carrier`): `files` relative to home, and `column`.
        home: The project's folder.

    Returns:
        A function from reference to distinct values without null. It raises IntegrityError if the plan does
        not pin that reference, or if a part is missing or damaged.
    """

    def load(reference: str) -> Values:
        if reference not in references:
            raise IntegrityError(f"the plan pins no version of {reference}; plan the batch anew")
        pinned = references[reference]
        files = tuple(str(home / file) for file in pinned["files"])
        return _cache.get((files, pinned["column"]), lambda: _distinct(files, pinned["column"]))

    return load


def _distinct(files: tuple[str, ...], column: str) -> Values:
    pieces: list[Any] = [pc.unique(read_part(Path(file), [column]).column(column)) for file in files]
    if not pieces:
        return pa.array([], pa.string())
    values: Any = pc.unique(pa.chunked_array(pieces))
    return values.drop_null()
