"""What people say of single records of a source: "read this value instead", or "known, leave it".

A record is known by the content of its source (SHA-256) and its number, so that whatever is said of it holds whenever
that content is processed. What must not live here: what an expression means, or when it is applied.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, Select, delete, func, insert, select, update

from batch_pipelines.core.clock import Clock
from batch_pipelines.core.ledger.schema import accepted_records, corrected_records, corrections
from batch_pipelines.core.ledger.store import Store

Record = tuple[str, int]
"""SHA-256 of the source's content, number of the record."""
T = TypeVar("T")
AT_ONCE = 500  # contents in one question: databases bound how much may be asked


@dataclass(frozen=True, slots=True)
class Correction:
    """One thing that was said of some records.

    Attributes:
        column: The column whose value it is.
        expression: SQL that gives the value.
        records: Of how many records it was said.
        discarded_at: Since when it no longer holds, ISO 8601; None while it does.
    """

    id: int
    pipeline: str
    column: str
    expression: str
    note: str | None
    who: str
    made_at: str
    discarded_at: str | None
    records: int


class Corrections:
    """The corrections and acceptances of a ledger."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def add(
        self, pipeline: str, changes: Mapping[str, str], records: Collection[Record], *, who: str, note: str | None
    ) -> list[int]:
        """Record that `records` have these values, in one transaction; the ids of what is new by it.

        Args:
            pipeline: Whose records.
            changes: SQL by column.
            records: The records; those of which just this holds already are passed over.
            who: Who says so.
            note: Why.
        """
        made = []
        with self._store.write_alone("corrections") as connection:
            known = _effective(connection, pipeline, {content for content, _ in records})
            for column, expression in changes.items():
                new = [record for record in sorted(records) if known.get((*record, column)) != expression]
                if new:
                    said = {"pipeline": pipeline, "target": column, "expression": expression}
                    made.append(self._insert(connection, {**said, "who": who, "note": note}, new))
        return made

    def _insert(self, connection: Connection, said: Mapping[str, Any], records: Sequence[Record]) -> int:
        values = {**said, "made_at": self._clock.now().isoformat()}
        made = int(connection.execute(insert(corrections).values(values).returning(corrections.c.id)).scalar_one())
        rows = [{"correction_id": made, "content": content, "record": number} for content, number in records]
        connection.execute(insert(corrected_records), rows)
        return made

    def effective(self, pipeline: str, contents: Collection[str]) -> list[tuple[str, int, str, str]]:
        """Content, record, column, expression of what holds for these contents, sorted: what was said last."""
        with self._store.read() as connection:
            found = _effective(connection, pipeline, contents)
        return [(*place, expression) for place, expression in sorted(found.items())]

    def of_pipeline(self, pipeline: str) -> list[Correction]:
        """All corrections ever made, oldest first."""
        with self._store.read() as connection:
            return [_correction(row) for row in connection.execute(_listing(pipeline))]

    def discard(self, pipeline: str, ids: Collection[int]) -> list[Correction]:
        """Let corrections no longer hold; those that held until now."""
        held = (
            corrections.c.pipeline == pipeline,
            corrections.c.id.in_(list(ids)),
            corrections.c.discarded_at.is_(None),
        )
        with self._store.write() as connection:
            found = [_correction(row) for row in connection.execute(_listing(pipeline).where(*held))]
            now = self._clock.now().isoformat()
            connection.execute(update(corrections).where(*held).values(discarded_at=now))
        return found

    def accept(self, pipeline: str, records: Collection[Record], *, who: str, note: str | None) -> int:
        """Mark records as known and to be left alone; how many had not been before."""
        with self._store.write_alone("accepted_records") as connection:
            known = set(_accepted(connection, pipeline, {content for content, _ in records}))
            said = {"pipeline": pipeline, "who": who, "note": note, "made_at": self._clock.now().isoformat()}
            new = [{**said, "content": content, "record": number} for content, number in set(records) - known]
            if new:
                connection.execute(insert(accepted_records), new)
        return len(new)

    def unaccept(self, pipeline: str, records: Collection[Record]) -> int:
        """Take `accept` back; of how many records."""
        by_content: dict[str, list[int]] = {}
        for content, number in records:
            by_content.setdefault(content, []).append(number)
        gone = 0
        with self._store.write() as connection:
            for content, numbers in by_content.items():
                for some in _some(numbers):
                    query = delete(accepted_records).where(
                        accepted_records.c.pipeline == pipeline,
                        accepted_records.c.content == content,
                        accepted_records.c.record.in_(some),
                    )
                    gone += connection.execute(query).rowcount
        return gone

    def accepted(self, pipeline: str, contents: Collection[str]) -> list[Record]:
        """The records of these contents that are accepted, sorted."""
        with self._store.read() as connection:
            return sorted(_accepted(connection, pipeline, contents))


def _effective(connection: Connection, pipeline: str, contents: Collection[str]) -> dict[tuple[str, int, str], str]:
    found: dict[tuple[str, int, str], str] = {}
    for some in _some(sorted(contents)):
        query = (
            select(corrected_records.c.content, corrected_records.c.record, corrections)
            .join(corrections, corrections.c.id == corrected_records.c.correction_id)
            .where(
                corrected_records.c.content.in_(some),
                corrections.c.pipeline == pipeline,
                corrections.c.discarded_at.is_(None),
            )
            .order_by(corrections.c.id)
        )
        for row in connection.execute(query):
            found[row.content, row.record, row.target] = row.expression
    return found


def _accepted(connection: Connection, pipeline: str, contents: Iterable[str]) -> Iterator[Record]:
    for some in _some(sorted(contents)):
        query = select(accepted_records.c.content, accepted_records.c.record).where(
            accepted_records.c.pipeline == pipeline, accepted_records.c.content.in_(some)
        )
        yield from ((row.content, row.record) for row in connection.execute(query))


def _some(values: Sequence[T]) -> Iterator[Sequence[T]]:
    for first in range(0, len(values), AT_ONCE):
        yield values[first : first + AT_ONCE]


def _listing(pipeline: str) -> Select[Any]:
    return (
        select(corrections, func.count(corrected_records.c.record).label("records"))
        .join(corrected_records, corrections.c.id == corrected_records.c.correction_id)
        .where(corrections.c.pipeline == pipeline)
        .group_by(corrections.c.id)
        .order_by(corrections.c.id)
    )


def _correction(row: Row[Any]) -> Correction:
    return Correction(
        id=row.id,
        pipeline=row.pipeline,
        column=row.target,
        expression=row.expression,
        note=row.note,
        who=row.who,
        made_at=row.made_at,
        discarded_at=row.discarded_at,
        records=row.records,
    )
