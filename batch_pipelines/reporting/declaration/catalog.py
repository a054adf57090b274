"""All reports that the YAML of a folder declares. No Dagster, and no database.

What must not live here: one declaration on its own (model.py); whether SQL and templates are right (lint.py).
"""

import hashlib
import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from batch_pipelines.core.declaring import catalog
from batch_pipelines.core.declaring.declared import ATTRIBUTES
from batch_pipelines.core.declaring.yaml_files import Document, refusal, validate
from batch_pipelines.core.errors import ConfigError
from batch_pipelines.reporting.declaration.brand import Brand, read_brand
from batch_pipelines.reporting.declaration.model import ReportDeclaration

REPORT_TYPE = "batch_pipelines.components.Report"
_NOT_IN_BYTES = {
    "description", "owners", "tags", "group", "schedule", "formats", "on_empty", "send_if", "only_if_changed",
    "max_age", "checks", "burst", "deliver", "attempts", "timeout", "brand",
}  # fmt: skip


@dataclass(frozen=True)
class Entry(catalog.Entry[ReportDeclaration]):
    """A declared report, where it is declared, and its look.

    Attributes:
        brand: Its look.
    """

    brand: Brand

    @property
    def version(self) -> str:
        """Hash of the keys that can change a byte of the files."""
        said = self.declaration.model_dump(mode="json", exclude=_NOT_IN_BYTES)
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]


Catalog = catalog.Catalog[Entry]


def load_catalog(defs_dir: Path) -> Catalog:
    """Read every `defs.yaml` below a folder and the reports in them.

    Raises:
        ConfigError: Something cannot work. All problems are listed, a line each.
    """
    read = partial(read_entry, defs_dir=defs_dir)
    return Catalog("report", catalog.read_entries("report", REPORT_TYPE, defs_dir, read))


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
