"""Dead letters that come back: planned again as new generations of their partitions, accepted, corrected.

    look (which letters) → record corrections → plan a generation per partition → work and publish as any batch

What must not live here: how one partition is planned (plan.py).
"""

import dataclasses
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field

from batch_pipelines.core.errors import BatchError, ConfigError, Refused
from batch_pipelines.core.model import Batch, BatchState, Json
from batch_pipelines.lake.delta import app_id, published_number, table_path
from batch_pipelines.processing.dead_letters.corrections import contents_of, known_of
from batch_pipelines.processing.dead_letters.selection import Wanted
from batch_pipelines.processing.pipeline import Processing
from batch_pipelines.processing.replaying.plan import REPLAY, Look, Site
from batch_pipelines.processing.reports import Planning
from batch_pipelines.processing.rows.corrections import check_changes
from batch_pipelines.processing.standing import lettered, standings
from batch_pipelines.processing.tables.contributing import contributing

_BARE = re.compile(r"[A-Za-z_]\w*|\d[\w:.+-]*")  # SJU, 2013-01-01


@dataclass(frozen=True, slots=True)
class Replay:
    """What is asked for.

    Attributes:
        dataset: Whose dead letters.
        partitions: Of these partitions; None for all.
        wanted: Which of them.
        changes: Corrections: SQL (or a bare value) by column.
        note: Why; kept with the corrections.
        who: Who asks.
        root_run: The Dagster run that began it all; its retries resume what it planned.
    """

    dataset: str
    partitions: Sequence[str] | None = None
    wanted: Wanted = field(default_factory=Wanted)
    changes: Mapping[str, str] = field(default_factory=dict)
    note: str | None = None
    who: str = "unknown"
    root_run: str | None = None

    @property
    def asked(self) -> Json:
        """What a plan keeps of it."""
        return {**asdict(self.wanted), "set": dict(self.changes), "note": self.note}


@dataclass(frozen=True, slots=True)
class Replaying:
    """What planning a replay came to.

    Attributes:
        planning: Its batches, as of any other run, and what could not be planned.
        looks: By partition: its dead letters, and which of them are tried.
        older: Letters of batches that others were added to: they are not tried.
    """

    planning: Planning
    looks: dict[str, Look]
    older: int = 0

    @property
    def tried(self) -> int:
        """Letters that are tried, those of batches that are resumed left out."""
        return sum(look.tried for look in self.looks.values())

    @property
    def letters(self) -> int:
        """All letters of the partitions that were looked at."""
        return sum(look.letters for look in self.looks.values())

    @property
    def unreadable(self) -> int:
        """Letters whose content was not kept."""
        return sum(look.unreadable for look in self.looks.values())

    @property
    def reasons(self) -> dict[str, int]:
        """Reasons of the letters that are tried."""
        found: Counter[str] = Counter()
        for look in self.looks.values():
            found.update(look.reasons)
        return dict(found.most_common())


def in_sql(processing: Processing, replay: Replay) -> Replay:
    """Return the same with all corrections as SQL: a bare word that is no column stands for itself.

    A shell takes the quotes of `--set dest='SJU'` away.
    """
    batches = processing.ledger.batches.currents(replay.dataset).values()
    columns = {name for batch in batches for header in batch.plan["headers"].values() for name in header}
    changes = {column: _as_sql(text, columns) for column, text in replay.changes.items()}
    return dataclasses.replace(replay, changes=changes)


def _as_sql(text: str, columns: Collection[str]) -> str:
    if text in columns or text.lower() == "null" or not _BARE.fullmatch(text):
        return text
    return f"'{text}'"


def look(processing: Processing, replay: Replay) -> Replaying:
    """Find out what would be tried. Changes nothing.

    Raises:
        ConfigError: There is no such dataset or partition, or SQL is wrong.
    """
    replay = in_sql(processing, replay)
    site, replaying = _site(processing, replay), Replaying(Planning(replay.dataset, [], [], {}), {})
    for partition in _partitions(replay, site.ledger.batches.currents(replay.dataset)):
        try:
            found = _looked(site, partition, replay)
            known = known_of(site.ledger, site.dataset, contents_of(found.base.plan).values())
            site.picks(found, known.with_changes(found.records, replay.changes))
        except ConfigError:
            raise
        except BatchError as error:
            replaying.planning.problems[partition] = str(error)
            continue
        replaying.looks[partition] = found
    there = contributing(site.ledger, replay.dataset)
    older = [batch.id for partition in replaying.looks for batch in there.get(partition, [])[:-1]]
    return dataclasses.replace(replaying, older=site.ledger.chunks.counts(older).dead)


