"""Comparing what tables hold, row for row."""

from collections import Counter
from collections.abc import Mapping, Sequence


def differences(found: Mapping[str, Sequence[str]], reference: Mapping[str, Sequence[str]]) -> list[str]:
    """What is missing and what is too much, a line for each table."""
    lines = []
    for name, rows in reference.items():
        have, want = Counter(found[name]), Counter(rows)
        if have != want:
            lines.append(f"{name}: {(want - have).total()} rows missing, {(have - want).total()} too many")
    return lines
