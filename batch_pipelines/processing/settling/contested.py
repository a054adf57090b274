"""Where keys can occur twice at all, told by the least and greatest key of each part: nowhere, in many a sorted file.

Reads no part. What must not live here: finding the keys that do (contest.py).
"""

from collections.abc import Iterable, Sequence
from typing import Any

from batch_pipelines.core.model import Chunk

Range = tuple[Any, Any]


def contested_ranges(chunks: Iterable[Chunk], column: str) -> list[Range] | None:
    """Ranges of a key column, ends included, outside of which no key is in two rows; None if nothing is known.

    Args:
        chunks: Chunks that are done and have a part.
        column: The first column of the key: texts or whole numbers, whose order is the same everywhere.
    """
    known: list[Range] = []
    for chunk in chunks:
        detail = chunk.result.detail if chunk.result else {}
        part = detail.get("part") or {}
        low, high, nulls = part.get("stats", {}).get(column) or (None, None, None)
        if not detail.get("unique") or nulls is None or (low is None and nulls != part["rows"]):
            return None
        if low is not None:
            known.append((low, high))
    return _shared(sorted(known))


def _shared(ranges: Sequence[Range]) -> list[Range]:
    """What each has in common with any before it; they are sorted."""
    found: list[Range] = []
    greatest = ranges[0][1] if ranges else None
    for low, high in ranges[1:]:
        end = min(high, greatest)
        if found and low <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        elif low <= greatest:
            found.append((low, end))
        greatest = max(greatest, high)
    return found
