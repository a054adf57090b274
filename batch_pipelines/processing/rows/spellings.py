"""How values of each type may be written, and what to say of a text that is written otherwise.

What must not live here: casting (casts.py); patterns here only sift what a cast has refused already.
"""

import re

import pyarrow.compute as pc

from batch_pipelines.processing.declaration.columns import Column
from batch_pipelines.processing.rows.arrays import Values

_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_CLOCK = r"[0-9]{2}(:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?)?"
_ZONE = r"(Z|[+-][0-9]{2}(:?[0-9]{2})?)"
SHAPES = {
    "int": r"^[+-]?[0-9]+$",
    "float": _NUMBER,
    "decimal": _NUMBER,
    "bool": r"^(?i:true|t|yes|1|false|f|no|0)$",
    "date": f"^{_DAY}$",
    "timestamp": f"^{_DAY}T{_CLOCK}{_ZONE}$",
}
# Well-shaped, but too large or not in the calendar: most of what halving would have to find one by one.
_NO_DAY = r"0000-|[0-9-]{5}(00|1[3-9]|[2-9][0-9])|[0-9-]{8}(00|3[2-9]|[4-9])|[0-9-]{5}(02-3|(04|06|09|11)-31)"
IMPOSSIBLE = {
    "int": r"^[+-]?0*[1-9][0-9]{19}",
    "date": f"^({_NO_DAY})",
    "timestamp": f"^({_NO_DAY})",
}
_FINE = re.compile(r"\.[0-9]{7}")
_NAMES = {
    "int": "an int",
    "float": "a float",
    "bool": "a bool (true, false, t, f, yes, no, 1, 0)",
    "date": "a date (YYYY-MM-DD)",
    "timestamp": "a timestamp (ISO 8601)",
}


def spelled(texts: Values, kind: str) -> Values:
    """Bring the spellings that are allowed into the one that Arrow reads."""
    if kind == "int":
        return pc.replace_substring_regex(texts, r"^\+([0-9])", r"\1")
    if kind != "timestamp":
        return texts
    texts = pc.replace_substring_regex(texts, r"^([0-9]{4}-[0-9]{2}-[0-9]{2})$", r"\1T00:00")
    texts = pc.replace_substring_regex(texts, r"^([0-9]{4}-[0-9]{2}-[0-9]{2})[ t]", r"\1T")
    texts = pc.replace_substring_regex(texts, r"z$", "Z")
    texts = pc.replace_substring_regex(texts, r"(\.[0-9]{6})0+([Z+-]|$)", r"\1\2")
    return pc.replace_substring_regex(texts, r"^([0-9-]{10}T[0-9:.]+)$", r"\1Z")


def oddities(column: Column) -> list[tuple[str, str]]:
    """Patterns of texts that cannot be cast, with their messages; the first that matches is the reason."""
    wanted = _NAMES.get(column.kind, f"a {column.type}")
    odd = [("^$", f"is blank, not {wanted}")]
    if column.kind == "float":
        odd.append((r"^(?i:[+-]?(nan|inf|infinity))$", "is not a finite number"))
    if column.kind in IMPOSSIBLE:
        odd.append((SHAPES[column.kind], misfit("", column)))
    return [*odd, ("", f"is not {wanted}")]


def misfit(text: str, column: Column) -> str:
    """Say why a text of the right shape has no value."""
    if column.kind == "timestamp" and _FINE.search(text):
        return "is finer than a microsecond"
    return {
        "int": "is too large for an int (64 bits)",
        "float": "is too large for a float",
        "date": "is not a day of the calendar",
        "timestamp": "is not a moment of the calendar",
    }.get(column.kind, f"does not fit {column.type}")
