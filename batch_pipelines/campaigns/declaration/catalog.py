"""All campaigns that the YAML of a folder declares. No Dagster, and no database.

What must not live here: one declaration on its own (model.py).
"""

from collections.abc import Iterator
from pathlib import Path

from batch_pipelines.campaigns.declaration.model import CampaignDeclaration
from batch_pipelines.core.declaring import catalog
from batch_pipelines.core.declaring.declared import ATTRIBUTES
from batch_pipelines.core.declaring.key_problems import Problem
from batch_pipelines.core.declaring.yaml_files import Document, refusal, validate

CAMPAIGN_TYPE = "batch_pipelines.components.Campaign"

Entry = catalog.Entry[CampaignDeclaration]
Catalog = catalog.Catalog[Entry]


def load_catalog(defs_dir: Path) -> Catalog:
    """Read every `defs.yaml` below a folder and the campaigns in them.

    Raises:
        ConfigError: Something cannot work. All problems are listed, a line each.
    """
    return Catalog("campaign", catalog.read_entries("campaign", CAMPAIGN_TYPE, defs_dir, read_entry))


def read_entry(document: Document, folder: Path) -> Entry:
    """Check one document of type Campaign on its own. Its name is the folder's where it names none.

    Raises:
        ConfigError: It is not a campaign that can work.
    """
    declaration = validate(CampaignDeclaration, document, at=ATTRIBUTES, given={"name": folder.name})
    if problems := list(_missing_files(declaration, folder)):
        raise refusal(document, problems)
    return Entry(declaration, folder, document)


def _missing_files(declaration: CampaignDeclaration, folder: Path) -> Iterator[Problem]:
    named: list[tuple[tuple[str | int, ...], str | None]] = [
        (("template",), declaration.template),
        (("text",), declaration.text),
        *((("attachments", at), name) for at, name in enumerate(declaration.attachments)),
    ]
    for path, name in named:
        if name is not None and not (folder / name).is_file():
            yield (*ATTRIBUTES, *path), f"there is no file {name} beside the YAML"
