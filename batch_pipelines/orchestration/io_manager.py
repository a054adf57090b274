"""Values between steps as JSON files, under the run's own folder. No pickle: reading a file must not run code.

Only ids and counts go this way; rows are in parts, and what is true of batches is in the ledger.
"""

import json
import os
from pathlib import Path
from typing import Any

import dagster as dg

JSON_IO_KEY = "json_io_manager"


class JsonIOManager(dg.IOManager):
    """Keeps each output in `<folder>/<run>/<step>/<output>[/<mapping key>].json`.

    Args:
        folder: The instance's storage folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        """Write a value, whole or not at all."""
        file = self._file(context)
        file.parent.mkdir(parents=True, exist_ok=True)
        beside = file.with_suffix(f".{os.getpid()}.tmp")
        beside.write_text(json.dumps(obj), encoding="utf-8")
        beside.replace(file)

    def load_input(self, context: dg.InputContext) -> Any:
        """Read the value that an upstream step wrote, in this run or in the one that is re-executed."""
        if context.upstream_output is None:
            raise dg.Failure(description=f"input {context.name!r} has no upstream step", allow_retries=False)
        return json.loads(self._file(context.upstream_output).read_text(encoding="utf-8"))

    def _file(self, context: dg.OutputContext) -> Path:
        *parts, last = context.get_identifier()
        return self._folder.joinpath(*parts, f"{last}.json")


@dg.io_manager(description="JSON files under the run's folder.")
def json_io_manager(context: dg.InitResourceContext) -> JsonIOManager:
    """Make the manager for the instance at hand."""
    if context.instance is None:
        raise dg.Failure(description="the JSON IO manager needs an instance", allow_retries=False)
    return JsonIOManager(Path(context.instance.storage_directory()))
