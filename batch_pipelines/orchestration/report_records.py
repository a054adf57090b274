"""What runs have made of each partition of a report, for the checks and deliveries that come after, in whatever run.

A file a partition, written whole or not at all: ids, counts, names of files; rows and files lie elsewhere. What must
not live here: what anybody makes of it.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from batch_pipelines.core.declaring.partitions import ALL
from batch_pipelines.reporting.delivering import Made
from batch_pipelines.reporting.model import Gathered, Manifest, as_json, from_json

FOLDER = "reports/.made"


@dataclass(frozen=True, slots=True)
class Report:
    """One report that was made.

    Attributes:
        gathered: Its rows, and what was found out with them.
        manifest: Its files.
        missing: A line for each table that lacked something of its window.
        address: Whom a burst sends it to.
    """

    gathered: Gathered
    manifest: Manifest
    missing: list[str]
    address: str | None

    @property
    def states(self) -> list[str]:
        """What is worth a word: `empty`, `partial`, `truncated`, `unchanged`; before that `ready` if it is whole."""
        found = ["empty"] if self.manifest.state == "empty" else []
        found += ["partial"] if self.missing else []
        found = found or ["ready"]
        found += ["truncated"] if self.manifest.truncated else []
        return [*found, "unchanged"] if self.manifest.existing else found

    @property
    def rows(self) -> int:
        """Rows of its longest query."""
        return max(self.gathered.rows.values(), default=0)

    @property
    def made(self) -> Made:
        """What deliveries ask of it."""
        return Made(self.manifest, self.gathered.send, self.address)


def report_of(recorded: Mapping[str, Any]) -> Report:
    """Return what `recorded_of` made plain."""
    return Report(
        from_json(Gathered, recorded["gathered"]),
        from_json(Manifest, recorded["manifest"]),
        list(recorded["missing"]),
        recorded["address"],
    )


def recorded_of(report: Report) -> dict[str, Any]:
    """Return a report as plain JSON."""
    return {
        "gathered": as_json(report.gathered),
        "manifest": as_json(report.manifest),
        "missing": report.missing,
        "address": report.address,
    }


def record(data: Path, name: str, partition: str | None, reports: Sequence[Report]) -> None:
    """Record what was made of a partition, in place of what was recorded before."""
    file = _file(data, name, partition)
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_suffix(f".{os.getpid()}.tmp")
    beside.write_text(json.dumps([recorded_of(report) for report in reports], indent=1), encoding="utf-8")
    beside.replace(file)


def recorded(data: Path, name: str, partition: str | None) -> list[Report]:
    """Return what was made of a partition last; nothing if nothing was."""
    file = _file(data, name, partition)
    if not file.is_file():
        return []
    return [report_of(each) for each in json.loads(file.read_text(encoding="utf-8"))]


def recorded_partitions(data: Path, name: str) -> list[str]:
    """Return the partitions of which something was made, the one that was made last at the end."""
    files = sorted((data / FOLDER / name).glob("*.json"), key=lambda file: file.stat().st_mtime_ns)
    return [file.stem for file in files]


def recorded_folders(data: Path) -> set[str]:
    """Return the folders of all reports that are on record, from the data folder."""
    return {
        each["manifest"]["folder"]
        for file in (data / FOLDER).glob("*/*.json")
        for each in json.loads(file.read_text(encoding="utf-8"))
    }


def _file(data: Path, name: str, partition: str | None) -> Path:
    return data / FOLDER / name / f"{partition or ALL}.json"
