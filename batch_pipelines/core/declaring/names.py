"""Names that YAML gives: how one is written, and what somebody may have meant who wrote one that is not known."""

import difflib
import re
from collections.abc import Sequence

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)


def is_name(text: str) -> bool:
    """Whether this can be the name of a pipeline, a query, a filter …: usable in SQL, paths and Dagster unquoted."""
    return _NAME.fullmatch(text) is not None


def check_name(text: str) -> str:
    """Return the text if it can be a name.

    Raises:
        ValueError: It cannot.
    """
    if not is_name(text):
        raise ValueError(f"{text!r} is not a name; allowed: a-z, 0-9 and _, a letter first, at most 64 characters")
    return text


def check_beside(name: str) -> str:
    """Return the name of a file that lies beside the YAML.

    Raises:
        ValueError: It leads elsewhere, or to a hidden file.
    """
    if "/" in name or "\\" in name or name.startswith("."):
        raise ValueError(f"{name!r} is not the name of a file beside the YAML")
    return name


def nearest(name: str, known: Sequence[str]) -> str:
    """Return a hint at the nearest known name, or at all of them."""
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"declared: {', '.join(known) or 'none'}"
