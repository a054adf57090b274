"""All datasets that the YAML of a folder declares, checked against each other. No Dagster.

What must not live here: one declaration on its own (model.py); YAML of other types, which is passed over.
"""

from collections.abc import Collection, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from batch_pipelines.core.declaring import catalog
from batch_pipelines.core.declaring.declared import ATTRIBUTES
from batch_pipelines.core.declaring.key_problems import Problem
from batch_pipelines.core.declaring.names import nearest
from batch_pipelines.core.declaring.yaml_files import Document, refusal, validate
from batch_pipelines.core.errors import ConfigError
from batch_pipelines.processing.declaration.model import DatasetDeclaration

DATASET_TYPE = "batch_pipelines.components.Dataset"


Entry = catalog.Entry[DatasetDeclaration]


class Catalog(catalog.Catalog[Entry]):
    """All datasets, by name."""

    def order(self, names: Collection[str] | None = None) -> list[str]:
        """Return these datasets (None: all), each after those that it refers to."""
        wanted = self.entries if names is None else {self.entry(name).declaration.name for name in names}
        sorter = TopologicalSorter(_graph(self.entries))
        return [name for name in sorter.static_order() if name in wanted]


def load_catalog(defs_dir: Path) -> Catalog:
    """Read every `defs.yaml` below a folder and check the datasets in them against each other.

    Raises:
        ConfigError: Something cannot work. All problems are listed, a line each.
    """
    return Catalog("dataset", catalog.read_entries("dataset", DATASET_TYPE, defs_dir, read_entry, _bad_references))


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
