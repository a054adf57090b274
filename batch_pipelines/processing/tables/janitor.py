"""Sweeps away what nobody names: parts of lost claims, dead letters of replaced batches, staged copies.

A part is kept if the table names it (the newest `KEEP_VERSIONS` versions, so that readers finish, and all that were
current within the dataset's `time_travel`), if a plan pins that version, if the ledger names it for an unfinished or
failed batch or for the newest published one (which a replay goes on from), or if it was written for an unfinished one
(its name begins with that batch's stem), for it may be in flight. Delta's own vacuum can't know that.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from batch_pipelines.core.clock import SystemClock
from batch_pipelines.core.errors import IntegrityError
from batch_pipelines.core.ledger.ledger import Ledger
from batch_pipelines.core.model import Batch, BatchState
from batch_pipelines.core.owners import LeaseWatch
from batch_pipelines.lake.commits import commit_parts
from batch_pipelines.lake.delta import files_at, load, table_path
from batch_pipelines.lake.parts import batch_stem
from batch_pipelines.processing.tables.compact import STEM, compaction_app
from batch_pipelines.processing.tables.contributing import contributing
from batch_pipelines.processing.tables.withdrawing import ASIDE, restored, withdrawn

KEEP_VERSIONS = 10
BEING_STAGED_S = 3600.0
_ALIVE = (BatchState.OPEN, BatchState.FAILED)


@dataclass(frozen=True, slots=True)
class Swept:
    """What was removed."""

    files: int
    bytes: int

    def __add__(self, other: "Swept") -> "Swept":
        return Swept(self.files + other.files, self.bytes + other.bytes)


def sweep(
    data: Path, ledger: Ledger, dataset: str, pinned: Iterable[int] = (), time_travel_s: float | None = None
) -> Swept:
    """Remove the files of `dataset` that nothing names.

    Args:
        data: The data folder.
        ledger: The ledger; a batch that is planned after this began keeps its files.
        dataset: Whose files.
        pinned: Versions of the table that plans of other datasets refer to.
        time_travel_s: Versions of the table that were current within these seconds are kept, too.
    """
    table, letters = table_path(data, dataset), data / "dead_letters" / dataset
    parts = [file for file in _files(table) if "_delta_log" not in file.parts]
    dead = list(_files(letters))
    staged = [*_files(data / "staging" / dataset), *_files(data / "corrections" / dataset)]
    # Only now, when the lists are made, ask what is alive: files of batches planned later are in no list.
    alive = ledger.batches.of_pipeline(dataset, _ALIVE)
    there = contributing(ledger, dataset).values()
    current, newest = [batch for batches in there for batch in batches], [batches[-1] for batches in there]
    stems = tuple(batch_stem(batch.key, batch.generation) for batch in alive)
    versions = {*pinned, *_versions_within(table, time_travel_s)}
    named = {table / path for path in _table_files(table, versions)}
    named |= _named(ledger, [*alive, *newest], table, "part")
    letters_named = _named(ledger, [*alive, *current], letters, "dead_letters")
    staged_named = _staged(ledger, alive, current)
    unnamed = [file for file in parts if file not in named and not file.name.startswith((*stems, ASIDE))]
    ended = [file for file in unnamed if not file.name.startswith(STEM)]
    return _remove(
        withdrawn(table, ended, ledger.batches.of_pipeline(dataset) if ended else ())
        + restored(table, [file for file in parts if file.name.startswith(ASIDE)])
        + _dead(table, [file for file in unnamed if file.name.startswith(STEM) and _is_old(file)])
        + [file for file in dead if file not in letters_named and not file.name.startswith(stems)]
        + [file for file in staged if _sha256_in(file.name) not in staged_named and _is_old(file)]
    )


def sweep_all(
    data: Path,
    ledger: Ledger,
    known: Sequence[str],
    wanted: Sequence[str],
    time_travel_s: Mapping[str, float | None] | None = None,
    broken: Callable[[IntegrityError], None] | None = None,
) -> dict[str, Swept]:
    """Sweep the datasets of `wanted`, keeping what plans of any of `known` refer to; then what is nobody's.

    That is the scratch of dead queries, and the ledger's rows of owners that are dead and hold nothing.

    Args:
        data: The data folder.
        ledger: The ledger.
        known: All datasets.
        wanted: Those to sweep.
        time_travel_s: By dataset, see `sweep`.
        broken: Told why a dataset cannot be swept; the others are. None: that is raised.

    Returns:
        What was removed, by dataset; scratch files count for the first.

    Raises:
        IntegrityError: The log of a table cannot be read, so nobody knows what it names.
    """
    alive = [batch for name in known for batch in ledger.batches.of_pipeline(name, _ALIVE)]
    pins = pinned_versions(alive)
    depths = time_travel_s or {}
    swept: dict[str, Swept] = {}
    for name in wanted:
        try:
            swept[name] = sweep(data, ledger, name, pins.get(name, ()), depths.get(name))
        except IntegrityError as error:
            if broken is None:
                raise
            broken(error)
            swept[name] = Swept(0, 0)
    for name in wanted[:1]:
        swept[name] += _remove([file for file in _files(data / "tmp") if _is_old(file)])
    holders = ledger.holders
    holders.forget_idle(LeaseWatch(SystemClock()).gone(holders.all()))
    return swept


def pinned_versions(batches: Iterable[Batch]) -> dict[str, set[int]]:
    """Which versions of which tables the plans of these batches refer to."""
    pins: dict[str, set[int]] = {}
    for batch in batches:
        for reference, pin in batch.plan.get("references", {}).items():
            pins.setdefault(reference.partition(".")[0], set()).add(pin["version"])
    return pins


def _files(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from (file for file in folder.rglob("*") if file.is_file())


def _table_files(path: Path, pinned: Iterable[int]) -> set[str]:
    table = load(path)
    if table is None:
        return set()
    newest = table.version()
    versions = {*range(max(0, newest - KEEP_VERSIONS + 1), newest + 1), *pinned}
    return {name for number in versions for name in _files_if_there(path, number)}


def _versions_within(path: Path, seconds: float | None) -> set[int]:
    """The versions that were the newest at some time within the last `seconds`."""
    table = load(path) if seconds else None
    if table is None or not seconds:
        return set()
    since_ms = (time.time() - seconds) * 1000
    versions = {int(commit["version"]): float(commit.get("timestamp") or 0) for commit in table.history()}
    return {version for version in versions if versions.get(version + 1, since_ms + 1) > since_ms}


def _dead(path: Path, files: list[Path]) -> list[Path]:
    """Those of these files, which compactions wrote, that no table will ever name.

    A compaction that is only stopped might still commit them: so its number is taken first. What it has committed
    until then, the table names.
    """
    table = load(path) if files else None
    if table is None:
        return files
    app = compaction_app(path.name)
    numbers = {app: (table.transaction_version(app) or 0) + 1}
    if not commit_parts(table, "", add=[], remove=[], numbers=numbers, note={"swept": len(files)}):
        return []
    there = {path / name for name in _table_files(path, ())}
    return [file for file in files if file not in there]


def _files_if_there(path: Path, number: int) -> list[str]:
    try:
        return files_at(path, number)
    except IntegrityError:  # Delta has cleaned it up, or the table was made anew
        return []


def _named(ledger: Ledger, batches: Iterable[Batch], folder: Path, what: str) -> set[Path]:
    return {
        folder / chunk.result.detail[what]["path"]
        for batch in batches
        for chunk in ledger.chunks.of_batch(batch.id)
        if chunk.result and chunk.result.detail.get(what)
    }


def _staged(ledger: Ledger, alive: Iterable[Batch], current: Iterable[Batch]) -> set[str]:
    """What unfinished batches read, and what published ones were told of their records: a replay compares that."""
    alive = list(alive)
    sources = {file["sha256"] for batch in alive for file in batch.plan.get("files", ())}
    chunks = (chunk for batch in alive if "replay" in batch.plan for chunk in ledger.chunks.of_batch(batch.id))
    letters = {chunk.payload["letters"] for chunk in chunks if "letters" in chunk.payload}
    known = {
        _sha256_in(Path(batch.plan[what]["path"]).name)
        for batch in (*alive, *current)
        for what in ("corrections", "accepted")
        if what in batch.plan
    }
    return sources | letters | known


def _sha256_in(name: str) -> str:
    """`<sha256>.csv`, `<sha256>-<encoding>.csv`, `<sha256>.json`, `<sha256>.letters.parquet`."""
    return name.partition(".")[0].partition("-")[0]


def _is_old(file: Path) -> bool:
    """Whether no plan that is being made just now can be writing it."""
    return file.is_file() and time.time() - file.stat().st_mtime > BEING_STAGED_S


def _remove(files: Iterable[Path]) -> Swept:
    swept = Swept(0, 0)
    for file in files:
        try:
            size = file.stat().st_size
            file.unlink()
        except FileNotFoundError:
            continue
        swept += Swept(1, size)
    return swept
