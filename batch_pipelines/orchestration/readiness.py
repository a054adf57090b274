"""Whether tables hold what a window of time needs: every partition that overlaps it, published from what its files say.

Asks the ledger and the sources, never Dagster's events, which know nothing of what another instance did. What must
not live here: who waits for it (components/).
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, tzinfo

from batch_pipelines.core.declaring import windows
from batch_pipelines.core.declaring.partitions import ALL, Partitions, fits
from batch_pipelines.core.errors import BatchError
from batch_pipelines.processing.pipeline import Processing

SHOWN = 3


def missing_of(
    processing: Processing, tables: Sequence[str], window: tuple[datetime, datetime] | None, *, current: bool = True
) -> list[str]:
    """Return a line for each table that does not hold what it should; none if all is there.

    Args:
        processing: An open session.
        tables: Datasets.
        window: Start and end (exclusive), aware; None for all time.
        current: Also ask whether the files have changed since, which reads them.
    """
    return [line for table in tables for line in _missing(processing, table, window, current=current)]


def needed_partitions(
    partitions: Partitions, window: tuple[datetime, datetime], zone: tzinfo | None = None
) -> list[str]:
    """Return the keys that overlap a window, as clocks on the wall have it, between the partitions' start and end.

    Wall clocks, not instants: days of New York are days in a table by months of UTC whose files were cut in New York.
    """
    begin, end = (moment.astimezone(zone or moment.tzinfo).replace(tzinfo=None) for moment in window)
    start, found = windows.floor(begin, partitions.every), list[str]()
    while start < end:
        key = windows.format_key(start, partitions.every)
        if fits(partitions, key):
            found.append(key)
        start = windows.after(start, partitions.every)
    return found


def _missing(
    processing: Processing, table: str, window: tuple[datetime, datetime] | None, *, current: bool
) -> Iterator[str]:
    declared = processing.catalog.entry(table).declaration.partitions
    with_files = processing.partitions(table)
    published = processing.ledger.batches.currents(table)
    if isinstance(declared, Partitions) and window is not None:
        needed = needed_partitions(declared, window)
        if not needed:
            yield f"{table} has no partition for that time"
            return
    else:
        needed = with_files or sorted(published)
        if not needed:
            yield f"{table} has not been processed"
            return
    if absent := [key for key in needed if key not in published]:
        yield f"{table} {_listed(absent)}not processed"
    elif current and (stale := _stale(processing, table, [key for key in needed if key in with_files])):
        yield f"{table} {_listed(stale)}processed from older files"


def _stale(processing: Processing, table: str, keys: Sequence[str]) -> list[str]:
    try:
        return [key for key, batch in processing.current(table, keys).items() if batch is None]
    except BatchError:  # a source that cannot be read just now: a run will say so
        return list(keys)


def _listed(keys: Sequence[str]) -> str:
    verb = "is " if len(keys) == 1 else "are "
    return verb if list(keys) == [ALL] else f"{', '.join(keys[:SHOWN])}{' …' if len(keys) > SHOWN else ''} {verb}"
