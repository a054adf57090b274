"""Which folders of reports may go: older makings of a window, abandoned drafts, snapshots that nobody came back for.

A report that is made again of other rows has another id, and lies beside the one before. What must not live here: when
this is done, and what runs have on record (orchestration/report_records.py).
"""

import shutil
from collections import defaultdict
from collections.abc import Collection
from pathlib import Path

from batch_pipelines.reporting.generate import MANIFEST, REPORTS

KEPT = 3


def clear_reports(data: Path, named: Collection[str], before: float, keep: int = KEPT) -> int:
    """Remove old makings and abandoned drafts; how many folders went.

    Args:
        data: The data folder.
        named: Folders of reports, from the data folder, that stay, however old.
        before: Seconds since 1970: what is younger stays, too; a run may be at it.
        keep: How many makings of a partition, or of one key of a burst in it, stay at least: the newest.
    """
    root = data / REPORTS
    made: dict[Path, list[tuple[float, Path]]] = defaultdict(list)
    for manifest in root.glob(f"[!.]*/**/{MANIFEST}"):
        folder = manifest.parent
        if not folder.name.startswith("."):
            made[folder.parent].append((folder.stat().st_mtime, folder))
    hidden = root.glob("[!.]*/**/.*-*")
    drafts = [folder for folder in hidden if folder.is_dir() and folder.stat().st_mtime < before]
    old = [
        folder
        for makings in made.values()
        for at, folder in sorted(makings, reverse=True)[keep:]
        if at < before and folder.relative_to(data).as_posix() not in named
    ]
    for folder in [*old, *drafts]:
        _remove(folder)
    return len(old) + len(drafts)


def _remove(folder: Path) -> None:
    """Remove a folder; its manifest first: without it, it is no report, whatever happens in between."""
    (folder / MANIFEST).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
