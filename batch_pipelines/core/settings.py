"""Where things are: the project's home, its data folder, its ledger.

Read from the environment once, at the edge (a command, a job, a sensor), then passed on. `bp env` prints it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import batch_pipelines
from batch_pipelines.core.connections import Connections, load_connections, normalised


@dataclass(frozen=True, slots=True)
class Settings:
    """The places of one deployment.

    Attributes:
        home: The folder that holds workspace.yaml; YAML paths are relative to it. `BP_HOME`.
        data: Where tables, dead letters, inbox and Dagster's files lie. `BP_DATA`, by default `home/data`.
        ledger_url: SQLAlchemy address of the ledger. `BP_LEDGER_URL`, by default SQLite in `data`.
        defs: The folder of declarations. `BP_DEFS`, by default the package's defs/.
        connections: Databases that YAML names, e.g. `shop`: `BP_CONNECTION_SHOP`.
    """

    home: Path
    data: Path
    ledger_url: str
    defs: Path
    connections: Connections = field(default_factory=Connections)


def load_settings(environ: Mapping[str, str], cwd: Path) -> Settings:
    """Settings from environment variables, else from `cwd`, else from where the package lies."""
    package = Path(batch_pipelines.__file__).parent
    if home_text := environ.get("BP_HOME"):
        home = Path(home_text).resolve()
    elif (cwd / "workspace.yaml").is_file():
        home = cwd.resolve()
    else:
        home = package.parent
    data = Path(environ.get("BP_DATA") or home / "data").resolve()
    return Settings(
        home=home,
        data=data,
        ledger_url=_ledger_url(environ.get("BP_LEDGER_URL"), data),
        defs=Path(environ.get("BP_DEFS") or package / "defs").resolve(),
        connections=load_connections(environ, home),
    )


def _ledger_url(text: str | None, data: Path) -> str:
    return normalised(text) if text else f"sqlite:///{data / 'ledger.db'}"
