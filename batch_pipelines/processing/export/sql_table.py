"""A published partition as rows of a table in PostgreSQL or SQLite, exactly once.

    one transaction:  look at bp_exports → delete the partition's rows → insert → note the publication in bp_exports

The commit row is in the target's own database, so rows and number are there together or not at all, whatever dies.
The same publication writes nothing, a lower one never replaces a higher. The column `_partition` tells whose rows are
whose: rows of other partitions, and those of other writers, stay. What must not live here: types (sql_types.py).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from sqlalchemy import BigInteger, Column, Connection, Index, MetaData, Table, Text, delete, inspect, select, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError

from batch_pipelines.core.clock import Clock
from batch_pipelines.core.connections import Connections
from batch_pipelines.core.databases import POSTGRES, opened, said
from batch_pipelines.core.errors import PermanentError, TransientError
from batch_pipelines.core.faults import fault
from batch_pipelines.lake.delta import PARTITION
from batch_pipelines.lake.parts import SYSTEM_FIELDS
from batch_pipelines.lake.published import Published
from batch_pipelines.processing.declaration.exports import Export
from batch_pipelines.processing.export.sql_rows import Writer, writer_for
from batch_pipelines.processing.export.sql_types import column_types, misfits
from batch_pipelines.processing.export.targets import Done, Exported, RowRefused

COMMITS = "bp_exports"
_SYSTEM = frozenset(field.name for field in SYSTEM_FIELDS)
_MAKING = 7_283_002  # any number, the same in every process: an advisory lock of PostgreSQL


@dataclass(frozen=True, slots=True)
class TableExporter:
    """Writes tables.

    Attributes:
        connections: Where databases are.
        clock: Time.
    """

    connections: Connections
    clock: Clock

    def export(self, target: Export, rows: Published) -> Exported:
        """Have the table hold what is published of a partition, and nothing else of it.

        Raises:
            RowRefused: The table does not take a row; it is as it was.
            PermanentError: The table, its columns or its rights do not fit; it is as it was.
            TransientError: The database is away; nothing was done, or all of it: the next export knows.
            ConfigError: The connection cannot be used.
        """
        name = str(target.connection)
        with (
            self._explained(target),
            opened(self.connections, name, make=True) as engine,
            engine.connect() as connection,
        ):
            return _Transaction(connection, target, rows, self.clock.now().isoformat()).run()

    def recorded(self, target: Export, dataset: str) -> dict[str, int]:
        """Return the publication that the commit row names, by partition.

        Raises:
            TransientError: The database is away.
            ConfigError: The connection cannot be used.
        """
        name = str(target.connection)
        with self._explained(target), opened(self.connections, name) as engine, engine.connect() as connection:
            schema, _, table = str(target.table).rpartition(".")
            if not all(inspect(connection).has_table(each, schema or None) for each in (COMMITS, table)):
                return {}
            commits = _commits(schema or None)
            mine = (commits.c.dataset == dataset, commits.c.target == target.table)
            query = select(commits.c.partition, commits.c.publication).where(*mine)
            return {str(row.partition): int(row.publication) for row in connection.execute(query)}

    @contextmanager
    def _explained(self, target: Export) -> Iterator[None]:
        try:
            yield
        except (OperationalError, InterfaceError) as error:
            why = said(error, self.connections, str(target.connection))
            cure = "nothing was changed, or the commit row says that all was; run again"
            raise TransientError(f"the database cannot be used: {why}; {cure}") from None
        except (DBAPIError, SQLAlchemyError) as error:
            why = said(error, self.connections, str(target.connection))
            raise PermanentError(f"{why}. The table is untouched; correct it, or its rights, and run again") from None


class _Transaction:
    """All that is done in one transaction."""

    def __init__(self, connection: Connection, target: Export, rows: Published, now: str) -> None:
        self._connection = connection
        self._rows = rows
        self._now = now
        self._name = str(target.table)
        schema, _, self._table = self._name.rpartition(".")
        self._schema = schema or None
        self._target = target.name

    def run(self) -> Exported:
        commits = self._lock()
        known = self._known(commits)
        is_newer = known and known.publication > self._rows.number
        if is_newer or (known and known.publication == self._rows.number and self._is_there()):
            done = Done.NEWER if is_newer else Done.CURRENT
            return self._said(done, int(known.publication), int(known.rows))
        table = self._ready()
        fault("export.transaction_begun")
        self._connection.execute(delete(table).where(table.c[PARTITION] == self._rows.partition))
        count = self._insert(table)
        if count != self._rows.rows:
            raise PermanentError(f"{count:,} rows were read, the table says {self._rows.rows:,}; run again")
        self._note(commits, count)
        fault("export.committing")
        self._connection.commit()
        fault("export.committed")
        return self._said(Done.WRITTEN, self._rows.number, count)

    def _is_there(self) -> bool:
        """Whether the table is: somebody may have dropped it, and not its commit rows."""
        return inspect(self._connection).has_table(self._table, self._schema)

    def _lock(self) -> Table:
        """Nobody else exports this partition to this table; the table of commit rows is there."""
        commits = _commits(self._schema)
        if self._connection.dialect.name == POSTGRES:
            words = f"bp_exports/{self._rows.dataset}/{self._rows.partition}/{self._name}"
            self._connection.execute(
                text("SELECT pg_advisory_xact_lock(hashtextextended(:words, 0))"), {"words": words}
            )
        if not inspect(self._connection).has_table(COMMITS, self._schema):
            self._make(commits)
        return commits

    def _make(self, table: Table) -> None:
        """Make a table, unless another was faster: PostgreSQL would let two try at once."""
        if self._connection.dialect.name == POSTGRES:
            self._connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MAKING})
        table.create(self._connection, checkfirst=True)

    def _known(self, commits: Table) -> Any:
        mine = (
            commits.c.dataset == self._rows.dataset,
            commits.c.partition == self._rows.partition,
            commits.c.target == self._name,
        )
        return self._connection.execute(select(commits).where(*mine)).first()

    def _ready(self) -> Table:
        """The target table, made if it is not there, checked if it is."""
        kinds = column_types(self._columns(), self._connection.dialect.name)
        columns = [Column(name, kind) for name, kind in kinds.items()]
        table = Table(self._table, MetaData(schema=self._schema), *columns)
        looked = inspect(self._connection)
        if looked.has_table(self._table, self._schema):
            there = {str(each["name"]): each["type"] for each in looked.get_columns(self._table, self._schema)}
            if wrong := misfits(self._columns(), there, self._connection.dialect.name):
                raise PermanentError(f"the columns do not fit: {'; '.join(wrong)}. The table is untouched")
            return table
        Index(f"{self._table[:40]}_bp_partition", table.c[PARTITION])
        self._make(table)
        return table

    def _columns(self) -> pa.Schema:
        shown = [field for field in self._rows.schema if field.name not in _SYSTEM]
        return pa.schema([*shown, pa.field(PARTITION, pa.string())])

    def _insert(self, table: Table) -> int:
        names = self._columns().names
        writer = writer_for(self._connection, table, names)
        count = 0
        for chunk in self._rows.tables():
            whose = pa.repeat(self._rows.partition, chunk.num_rows)
            rows = chunk.append_column(PARTITION, whose).select(names)
            self._put(writer, chunk, rows)
            fault("export.rows_inserted")
            count += rows.num_rows
        return count

    def _put(self, writer: Writer, chunk: pa.Table, rows: pa.Table) -> None:
        """Insert rows; if one is refused, find it, for whoever has to correct it."""
        with_place = chunk.select(["_source", "_line"])
        refusal = writer.put(rows)
        if refusal is None:
            return
        first, last = 0, rows.num_rows
        while last - first > 1:
            half = (first + last) // 2
            found = writer.put(rows.slice(first, half - first))
            first, last, refusal = (half, last, refusal) if found is None else (first, half, found)
        found = writer.put(rows.slice(first, 1))
        place = with_place.slice(first, 1).to_pylist()[0]
        raise RowRefused(f"{place['_source']}:{place['_line']}", found or refusal)

    def _note(self, commits: Table, count: int) -> None:
        key = {"dataset": self._rows.dataset, "partition": self._rows.partition, "target": self._name}
        self._connection.execute(delete(commits).where(*(commits.c[name] == value for name, value in key.items())))
        values = {**key, "publication": self._rows.number, "rows": count, "at": self._now}
        self._connection.execute(commits.insert().values(values))

    def _said(self, done: Done, publication: int, rows: int) -> Exported:
        return Exported(self._rows.dataset, self._rows.partition, self._target, done, publication, rows)


def _commits(schema: str | None) -> Table:
    return Table(
        COMMITS,
        MetaData(schema=schema),
        Column("dataset", Text, primary_key=True),
        Column("partition", Text, primary_key=True),
        Column("target", Text, primary_key=True),
        Column("publication", BigInteger, nullable=False),
        Column("rows", BigInteger, nullable=False),
        Column("at", Text, nullable=False),
    )
