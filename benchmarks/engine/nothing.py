"""The empty chunk."""

from collections.abc import Mapping
from typing import Any


def nothing(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Do nothing, and account for one item."""
    del payload
    return {"written": 1}
