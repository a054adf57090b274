"""What is known of records before they are read: their corrections, and which dead letters are accepted.

Frozen for a batch: whatever is said later, the batch is worked with what held when it was planned. Records are known
by the content of their file and their number. What must not live here: what SQL makes of a row (rows/corrections.py).
"""

import hashlib
import json
import os
import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from batch_pipelines.core.durable import sync
from batch_pipelines.core.model import Json
from batch_pipelines.lake.parts import read_part, write_part

if TYPE_CHECKING:  # workers read what was frozen, and need no database
    from batch_pipelines.core.ledger.ledger import Ledger

Record = tuple[str, int]
"""SHA-256 of the source's content, number of the record."""
CORRECTIONS, ACCEPTED = "corrections", "accepted"
_FIELDS: "list[pa.Field[Any]]" = [
    pa.field("content", pa.string()),
    pa.field("record", pa.int64()),
    pa.field("column", pa.string()),
    pa.field("expression", pa.string()),
]


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the records of some contents.

    Attributes:
        corrections: Content, record, column, SQL expression; sorted, one for each column of a record.
        accepted: Content and record of dead letters that are to be left alone; sorted.
    """

    corrections: Sequence[tuple[str, int, str, str]] = ()
    accepted: Sequence[Record] = ()

    @property
    def digest(self) -> str | None:
        """The identity of the corrections; None if there are none."""
        return _digest(self.corrections) if self.corrections else None

    @property
    def changes(self) -> dict[Record, dict[str, str]]:
        """The corrections: SQL by column, by record."""
        found: dict[Record, dict[str, str]] = {}
        for content, record, column, expression in self.corrections:
            found.setdefault((content, record), {})[column] = expression
        return found

    def with_changes(self, records: Collection[Record], changes: Mapping[str, str]) -> "Known":
        """What would be known, were these corrections made."""
        said = {(content, record, column): sql for content, record, column, sql in self.corrections}
        said |= {(*record, column): sql for record in records for column, sql in changes.items()}
        return Known([(*place, sql) for place, sql in sorted(said.items())], self.accepted)


def known_of(ledger: "Ledger", dataset: str, contents: Collection[str]) -> Known:
    """Return what the ledger knows now of the records of these contents."""
    corrections = ledger.corrections
    return Known(corrections.effective(dataset, contents), corrections.accepted(dataset, contents))


def freeze(known: Known, data: Path, dataset: str) -> Json:
    """Write what is known to files of its own; return what a plan says of it.

    Args:
        known: It.
        data: The data folder; the files are named from there.
        dataset: Whose records.
    """
    plan: Json = {}
    if known.corrections:
        plan[CORRECTIONS] = {**_file(_table(known.corrections, 4), data, dataset), "digest": known.digest}
    if known.accepted:
        plan[ACCEPTED] = _file(_table(known.accepted, 2), data, dataset)
    return plan


def frozen(plan: Json, data: Path) -> Known:
    """Return what was frozen for a batch."""
    files = [data / plan[name]["path"] if name in plan else None for name in (CORRECTIONS, ACCEPTED)]
    corrections, accepted = ([] if file is None else _rows(file) for file in files)
    return Known(corrections, accepted)


def digest_in(plan: Json) -> str | None:
    """Return the identity of the corrections that a batch was planned with."""
    return str(plan[CORRECTIONS]["digest"]) if CORRECTIONS in plan else None


def contents_of(plan: Json) -> dict[str, str]:
    """Return the SHA-256 of the content of each of a batch's files, by its name."""
    return {file["name"]: file["sha256"] for file in plan["files"]}


def changes_between(file: Path, content: str, first: int, last: int) -> dict[int, dict[str, str]]:
    """Return the corrections of one content's records from number `first` to `last`: SQL by column, by record.

    Args:
        file: A frozen file of corrections.
        content: SHA-256.
        first: Number of a record.
        last: Number of a record, included.
    """
    table = _read(str(file))
    records = table.column("record").to_numpy()
    inside = (records >= first) & (records <= last)
    found: dict[int, dict[str, str]] = {}
    for row in table.filter(pa.array(inside)).to_pylist() if inside.any() else ():
        if row["content"] == content:
            found.setdefault(row["record"], {})[row["column"]] = row["expression"]
    return found


def count_accepted(letters: Iterable[pa.Table], contents: Mapping[str, str], accepted: Collection[Record]) -> int:
    """Count the dead letters that are accepted.

    Args:
        letters: Dead letters: `source` and `record`.
        contents: SHA-256 of the content of each source.
        accepted: What is.
    """
    known = set(accepted)
    return sum(
        (contents.get(row["source"], ""), row["record"]) in known
        for table in (letters if known else ())
        for row in table.select(["source", "record"]).to_pylist()
    )


def write_by_hash(folder: Path, rows: pa.Table, ending: str) -> tuple[str, int]:
    """Write rows to a file that is named by its own hash, and is there whole or not at all.

    Returns:
        Its SHA-256 and its size.
    """
    temporary = f".{secrets.token_hex(6)}.tmp"
    part = write_part(rows, folder, temporary)
    os.replace(folder / temporary, folder / f"{part.sha256}{ending}")  # noqa: PTH105 - an atomic rename
    sync(folder)
    return part.sha256, part.bytes


def _file(rows: pa.Table, data: Path, dataset: str) -> Json:
    sha256, _ = write_by_hash(data / "corrections" / dataset, rows, ".parquet")
    return {"path": f"corrections/{dataset}/{sha256}.parquet", "records": rows.num_rows}


def _rows(file: Path) -> list[Any]:
    columns = _read(str(file)).to_pydict().values()
    return list(zip(*columns, strict=True))


@lru_cache(maxsize=4)
def _read(file: str) -> pa.Table:
    return read_part(Path(file))


def _table(rows: Sequence[tuple[Any, ...]], width: int) -> pa.Table:
    columns = [pa.array([row[place] for row in rows], _FIELDS[place].type) for place in range(width)]
    return pa.Table.from_arrays(columns, schema=pa.schema(_FIELDS[:width]))


def _digest(rows: Sequence[tuple[Any, ...]]) -> str:
    found = hashlib.sha256()
    for row in rows:
        found.update(json.dumps(row).encode() + b"\n")
    return found.hexdigest()
