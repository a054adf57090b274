"""`bp env`: where everything is, as shell exports."""

import os
import re
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from batch_pipelines.cli import places
from batch_pipelines.cli.output import JsonFlag, write_json
from batch_pipelines.core.connections import masked, variable_of

if TYPE_CHECKING:
    from batch_pipelines.core.settings import Settings

FILE_NAME = "defs.yaml"
RELAYS = "BP_RELAY_"
HIDDEN = "***"
SECRETS = ("BP_SECRET", "AWS_SECRET_ACCESS_KEY", "BP_POSTGRES_PASSWORD")
OTHERS = {
    "BP_RELAY_DEFAULT": "where mail goes, .eml files under data/mail without it; BP_RELAY_NEWS is `relay: news`",
    "BP_MAIL_FROM": "who writes the mails of reports that have no `from`",
    "BP_ALLOWED_RECIPIENTS": "domains and addresses that reports may be mailed to, anybody without it",
    "BP_REPORTS_URL": "where data/reports is served, for links in mails; paths without it",
    "BP_BOUNCES": "the maildir that bounces of campaigns come to",
    "BP_SECRET": "seals unsubscribe links, data/secret.key without it",
    "AWS_ACCESS_KEY_ID": "for paths s3://",
    "AWS_SECRET_ACCESS_KEY": "for paths s3://",
    "AWS_DEFAULT_REGION": "for paths s3://",
    "AWS_ENDPOINT_URL": "for paths s3:// elsewhere than at AWS",
    "BP_POSTGRES_HOST": "for deploy/postgres/dagster.yaml",
    "BP_POSTGRES_PORT": "for deploy/postgres/dagster.yaml",
    "BP_POSTGRES_USER": "for deploy/postgres/dagster.yaml",
    "BP_POSTGRES_PASSWORD": "for deploy/postgres/dagster.yaml",
    "BP_POSTGRES_DB": "for deploy/postgres/dagster.yaml",
    "DAGSTER_DISABLE_TELEMETRY": "telemetry of dg",
    "BP_DEBUG": "1 shows tracebacks of bp",
    "BP_FAULTS": "crash tests only",
    "BP_REQUIRE_ALL": "tests only",
}
_NAMED = re.compile(r"""\bconnection["']?\s*:\s*["']?([a-z][a-z0-9_]*)""")


def env(as_json: JsonFlag = False) -> None:
    """Print where everything is, as exports: eval "$(bp env)" makes dagster and dg see the same places.

    An address with a password is shown masked and not exported, a secret is not shown at all: your shell has them
    already. What is not set is listed too, with what it is for, and connections that YAML names and nothing sets.
    """
    found = places.settings()
    rows = [*_places(found), *_others(os.environ)]
    rows += [Row(name, None, what) for name, what in _missing(found).items()]
    if as_json:
        write_json([{"name": row.name, "value": row.shown, "what": row.what} for row in rows])
        return
    for row in rows:
        if row.value is None:
            sys.stdout.write(f"# {row.name} is not set: {row.what}\n")
        else:
            secret = row.shown != row.value
            sys.stdout.write(f"# {row.what}{'; set already, its password is not repeated' if secret else ''}\n")
            sys.stdout.write(f"{'# ' if secret else 'export '}{row.name}={shlex.quote(str(row.shown))}\n")


@dataclass(frozen=True, slots=True)
class Row:
    """A variable, its value (None: not set) and what it is for."""

    name: str
    value: str | None
    what: str

    @property
    def shown(self) -> str | None:
        """The value without what must not be seen."""
        return self.value and (HIDDEN if self.name in SECRETS else masked(self.value))


def _places(found: "Settings") -> list[Row]:
    return [
        Row("BP_HOME", str(found.home), "the project: workspace.yaml, and what paths in YAML are relative to"),
        Row("BP_DATA", str(found.data), "what is written: tables, dead letters, inbox, reports, logs"),
        Row("BP_DEFS", str(found.defs), "the pipelines, a folder with a defs.yaml for each"),
        Row("BP_LEDGER_URL", found.ledger_url, "the ledger's database"),
        Row("DAGSTER_HOME", os.environ.get("DAGSTER_HOME") or str(found.home), "the folder with dagster.yaml"),
        *(Row(name, url, "a database that YAML names") for name, url in sorted(found.connections.urls.items())),
    ]


def _others(environ: Mapping[str, str]) -> list[Row]:
    """All that .env.example has besides; those that are set first."""
    relays = {name: "where mail goes" for name in sorted(environ) if name.startswith(RELAYS) and name not in OTHERS}
    rows = [Row(name, environ.get(name) or None, what) for name, what in {**OTHERS, **relays}.items()]
    return sorted(rows, key=lambda row: row.value is None)


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
