"""The YAML of a drafted dataset, as a person would write it.

What must not live here: finding out what it says (draft.py).
"""

import json
import re
from collections.abc import Iterator

from batch_pipelines.processing.declaration.catalog import DATASET_TYPE
from batch_pipelines.processing.declaration.columns import Column
from batch_pipelines.processing.drafting.draft import Draft

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*", re.ASCII)
_WORDS = {"null", "true", "false", "yes", "no", "on", "off", "y", "n", "none", "nan", "inf"}


def yaml_of(draft: Draft, folder: str) -> str:
    """Return the text of a `defs.yaml`.

    Args:
        draft: What it says.
        folder: Name of the folder it is for: a dataset of that name need not name itself.
    """
    return "\n".join(_lines(draft, folder)) + "\n"


def _lines(draft: Draft, folder: str) -> Iterator[str]:
    declared = draft.declaration
    extent = "all" if draft.whole else "the first"
    yield f"# Drafted by bp from {extent} {draft.rows:,} rows of {declared.source}: look it over."
    yield f"type: {DATASET_TYPE}"
    yield "attributes:"
    if declared.name != folder:
        yield f"  name: {scalar(declared.name)}"
    yield f"  source: {scalar(declared.source)}"
    options = declared.csv.model_dump(exclude_defaults=True) if declared.file_format == "csv" else {}
    if options:
        yield f"  csv: {{{', '.join(f'{key}: {scalar(value)}' for key, value in options.items())}}}"
    if declared.nulls:
        yield f"  nulls: [{', '.join(map(scalar, declared.nulls))}]"
    for key in draft.keys:
        shown = scalar(key[0]) if len(key) == 1 else f"[{', '.join(map(scalar, key))}]"
        yield f"  # key: {shown}  # different in every row looked at; take it if it is so by nature"
    yield "  columns:"
    for name, column in (declared.columns or {}).items():
        yield f"    {scalar(name)}: {_column(column)}"


def _column(column: Column) -> str:
    return f"{{type: {column.type}, required: true}}" if column.required else column.type


def scalar(text: object) -> str:
    """Return a text as YAML reads it back: quoted where it has to be."""
    value = str(text)
    return value if _PLAIN.fullmatch(value) and value.lower() not in _WORDS else json.dumps(value, ensure_ascii=False)
