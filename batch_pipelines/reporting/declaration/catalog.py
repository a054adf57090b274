"""All reports that the YAML of a folder declares. No Dagster, and no database.

What must not live here: one declaration on its own (model.py); whether SQL and templates are right (lint.py).
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from batch_pipelines.core.declaring.declared import ATTRIBUTES, read_declared
from batch_pipelines.core.declaring.yaml_files import Document, joined, refusal, validate
from batch_pipelines.core.errors import ConfigError
from batch_pipelines.reporting.declaration.brand import Brand, read_brand
from batch_pipelines.reporting.declaration.model import ReportDeclaration
from batch_pipelines.reporting.declaration.names import nearest

REPORT_TYPE = "batch_pipelines.components.Report"
_NOT_IN_BYTES = {
    "description", "owners", "tags", "group", "schedule", "formats", "on_empty", "send_if", "only_if_changed",
    "max_age", "checks", "burst", "deliver", "attempts", "timeout", "brand",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """A declared report and where it is declared.

    Attributes:
        declaration: What the YAML says.
        folder: The folder of the YAML.
        document: The YAML document, with the lines of its keys.
        brand: Its look.
    """

    declaration: ReportDeclaration
    folder: Path
    document: Document
    brand: Brand

    @property
    def file(self) -> str:
        """The YAML file, as messages show it."""
        return self.document.file

    @property
    def line(self) -> int:
        """The line on which the document begins."""
        return self.document.line

    @property
    def version(self) -> str:
        """Hash of the keys that can change a byte of the files."""
        said = self.declaration.model_dump(mode="json", exclude=_NOT_IN_BYTES)
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Catalog:
    """All reports, by name.

    Attributes:
        reports: Sorted by name.
    """

    reports: Mapping[str, Entry]

    def entry(self, name: str) -> Entry:
        """Return a report.

        Raises:
            ConfigError: There is none of that name; the message names the nearest, or all.
        """
        if name not in self.reports:
            raise ConfigError(f"there is no report {name!r}; {nearest(name, list(self.reports))}")
        return self.reports[name]


def load_catalog(defs_dir: Path) -> Catalog:
    """Read every `defs.yaml` below a folder and the reports in them.

    Raises:
        ConfigError: Something cannot work. All problems are listed, a line each.
    """
    entries, errors = read_declared(
        defs_dir, REPORT_TYPE, lambda document, folder: read_entry(document, folder, defs_dir)
    )
    errors += _duplicates(entries)
    if errors:
        raise joined(errors)
    return Catalog(MappingProxyType({entry.declaration.name: entry for entry in sorted(entries, key=_name)}))


def read_entry(document: Document, folder: Path, defs_dir: Path | None = None) -> Entry:
    """Check one document of type Report on its own. Its name is the folder's where it names none.

    Raises:
        ConfigError: It is not a report that can work.
    """
    declaration = validate(ReportDeclaration, document, at=ATTRIBUTES, given={"name": folder.name})
    try:
        brand = read_brand(declaration.brand, folder, defs_dir)
    except ConfigError as error:
        if declaration.brand is not None and error.file is None:
            raise refusal(document, [((*ATTRIBUTES, "brand"), error.message)]) from error
        raise
    return Entry(declaration, folder, document, brand)


def _name(entry: Entry) -> str:
    return entry.declaration.name


def _duplicates(entries: list[Entry]) -> Iterator[ConfigError]:
    seen: dict[str, Entry] = {}
    for entry in entries:
        name = entry.declaration.name
        if name in seen:
            first = f"{seen[name].file}:{seen[name].line}"
            message = f"report {name!r} is declared already in {first}; give one of them another name"
            yield refusal(entry.document, [((*ATTRIBUTES, "name"), message)])
        seen.setdefault(name, entry)
