"""Which files a partition is made of, wherever its rows are: in the project, in S3, or frozen out of a database.

What must not live here: finding files (sources/files.py), asking a database (sources/sql.py).
"""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from batch_pipelines.core.connections import Connections
from batch_pipelines.core.declaring.partitions import ALL, keys, window
from batch_pipelines.core.errors import ConfigError
from batch_pipelines.lake.objects import is_object, store
from batch_pipelines.processing.declaration.catalog import Entry
from batch_pipelines.processing.declaration.model import DatasetDeclaration, Partitions
from batch_pipelines.processing.declaration.sql_text import read_query, text_of
from batch_pipelines.processing.sources.caps import Caps
from batch_pipelines.processing.sources.extract import freeze
from batch_pipelines.processing.sources.files import SourceFile, existing_partitions, files_of
from batch_pipelines.processing.sources.objects import ObjectSources
from batch_pipelines.processing.sources.sql import Window, read_rows


class Sources:
    """The sources of a deployment's datasets.

    Args:
        home: What paths in YAML are relative to.
        data: The data folder.
        connections: Where databases are.
        now: The time.
        open_store: Opens the store that `s3://` paths are in.
    """

    def __init__(
        self,
        home: Path,
        data: Path,
        connections: Connections,
        now: Callable[[], datetime],
        open_store: Callable[[], Any] = store,
    ) -> None:
        self._home = home
        self._data = data
        self._connections = connections
        self._now = now
        self._objects = ObjectSources(data, open_store)

    def files(self, entry: Entry, partition: str) -> list[SourceFile]:
        """Return the files of one partition, sorted by name. Rows of a query are frozen into one, anew each time.

        Raises:
            InputError: There are none, or they cannot be read; the message names place and cure.
            ConfigError: There is no such partition, or a connection is not known here.
        """
        if entry.declaration.from_sql:
            return [self._extract(entry, partition)]
        if is_object(entry.declaration.source):
            return self._objects.files(entry.declaration, partition)
        return files_of(entry.declaration, partition, self._home, self._data)

    def fetched(self, entry: Entry, files: list[SourceFile]) -> list[SourceFile]:
        """Return files of `files` whose content is here: objects may have been recognised without being fetched.

        Raises:
            SourceChanged: One is not what it was.
        """
        return self._objects.fetched(entry.declaration.name, files) if is_object(entry.declaration.source) else files

    def partitions(self, declaration: DatasetDeclaration) -> list[str]:
        """Return the partitions that have files now, sorted; of a query, those whose time has ended."""
        if is_object(declaration.source):
            return self._objects.partitions(declaration)
        if not declaration.from_sql:
            return existing_partitions(declaration, self._home, self._data)
        if isinstance(declaration.partitions, Partitions):
            return keys(declaration.partitions, self._now())
        return [ALL]

    def _extract(self, entry: Entry, partition: str) -> SourceFile:
        declaration = entry.declaration
        by_time = isinstance(declaration.partitions, Partitions)
        if not by_time and partition != ALL:
            raise ConfigError(f"there is no partition {partition!r}; dataset {declaration.name!r} has one, {ALL!r}")
        query = read_query(text_of(str(declaration.sql), entry.folder), by_time=by_time)
        bounds = None
        if isinstance(declaration.partitions, Partitions):
            bounds = Window(*window(declaration.partitions, partition), declaration.partitions.timezone)
        rows = read_rows(self._connections, str(declaration.connection), query, bounds)
        staging = self._data / "staging" / declaration.name
        return freeze(rows, declaration.source, staging, ordered=query.ordered, caps=Caps())
