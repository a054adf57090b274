"""Hints at what somebody may have meant."""

import difflib
from collections.abc import Sequence


def nearest(name: str, known: Sequence[str]) -> str:
    """Return a hint at the nearest known name, or at all of them."""
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"declared: {', '.join(known) or 'none'}"
