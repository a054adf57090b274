"""The versions of referenced tables that a plan is bound to, and the part files of these versions."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from batch_pipelines.core.model import Json
from batch_pipelines.lake.delta import files_at, table_path


def pinned_files(data: Path, references: Mapping[str, Json]) -> Json:
    """Which part files hold the values of each reference, at the version that the plan pins."""
    return {
        reference: {
            "files": _files_at(table_path(data, reference.partition(".")[0]), pin["version"]),
            "column": reference.partition(".")[2],
        }
        for reference, pin in references.items()
    }


@lru_cache(maxsize=64)
def _files_at(table: Path, at: int) -> list[str]:
    return [str(table / name) for name in files_at(table, at)]
