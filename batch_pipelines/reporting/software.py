"""What a report is made with: libraries by version, and our own code by content. Other software, other bytes."""

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path

LIBRARIES = ("typst", "pikepdf", "vl-convert-python", "xlsxwriter", "pyarrow", "babel", "jinja2")
_PACKAGE = Path(__file__).parents[1]
_OURS = ("reporting", "presentation")


@cache
def software() -> dict[str, str]:
    """Return the version of each library, and the hash of our own code, templates and fonts."""
    return {name: version(name) for name in LIBRARIES} | {"batch-pipelines": _own()}


def _own() -> str:
    digest = hashlib.sha256()
    for folder in _OURS:
        for file in sorted((_PACKAGE / folder).rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(f"{file.relative_to(_PACKAGE).as_posix()}\n".encode())
                digest.update(file.read_bytes())
    return digest.hexdigest()
