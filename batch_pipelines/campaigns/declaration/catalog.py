"""All campaigns that the YAML of a folder declares. No Dagster, and no database.

What must not live here: one declaration on its own (model.py).
"""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from batch_pipelines.campaigns.declaration.model import CampaignDeclaration
from batch_pipelines.core.declaring.declared import ATTRIBUTES, read_declared
from batch_pipelines.core.declaring.key_problems import Problem
from batch_pipelines.core.declaring.yaml_files import Document, joined, refusal, validate
from batch_pipelines.core.errors import ConfigError

CAMPAIGN_TYPE = "batch_pipelines.components.Campaign"


@dataclass(frozen=True, slots=True)
class Entry:
    """A declared campaign and where it is declared.

    Attributes:
        declaration: What the YAML says.
        folder: The folder of the YAML; templates and attachments lie there.
        document: The YAML document, with the lines of its keys.
    """

    declaration: CampaignDeclaration
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
    """All campaigns, by name.

    Attributes:
        campaigns: Sorted by name.
    """

    campaigns: Mapping[str, Entry]

    def entry(self, name: str) -> Entry:
        """Return a campaign.

        Raises:
            ConfigError: There is none of that name; the message names the nearest, or all.
        """
        if name not in self.campaigns:
            raise ConfigError(f"there is no campaign {name!r}; {nearest(name, list(self.campaigns))}")
        return self.campaigns[name]


def load_catalog(defs_dir: Path) -> Catalog:
    """Read every `defs.yaml` below a folder and the campaigns in them.

    Raises:
        ConfigError: Something cannot work. All problems are listed, a line each.
    """
    entries, errors = read_declared(defs_dir, CAMPAIGN_TYPE, read_entry)
    errors += _duplicates(entries)
    if errors:
        raise joined(errors)
    return Catalog(MappingProxyType({e.declaration.name: e for e in sorted(entries, key=lambda e: e.declaration.name)}))


def read_entry(document: Document, folder: Path) -> Entry:
    """Check one document of type Campaign on its own. Its name is the folder's where it names none.

    Raises:
        ConfigError: It is not a campaign that can work.
    """
    declaration = validate(CampaignDeclaration, document, at=ATTRIBUTES, given={"name": folder.name})
    if problems := list(_missing_files(declaration, folder)):
        raise refusal(document, problems)
    return Entry(declaration, folder, document)


def nearest(name: str, known: Sequence[str]) -> str:
    """Return `did you mean 'x'?`, or all there are."""
    if close := difflib.get_close_matches(name, known, n=1):
        return f"did you mean {close[0]!r}?"
    return f"there are {', '.join(known)}" if known else "there are none"


def _missing_files(declaration: CampaignDeclaration, folder: Path) -> Iterator[Problem]:
    named: list[tuple[tuple[str | int, ...], str | None]] = [
        (("template",), declaration.template),
        (("text",), declaration.text),
        *((("attachments", at), name) for at, name in enumerate(declaration.attachments)),
    ]
    for path, name in named:
        if name is not None and not (folder / name).is_file():
            yield (*ATTRIBUTES, *path), f"there is no file {name} beside the YAML"


def _duplicates(entries: list[Entry]) -> Iterator[ConfigError]:
    seen: dict[str, Entry] = {}
    for entry in entries:
        name = entry.declaration.name
        if name in seen:
            first = f"{seen[name].file}:{seen[name].line}"
            message = f"campaign {name!r} is declared already in {first}; give one of them another name"
            yield refusal(entry.document, [((*ATTRIBUTES, "name"), message)])
        seen.setdefault(name, entry)
