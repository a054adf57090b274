"""`bp env`: where everything is, as shell exports."""

import os
import shlex
import sys
from typing import TYPE_CHECKING

from batch_pipelines.cli import places
from batch_pipelines.cli.output import JsonFlag, write_json
from batch_pipelines.core.connections import masked, variable_of

if TYPE_CHECKING:
    from batch_pipelines.core.settings import Settings


def env(as_json: JsonFlag = False) -> None:
    """Print where everything is, as exports: eval "$(bp env)" makes dagster and dg see the same places.

    An address with a password is shown masked and not exported: your shell has it already. Connections that YAML
    names and nothing sets are listed as missing.
    """
    found = places.settings()
    rows = [
        ("BP_HOME", str(found.home), "the project: workspace.yaml, and what paths in YAML are relative to"),
        ("BP_DATA", str(found.data), "what is written: tables, dead letters, inbox, reports, logs"),
        ("BP_DEFS", str(found.defs), "the pipelines, a folder with a defs.yaml for each"),
        ("BP_LEDGER_URL", masked(found.ledger_url), "the ledger's database"),
        ("DAGSTER_HOME", os.environ.get("DAGSTER_HOME") or str(found.home), "the folder with dagster.yaml"),
    ]
    rows += [(name, masked(url), "a database that YAML names") for name, url in sorted(found.connections.urls.items())]
    missing = _missing(found)
    if as_json:
        known: list[dict[str, str | None]] = [
            {"name": name, "value": value, "what": what} for name, value, what in rows
        ]
        write_json([*known, *({"name": name, "value": None, "what": what} for name, what in missing.items())])
        return
    given = {"BP_LEDGER_URL": found.ledger_url, **found.connections.urls}
    for name, value, what in rows:
        secret = given.get(name, value) != value
        sys.stdout.write(f"# {what}{'; set already, its password is not repeated' if secret else ''}\n")
        sys.stdout.write(f"{'# ' if secret else 'export '}{name}={shlex.quote(value)}\n")
    for name, what in missing.items():
        sys.stdout.write(f"# {name} is not set: {what}\n")


def _missing(found: "Settings") -> dict[str, str]:
    """By variable: who needs a connection that is not set. Nothing where YAML is wrong: other commands say so."""
    from batch_pipelines.core.errors import ConfigError
    from batch_pipelines.processing.declaration.catalog import load_catalog

    try:
        datasets = load_catalog(found.defs).datasets
    except ConfigError:
        return {}
    named = {
        name: sorted(dataset for dataset, entry in datasets.items() if name in entry.declaration.connections)
        for name in found.connections.missing(
            each for entry in datasets.values() for each in entry.declaration.connections
        )
    }
    return {variable_of(name): f"dataset {', '.join(users)} needs it" for name, users in named.items()}
