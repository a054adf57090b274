"""A published partition as one CSV or Parquet file, in the project or in S3: whole or not at all.

    rows → hidden temporary file, fsync → rename (S3: one upload) → record under data/exports/

The record says which publication the file holds: the same one writes nothing, a lower one never replaces a higher.
A crash between file and record has the same file written once more, which nobody can see.
"""

import fcntl
import hashlib
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from batch_pipelines.core.clock import Clock
from batch_pipelines.core.durable import sync
from batch_pipelines.core.errors import ConfigError, PermanentError
from batch_pipelines.core.faults import fault
from batch_pipelines.core.model import Json
from batch_pipelines.lake.objects import is_object, put, size_of, store
from batch_pipelines.lake.parts import PART_OPTIONS, SYSTEM_FIELDS
from batch_pipelines.lake.published import Published
from batch_pipelines.processing.declaration.exports import Export
from batch_pipelines.processing.export.targets import Done, Exported

_PACKERS: Mapping[str, Any] = {".gz": "gzip", ".zst": "zstd"}
_SYSTEM = frozenset(field.name for field in SYSTEM_FIELDS)
_OURS = ("datasets", "dead_letters", "staging", "dagster", "inbox")
_FORMULA = r"^[=+\-@\t\r]"


@dataclass(frozen=True, slots=True)
class FileExporter:
    """Writes files.

    Attributes:
        home: What relative paths are relative to.
        data: The data folder, which holds the records and what is on its way to S3.
        clock: Time.
    """

    home: Path
    data: Path
    clock: Clock

    def export(self, target: Export, rows: Published) -> Exported:
        """Have the file of a partition hold what is published.

        Raises:
            PermanentError: It cannot be written; the file is as it was.
            ConfigError: A link leads out of the project.
        """
        where = target.path(rows.partition)
        record = self._record(target, rows.dataset, rows.partition)
        with _alone(record):
            known = _read(record)
            if known["publication"] > rows.number:
                return _said(rows, where, Done.NEWER, known)
            if known["publication"] == rows.number and self._size(where) == known["bytes"]:
                return _said(rows, where, Done.CURRENT, known)
            try:
                facts = self._to_store(target, rows, where) if is_object(where) else self._to_disk(target, rows, where)
                fault("export.file_there")
                made = {**facts, "target": target.name, "path": where, "publication": rows.number, "rows": rows.rows}
                _write(record, {**made, "at": self.clock.now().isoformat()})
            except OSError as error:
                raise PermanentError(f"{where} cannot be written: {error.strerror or error}; cure that") from error
        return _said(rows, where, Done.WRITTEN, made)

    def recorded(self, target: Export, dataset: str, partition: str) -> int:
        """Return the publication that the record of a file names, 0 if there is none."""
        return int(_read(self._record(target, dataset, partition))["publication"])

    def _record(self, target: Export, dataset: str, partition: str) -> Path:
        digest = hashlib.sha256(target.model_dump_json().encode()).hexdigest()[:16]
        return self.data / "exports" / dataset / f"{partition}.{digest}.json"

    def _size(self, where: str) -> int | None:
        if is_object(where):
            return size_of(store(), where)
        file = self.home / where
        return file.stat().st_size if file.is_file() else None

    def _to_disk(self, target: Export, rows: Published, where: str) -> Json:
        file = self.home / where
        real = file.parent.resolve()
        if not real.is_relative_to(self.home.resolve()) and not real.is_relative_to(self.data.resolve()):
            raise ConfigError(
                f"{where}: a link leads out of the project, which is not followed; export to another folder"
            )
        if ours := [name for name in _OURS if real.is_relative_to((self.data / name).resolve())]:
            raise ConfigError(f"{where} lies in data/{ours[0]}, whose files are not yours; export to another folder")
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary = _temporary(file)
        try:
            facts = _written(temporary, target, rows)
            fault("export.file_written")
            temporary.replace(file)
            sync(file.parent)
        finally:
            temporary.unlink(missing_ok=True)
        return facts

    def _to_store(self, target: Export, rows: Published, where: str) -> Json:
        folder = self.data / "tmp"
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / f"export-{secrets.token_hex(8)}"
        try:
            facts = _written(temporary, target, rows)
            fault("export.file_written")
            put(store(), temporary, where)
        finally:
            temporary.unlink(missing_ok=True)
        return facts


