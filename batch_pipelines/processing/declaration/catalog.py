"""All datasets that the YAML of a folder declares, checked against each other. No Dagster.

What must not live here: one declaration on its own (model.py); YAML of other types, which is passed over.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from types import MappingProxyType

from batch_pipelines.core.declaring.declared import ATTRIBUTES, read_declared
from batch_pipelines.core.declaring.key_problems import Problem
from batch_pipelines.core.declaring.yaml_files import Document, joined, refusal, validate
from batch_pipelines.core.errors import ConfigError
from batch_pipelines.processing.declaration.consistency import nearest
from batch_pipelines.processing.declaration.model import DatasetDeclaration

DATASET_TYPE = "batch_pipelines.components.Dataset"


@dataclass(frozen=True, slots=True)
class Entry:
    """A declared dataset and where it is declared.

    Attributes:
        declaration: What the YAML says.
        folder: The folder of the YAML; a transform lies there.
        document: The YAML document, with the lines of its keys.
    """

    declaration: DatasetDeclaration
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


@dataclass(frozen=True, slots=True)
class Catalog:
    """All datasets, by name.

    Attributes:
        datasets: Sorted by name.
    """

    datasets: Mapping[str, Entry]

    def entry(self, name: str) -> Entry:
        """Return a dataset.

        Raises:
            ConfigError: There is none of that name; the message names the nearest, or all.
        """
        if name not in self.datasets:
            known = list(self.datasets)
            raise ConfigError(f"there is no dataset {name!r}; {nearest(name, known)}")
        return self.datasets[name]

    def order(self, names: Collection[str] | None = None) -> list[str]:
        """Return these datasets (None: all), each after those that it refers to."""
        wanted = self.datasets if names is None else {self.entry(name).declaration.name for name in names}
        sorter = TopologicalSorter(_graph(self.datasets))
        return [name for name in sorter.static_order() if name in wanted]


def load_catalog(defs_dir: Path) -> Catalog:
    """Read every `defs.yaml` below a folder and check the datasets in them against each other.

    Raises:
        ConfigError: Something cannot work. All problems are listed, a line each.
    """
    entries, errors = read_declared(defs_dir, DATASET_TYPE, read_entry)
    datasets = {entry.declaration.name: entry for entry in sorted(entries, key=lambda e: e.declaration.name)}
    errors += [*_duplicates(entries), *([] if errors else _bad_references(datasets))]
    if errors:
        raise joined(errors)
    return Catalog(MappingProxyType(datasets))


def read_entry(document: Document, folder: Path) -> Entry:
    """Check one document of type Dataset on its own. Its name is the folder's where it names none.

    Raises:
        ConfigError: It is not a dataset that can work.
    """
    declaration = validate(DatasetDeclaration, document, at=ATTRIBUTES, given={"name": folder.name})
    file = declaration.transform_file(folder)
    if file is not None and not file.is_file():
        message = f"transform: there is no {file.name} beside the YAML; put the function in there"
        raise refusal(document, [((*ATTRIBUTES, "transform"), message)])
    return Entry(declaration, folder, document)


def _duplicates(entries: list[Entry]) -> Iterator[ConfigError]:
    seen: dict[str, Entry] = {}
    for entry in entries:
        name = entry.declaration.name
        if name in seen:
            first = f"{seen[name].file}:{seen[name].line}"
            message = f"dataset {name!r} is declared already in {first}; give one of them another name"
            yield refusal(entry.document, [((*ATTRIBUTES, "name"), message)])
        seen.setdefault(name, entry)


def _bad_references(datasets: Mapping[str, Entry]) -> Iterator[ConfigError]:
    errors = [
        refusal(entry.document, problems)
        for entry in datasets.values()
        if (problems := list(_reference_problems(entry.declaration, datasets)))
    ]
    yield from errors
    if not errors:
        try:
            TopologicalSorter(_graph(datasets)).prepare()
        except CycleError as error:
            circle = list(reversed(error.args[1]))
            message = f"references go in a circle: {' → '.join(circle)}; one of them has to go"
            yield refusal(datasets[circle[0]].document, [((*ATTRIBUTES, "columns"), message)])


def _reference_problems(declaration: DatasetDeclaration, datasets: Mapping[str, Entry]) -> Iterator[Problem]:
    for name, column in (declaration.columns or {}).items():
        if column.references is None:
            continue
        path = (*ATTRIBUTES, "columns", name, "in")
        where = f"columns.{name}.in"
        dataset, target = column.references
        if dataset not in datasets:
            yield path, f"{where}: there is no dataset {dataset!r}; {nearest(dataset, list(datasets))}"
        else:
            why = _target_problem(datasets[dataset].declaration, target, column.kind)
            if why:
                yield path, f"{where}: {why}"


def _target_problem(declaration: DatasetDeclaration, target: str, kind: str) -> str | None:
    """Say why a column of this kind cannot refer to that one; inferred columns are not judged here."""
    if declaration.columns is None:
        return None
    types = {name: column.type for name, column in declaration.columns.items()} | (declaration.adds or {})
    known = [*types, *declaration.derive]
    if target not in known:
        return f"dataset {declaration.name!r} has no column {target!r}; {nearest(target, known)}"
    if target in types and types[target].partition("(")[0] != kind:
        there = f"{declaration.name}.{target} is {types[target]}"
        return f"{there}, this column is {kind}; both have to be of one type"
    return None


def _graph(datasets: Mapping[str, Entry]) -> dict[str, list[str]]:
    return {
        name: sorted({dataset for dataset, _ in entry.declaration.references if dataset in datasets})
        for name, entry in datasets.items()
    }
