"""`bp env`: where everything is, as shell exports."""

import os
import re
import shlex
import sys
from typing import TYPE_CHECKING

from batch_pipelines.cli import places
from batch_pipelines.cli.output import JsonFlag, write_json
from batch_pipelines.core.connections import masked, variable_of

if TYPE_CHECKING:
    from batch_pipelines.core.settings import Settings

FILE_NAME = "defs.yaml"
_NAMED = re.compile(r"""\bconnection["']?\s*:\s*["']?([a-z][a-z0-9_]*)""")


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
    """By variable: which YAML names a connection that is not set. The text is enough; parsing it costs a second."""
    named: dict[str, set[str]] = {}
    for file in sorted(found.defs.rglob(FILE_NAME)):
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
        for name in _NAMED.findall("\n".join(line for line in lines if not line.lstrip().startswith("#"))):
            named.setdefault(name, set()).add(file.parent.name)
    return {
        variable_of(name): f"{', '.join(sorted(named[name]))} in the pipelines' YAML needs it"
        for name in found.connections.missing(named)
    }
