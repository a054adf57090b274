"""Taking parts of ended batches away so that no table names them, even if their publisher was only stopped.

A publisher looks whether its parts are there and commits a moment later. One that was stopped in between, whose batch
was superseded meanwhile, would commit parts that are gone. So they are renamed first: who looks from now on misses
them. Then the number of their partition is written once more, unchanged: Delta refuses the commit of whoever looked
before. What a table names by then, because the commit was faster, gets its name back; the rest may go.
What must not live here: which files nobody names (janitor.py).
"""

import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from batch_pipelines.core.faults import fault
from batch_pipelines.core.model import Batch, BatchState
from batch_pipelines.lake.commits import commit_parts
from batch_pipelines.lake.delta import app_id, load, parts_by_partition
from batch_pipelines.lake.parts import batch_stem

ASIDE = "withdrawn-"
TRIES = 5
OTHERS_AT_IT_S = 3600.0


def withdrawn(path: Path, files: Sequence[Path], batches: Iterable[Batch]) -> list[Path]:
    """Take these files out of everybody's reach; what may be removed then, by the names they have now.

    Args:
        path: The table's folder.
        files: Parts that no version of the table names that is kept.
        batches: All batches of the dataset.
    """
    risky = _may_publish(path, batches)
    stems = tuple(batch_stem(batch.key, batch.generation) for batch in risky)
    those = [file for file in files if stems and file.name.startswith(stems)]
    if not those:
        return list(files)
    owners = {batch.partition for batch in risky if _wrote(batch, those)}
    aside = {now: file for file in those if (now := _renamed(file))}
    fault("withdraw.set_aside")
    fenced = _fenced(path, owners, {file.parent.name for file in those})
    named = _named(path)
    for now, before in aside.items():
        if not fenced or before in named:
            now.rename(before)
    return [*(file for file in files if file not in those), *(now for now in aside if now.exists())]


def restored(path: Path, files: Iterable[Path]) -> list[Path]:
    """Undo what a janitor left that died in between; those of these files that are still set aside and may go."""
    named = _named(path)
    left = []
    for file in files:
        before = file.with_name(file.name.removeprefix(ASIDE))
        if before in named and not before.exists():
            file.rename(before)
        elif time.time() - file.stat().st_ctime > OTHERS_AT_IT_S:
            left.append(file)
    return left


def _may_publish(path: Path, batches: Iterable[Batch]) -> list[Batch]:
    """The ended batches that the table itself would not turn away."""
    table = load(path)
    ended = [batch for batch in batches if batch.state in (BatchState.SUPERSEDED, BatchState.SOURCE_CHANGED)]
    if table is None:
        return ended
    return [
        batch
        for batch in ended
        if batch.publication > (table.transaction_version(app_id(path.name, batch.partition)) or 0)
    ]


def _wrote(batch: Batch, files: Iterable[Path]) -> bool:
    return any(file.name.startswith(batch_stem(batch.key, batch.generation)) for file in files)


def _renamed(file: Path) -> Path | None:
    try:
        return file.rename(file.with_name(f"{ASIDE}{file.name}"))
    except FileNotFoundError:  # another janitor
        return None


def _fenced(path: Path, owners: Iterable[str], folders: Iterable[str]) -> bool:
    """Make Delta refuse all commits to these partitions that were decided before now. False: others kept writing.

    A table that is not there has no such commits: its publisher makes it first, then looks again.
    """
    for _ in range(TRIES):
        table = load(path)
        if table is None:
            return True
        numbers = {app_id(path.name, each): 0 for each in owners}
        for app in {*numbers, *(app_id(path.name, each) for each in folders)}:
            if (number := table.transaction_version(app)) is not None:
                numbers[app] = number
        if commit_parts(table, "", add=[], remove=[], numbers=numbers, note={"withdrawn": "parts of ended batches"}):
            return True
    return False


def _named(path: Path) -> set[Path]:
    table = load(path)
    parts = parts_by_partition(table) if table else {}
    return {path / part.path for some in parts.values() for part in some}
