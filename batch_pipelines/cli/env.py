"""`bp env`: where everything is, as shell exports."""

import os
import shlex
import sys
from urllib.parse import urlsplit

from batch_pipelines.cli import places
from batch_pipelines.cli.output import JsonFlag, write_json


def env(as_json: JsonFlag = False) -> None:
    """Print where everything is, as exports: eval "$(bp env)" makes dagster and dg see the same places.

    A ledger address with a password is shown masked and not exported: your shell has it already.
    """
    found = places.settings()
    rows = [
        ("BP_HOME", str(found.home), "the project: workspace.yaml, and what paths in YAML are relative to"),
        ("BP_DATA", str(found.data), "what is written: tables, dead letters, inbox, reports, logs"),
        ("BP_DEFS", str(found.defs), "the pipelines, a folder with a defs.yaml for each"),
        ("BP_LEDGER_URL", masked(found.ledger_url), "the ledger's database"),
        ("DAGSTER_HOME", os.environ.get("DAGSTER_HOME") or str(found.home), "the folder with dagster.yaml"),
    ]
    if as_json:
        write_json({"name": name, "value": value, "what": what} for name, value, what in rows)
        return
    for name, value, what in rows:
        secret = name == "BP_LEDGER_URL" and value != found.ledger_url
        sys.stdout.write(f"# {what}{'; set already, its password is not repeated' if secret else ''}\n")
        sys.stdout.write(f"{'# ' if secret else 'export '}{name}={shlex.quote(value)}\n")


def masked(url: str) -> str:
    """Return a database address with *** for the password, wherever it stands."""
    parts = urlsplit(url)
    text = url
    if parts.password:
        text = text.replace(f":{parts.password}@", ":***@", 1)
    head, mark, query = text.partition("?")
    pairs = [
        f"{pair.partition('=')[0]}=***" if pair.partition("=")[0].lower() in ("password", "passwd") else pair
        for pair in query.split("&")
    ]
    return head + mark + "&".join(pairs)