def _said(rows: Published, where: str, done: Done, facts: Json) -> Exported:
    return Exported(rows.dataset, rows.partition, where, done, facts["publication"], facts["rows"])


def _temporary(file: Path) -> Path:
    """A new hidden name beside a file; those that killed exports have left are removed, we are alone here."""
    for left in file.parent.glob(f".{file.name}.*.tmp"):
        left.unlink(missing_ok=True)
    return file.with_name(f".{file.name}.{secrets.token_hex(4)}.tmp")


def _written(file: Path, target: Export, rows: Published) -> Json:
    """Write all rows; size and hash of the file, which is on disk."""
    tables = (_shown(table) for table in rows.tables())
    schema = _shown(rows.schema.empty_table()).schema
    count = _write_csv(file, target, schema, tables) if target.kind == "csv" else _write_parquet(file, schema, tables)
    if count != rows.rows:
        raise PermanentError(f"{count:,} rows were read, the table says {rows.rows:,}; run again")
    with file.open("rb") as stream:
        os.fsync(stream.fileno())
        return {"bytes": file.stat().st_size, "sha256": hashlib.file_digest(stream, "sha256").hexdigest()}


def _shown(table: pa.Table) -> pa.Table:
    return table.select([name for name in table.column_names if name not in _SYSTEM])


def _write_csv(file: Path, target: Export, schema: pa.Schema, tables: Iterator[pa.Table]) -> int:
    from pyarrow.csv import CSVWriter  # noqa: PLC0415  only who exports CSV pays for it

    packer = next((packer for ending, packer in _PACKERS.items() if str(target.csv).endswith(ending)), None)
    count = 0
    with pa.OSFile(str(file), "wb") as plain:
        sink: Any = pa.CompressedOutputStream(plain, packer) if packer else plain
        with CSVWriter(sink, schema) as writer:
            for table in tables:
                writer.write_table(_escaped(table) if target.escape_formulas else table)
                fault("export.rows_written")
                count += table.num_rows
        if packer:
            sink.close()
    return count


def _write_parquet(file: Path, schema: pa.Schema, tables: Iterator[pa.Table]) -> int:
    count = 0
    with pq.ParquetWriter(file, schema, **PART_OPTIONS) as writer:
        for table in tables:
            writer.write_table(table)
            fault("export.rows_written")
            count += table.num_rows
    return count


def _escaped(table: pa.Table) -> pa.Table:
    """Texts that a spreadsheet would run as formulas begin with a ' then."""
    for place, field in enumerate(table.schema):
        if pa.types.is_string(field.type) or pa.types.is_large_string(field.type):
            column: Any = table.column(place)
            marked = pc.binary_join_element_wise(pa.scalar("'", field.type), column, pa.scalar("", field.type))
            runs = pc.match_substring_regex(column, _FORMULA)
            table = table.set_column(place, field, pc.if_else(runs, marked, column))
    return table


@contextmanager
def _alone(record: Path) -> Iterator[None]:
    """Nobody else exports this partition to this target meanwhile."""
    record.parent.mkdir(parents=True, exist_ok=True)
    with record.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _read(record: Path) -> Json:
    with suppress(OSError, ValueError, TypeError, KeyError):
        known: Json = json.loads(record.read_text(encoding="utf-8"))
        return {"publication": int(known["publication"]), "rows": int(known["rows"]), "bytes": int(known["bytes"])}
    return {"publication": 0, "rows": 0, "bytes": -1}


def _write(record: Path, facts: Json) -> None:
    temporary = record.with_name(f".{record.name}.tmp")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(facts, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(record)
    sync(record.parent)
