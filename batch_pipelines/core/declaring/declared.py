"""Every YAML document of one type in the folder of pipelines; what is wrong with any file is said of all at once.

What must not live here: what a type's attributes mean (each domain's declaration).
"""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pydantic import ConfigDict

from batch_pipelines.core.declaring.yaml_files import Document, read_documents
from batch_pipelines.core.errors import ConfigError

FILE_NAME = "defs.yaml"
ATTRIBUTES = ("attributes",)
SETTINGS = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True)
"""Of every pydantic model that YAML is read into."""

E = TypeVar("E")


def read_declared(
    defs_dir: Path, type_name: str, read: Callable[[Document, Path], E]
) -> tuple[list[E], list[ConfigError]]:
    """Read every document of a type below a folder.

    Args:
        defs_dir: The folder of pipelines.
        type_name: The `type` of the documents, e.g. `batch_pipelines.components.Dataset`; others are passed over.
        read: Makes an entry of a document and its folder; may raise ConfigError.

    Returns:
        What was read, in order of files, and what could not be.
    """
    entries: list[E] = []
    errors: list[ConfigError] = []
    for file in sorted(defs_dir.rglob(FILE_NAME)):
        try:
            documents = read_documents(file)
        except ConfigError as error:
            errors.append(error)
            continue
        for document in documents:
            if isinstance(document.data, dict) and document.data.get("type") == type_name:
                try:
                    entries.append(read(document, file.parent))
                except ConfigError as error:
                    errors.append(error)
    return entries, errors