def plan(processing: Processing, replay: Replay) -> Replaying:
    """Record the corrections and plan a generation of every partition that has something to try.

    A replay of the same that was begun is resumed; one of something else is finished first.

    Raises:
        ConfigError: There is no such dataset or partition, or SQL is wrong: nothing is recorded then.
    """
    replay = in_sql(processing, replay)
    site, replaying = _site(processing, replay), Replaying(Planning(replay.dataset, [], [], {}), {})
    for partition in _partitions(replay, site.ledger.batches.currents(replay.dataset)):
        try:
            if batch := _begun(processing, site, partition, replay):
                replaying.planning.batch_ids.append(batch.id)
            else:
                replaying.looks[partition] = _looked(site, partition, replay)
        except ConfigError:
            raise
        except BatchError as error:
            replaying.planning.problems[partition] = str(error)
    records = [record for found in replaying.looks.values() for record in found.records]
    if replay.changes and records:
        site.ledger.corrections.add(replay.dataset, replay.changes, records, who=replay.who, note=replay.note)
    for partition, found in replaying.looks.items():
        try:
            if batch := _opened(site, found, replay):
                replaying.planning.batch_ids.append(batch.id)
        except ConfigError:
            raise
        except BatchError as error:
            replaying.planning.problems[partition] = str(error)
    return replaying


def accept(processing: Processing, replay: Replay) -> int:
    """Mark dead letters as known and to be left alone; how many had not been before.

    Args:
        processing: The datasets.
        replay: Which; corrections have no meaning here.
    """
    records = [record for found in _all_looks(processing, replay) for record in found.records]
    return processing.ledger.corrections.accept(replay.dataset, records, who=replay.who, note=replay.note)


def unaccept(processing: Processing, replay: Replay) -> int:
    """Take `accept` back; of how many letters."""
    records = [record for found in _all_looks(processing, replay) for record in found.records]
    return processing.ledger.corrections.unaccept(replay.dataset, records)


def _all_looks(processing: Processing, replay: Replay) -> Iterator[Look]:
    site = _site(processing, replay)
    batches = {each.partition: lettered(each) for each in standings(processing, replay.dataset)}
    for partition in _partitions(replay, batches):
        for batch in batches[partition]:
            yield site.look(batch, replay.wanted)


def _site(processing: Processing, replay: Replay) -> Site:
    settings = processing.settings
    return Site(processing.catalog.entry(replay.dataset), processing.ledger, settings.home, settings.data)


def _partitions(replay: Replay, there: Collection[str]) -> list[str]:
    known = sorted(there)
    if replay.partitions is None:
        return known
    wanted = list(dict.fromkeys(replay.partitions))
    if unknown := [partition for partition in wanted if partition not in known]:
        ones = f"there are {known[0]} to {known[-1]}" if known else "there is none yet"
        raise ConfigError(f"{replay.dataset} has no published partition {unknown[0]!r}; {ones}")
    return wanted


def _begun(processing: Processing, site: Site, partition: str, replay: Replay) -> Batch | None:
    """The replay that has been begun for just this, if there is one; one for something else is finished first.

    Raises:
        Refused: The partition is being processed.
    """
    current, unfinished = _published(site, partition), site.ledger.batches.unfinished(site.dataset, partition)
    if unfinished is None:
        mine = current and replay.root_run and current.root_run == replay.root_run
        return current if mine and current and _is_of(current, replay) else None
    if REPLAY not in unfinished.plan:
        counts = site.ledger.chunks.counts([unfinished.id])
        raise Refused(
            f"it is being processed ({counts.chunks_done:,} of {counts.chunks:,} chunks are done); "
            f"replay when that has ended, or finish it now: bp process {site.dataset} {partition}"
        )
    if _is_of(unfinished, replay):
        return unfinished
    processing.work([unfinished.id], wait_for_others=True)
    return None


def _is_of(batch: Batch, replay: Replay) -> bool:
    return REPLAY in batch.plan and batch.plan[REPLAY]["asked"] == replay.asked


def _published(site: Site, partition: str) -> Batch | None:
    """The published batch, if the table holds it; a batch that only the table knows to be published is recorded."""
    batches = site.ledger.batches
    number = published_number(table_path(site.data, site.dataset), app_id(site.dataset, partition))
    unfinished = batches.unfinished(site.dataset, partition)
    if unfinished and number is not None and unfinished.publication == number:
        batches.finish(unfinished.id, BatchState.PUBLISHED)
    current = batches.current(site.dataset, partition)
    return current if current and current.publication == number else None


def _looked(site: Site, partition: str, replay: Replay) -> Look:
    base = _published(site, partition)
    if base is None:
        raise Refused(f"it is not published, or the table was changed; bp process {site.dataset} {partition}")
    for header in base.plan["headers"].values():
        check_changes(header, replay.changes)
    return site.look(base, replay.wanted)


def _opened(site: Site, found: Look, replay: Replay) -> Batch | None:
    base = found.base
    known = known_of(site.ledger, site.dataset, contents_of(base.plan).values())
    planned = site.plan(found, known, replay.asked)
    if planned is None:
        return None
    number = published_number(table_path(site.data, site.dataset), app_id(site.dataset, base.partition))
    batch = site.ledger.batches.open_on(planned, base.id, root_run=replay.root_run, published=number)
    if batch is None:
        raise Refused("another run processes it just now; replay again when that has ended")
    return batch
