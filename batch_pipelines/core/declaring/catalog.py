"""All pipelines of one kind that the YAML of a folder declares, by name; what is wrong with any is said of all at once.

What must not live here: what the attributes of a kind mean (each domain's declaration).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from batch_pipelines.core.declaring.declared import ATTRIBUTES, FILE_NAME, Declaration
from batch_pipelines.core.declaring.names import nearest
from batch_pipelines.core.declaring.yaml_files import Document, joined, read_documents, refusal
from batch_pipelines.core.errors import ConfigError

D = TypeVar("D", bound=Declaration)
E = TypeVar("E", bound="Entry[Any]")


@dataclass(frozen=True)  # without slots: before Python 3.12 a generic class with them cannot be called by its alias
class Entry(Generic[D]):
    """A declared pipeline and where it is declared.

    Attributes:
        declaration: What the YAML says.
        folder: The folder of the YAML; templates, transforms and the like lie there.
        document: The YAML document, with the lines of its keys.
    """

    declaration: D
    folder: Path
    document: Document

    @property
    def file(self) -> str:
        """The YAML file, as messages show it."""
        return self.document.file

    @property
    def line(self) -> int:
        """The line on which the document begins."""
        return self.document.line


@dataclass(frozen=True)
class Catalog(Generic[E]):
    """All pipelines of one kind.

    Attributes:
        kind: What they are, in a word: `dataset`, `report` …
        entries: By name, sorted.
    """

    kind: str
    entries: Mapping[str, E]

    def entry(self, name: str) -> E:
        """Return one of them.

        Raises:
            ConfigError: There is none of that name; the message names the nearest, or all.
        """
        if name not in self.entries:
            raise ConfigError(f"there is no {self.kind} {name!r}; {nearest(name, list(self.entries))}")
        return self.entries[name]


def read_entries(
    kind: str,
    type_name: str,
    defs_dir: Path,
    read: Callable[[Document, Path], E],
    across: Callable[[Mapping[str, E]], Iterable[ConfigError]] = lambda _: (),
) -> Mapping[str, E]:
    """Read every `defs.yaml` below a folder and the pipelines of one kind in them.

    Args:
        kind: As messages call one of them.
        type_name: The `type` of their documents, e.g. `batch_pipelines.components.Dataset`; others are passed over.
        defs_dir: The folder of pipelines.
        read: Makes an entry of a document and its folder; may raise ConfigError.
        across: What is wrong between them; asked where each is right on its own.

    Returns:
        What was read, by name, sorted.

    Raises:
        ConfigError: Something cannot work. All problems are listed, a line each.
    """
    entries, errors = _read(type_name, defs_dir, read)
    by_name = {entry.declaration.name: entry for entry in sorted(entries, key=lambda entry: entry.declaration.name)}
    errors = errors or list(across(by_name))
    errors += _twice(kind, entries)
    if errors:
        raise joined(errors)
    return MappingProxyType(by_name)


def _read(type_name: str, defs_dir: Path, read: Callable[[Document, Path], E]) -> tuple[list[E], list[ConfigError]]:
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


def _twice(kind: str, entries: Iterable[Entry[Any]]) -> Iterator[ConfigError]:
    seen: dict[str, Entry[Any]] = {}
    for entry in entries:
        name = entry.declaration.name
        if name in seen:
            first = f"{seen[name].file}:{seen[name].line}"
            message = f"{kind} {name!r} is declared already in {first}; give one of them another name"
            yield refusal(entry.document, [((*ATTRIBUTES, "name"), message)])
        seen.setdefault(name, entry)
