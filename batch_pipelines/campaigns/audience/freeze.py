"""An occurrence's content, frozen: audience, data, templates and attachments as files in one folder, known by hash.

    data/campaigns/<campaign>/<partition>/<token>/   audience.parquet  data-<name>.parquet  <template>  <attachment> …

Whatever happens to tables and templates later, everybody gets the same mail. What must not live here: who is of the
audience (gather.py), the ledger.
"""

import hashlib
import json
import os
import re
import secrets
import shutil
import threading
from array import array
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from batch_pipelines.campaigns.audience.gather import ADDRESS, NAME, SEQ, Gathered, grouped
from batch_pipelines.campaigns.declaration.model import CampaignDeclaration
from batch_pipelines.core.errors import IntegrityError
from batch_pipelines.core.faults import fault
from batch_pipelines.core.mailings import NewRecipient
from batch_pipelines.core.model import Json
from batch_pipelines.delivery.addresses import Address
from batch_pipelines.lake.parts import write_part

AUDIENCE = "audience.parquet"
KEY, DOMAIN, SKIPPED = "_key", "_domain", "_skipped"
ROWS_A_GROUP = 5_000
GROUPS_KEPT = 4
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Frozen:
    """A folder of files, and what they are.

    Attributes:
        folder: From the data folder.
        files: SHA-256 by name.
    """

    folder: str
    files: dict[str, str]

    @property
    def sha256(self) -> str:
        """Of all of it."""
        return hashlib.sha256(json.dumps(self.files, sort_keys=True).encode()).hexdigest()


def freeze(gathered: Gathered, declaration: CampaignDeclaration, folder: Path, data: Path, partition: str) -> Frozen:
    """Write everything an occurrence needs; it is on disk when this returns.

    Args:
        gathered: Audience and data.
        declaration: The campaign.
        folder: The folder of its YAML.
        data: The data folder.
        partition: The occurrence's.
    """
    at = Path("campaigns") / declaration.name / _UNSAFE.sub("_", partition) / secrets.token_hex(4)
    files: dict[str, str] = {}
    if len(gathered.rows):
        files[AUDIENCE] = write_part(_groups(gathered), data / at, AUDIENCE).sha256
    (data / at).mkdir(parents=True, exist_ok=True)
    for name, rows in gathered.data.items():
        if len(rows):
            files[_data_file(name)] = write_part(rows, data / at, _data_file(name)).sha256
    beside = [declaration.template, declaration.text, *declaration.attachments]
    for file in filter(None, beside):
        files[file] = _copy(folder / file, data / at / file)
    fault("mail.frozen")
    return Frozen(at.as_posix(), files)


def discard(frozen: Frozen, data: Path) -> None:
    """Remove what was frozen for nothing: somebody else was faster."""
    shutil.rmtree(data / frozen.folder, ignore_errors=True)


def _groups(gathered: Gathered) -> Iterator[pa.Table]:
    """The audience in row groups, with what the ledger is to know of each recipient."""
    table = gathered.rows
    for name, values in (
        (KEY, [each.key for each in gathered.recipients]),
        (DOMAIN, [each.domain for each in gathered.recipients]),
        (SKIPPED, [each.skipped for each in gathered.recipients]),
    ):
        table = table.append_column(name, pa.array(values, pa.string()))
    for first in range(0, len(table), ROWS_A_GROUP):
        yield table.slice(first, ROWS_A_GROUP)


def _copy(source: Path, target: Path) -> str:
    content = source.read_bytes()
    with target.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return hashlib.sha256(content).hexdigest()


def _data_file(name: str) -> str:
    return f"data-{name}.parquet"


class Contents:
    """What was frozen, being read. May be used by several threads.

    Args:
        frozen: What is there.
        data: The data folder.
        declaration: The campaign, as it was frozen.

    Raises:
        IntegrityError: A file is not there, or not as it was.
    """

    def __init__(self, frozen: Frozen, data: Path, declaration: CampaignDeclaration) -> None:
        self._folder = data / frozen.folder
        self._declaration = declaration
        self._files = frozen.files
        self._lock = threading.Lock()
        self._groups: OrderedDict[int, pa.Table] = OrderedDict()
        for name, expected in frozen.files.items():
            if _sha256(self._folder / name) != expected:
                path = self._folder / name
                raise IntegrityError(f"{path} is not what was frozen: bring it back from a backup, or cancel")

    def text(self, name: str) -> str:
        """Return a template file."""
        return (self._folder / name).read_text(encoding="utf-8")

    def bytes(self, name: str) -> bytes:
        """Return an attachment."""
        return (self._folder / name).read_bytes()

    def recipients(self) -> Iterator[list[NewRecipient]]:
        """Yield all recipients as the ledger is to know them, a few thousand at a time."""
        for group in range(self._file.num_row_groups if self._file else 0):
            rows = self._group(group).select([SEQ, ADDRESS, KEY, DOMAIN, SKIPPED]).to_pylist()
            yield [NewRecipient(row[SEQ], row[ADDRESS], row[KEY], row[DOMAIN], row[SKIPPED]) for row in rows]

    def of(self, seqs: Sequence[int]) -> dict[int, tuple[Address, Json]]:
        """Return address and variables of some recipients, by number."""
        found: dict[int, tuple[Address, Json]] = {}
        for number in sorted({seq // ROWS_A_GROUP for seq in seqs}):
            wanted = [seq % ROWS_A_GROUP for seq in seqs if seq // ROWS_A_GROUP == number]
            for row in self._group(number).take(_positions(wanted)).to_pylist():
                found[row[SEQ]] = (_address(row), self._variables(row))
        return found

    @cached_property
    def _variables(self) -> Callable[[Json], Json]:
        files = {name: _data_file(name) for name in self._declaration.data}
        known = {name: pq.read_table(self._folder / file) for name, file in files.items() if file in self._files}
        return variables_of(self._declaration, known)

    @cached_property
    def _file(self) -> "pq.ParquetFile | None":
        return pq.ParquetFile(self._folder / AUDIENCE) if AUDIENCE in self._files else None

    def _group(self, number: int) -> pa.Table:
        with self._lock:
            if number not in self._groups:
                file = self._file
                assert file is not None  # noqa: S101  only its recipients are asked for
                self._groups[number] = file.read_row_group(number, use_threads=False)
                if len(self._groups) > GROUPS_KEPT:
                    self._groups.popitem(last=False)
            self._groups.move_to_end(number)
            return self._groups[number]


def variables_of(declaration: CampaignDeclaration, figures: Mapping[str, pa.Table]) -> Callable[[Json], Json]:
    """Return what makes the variables of a recipient of a row of the audience: its columns, and its data by key.

    Args:
        declaration: The campaign.
        figures: Rows of each `data`; one without rows may be left out.
    """
    known = {name: grouped(figures[name], data) if name in figures else {} for name, data in declaration.data.items()}

    def variables(row: Json) -> Json:
        own = {name: value for name, value in row.items() if not name.startswith("_")}
        for name, data in declaration.data.items():
            key = tuple(row[column] for column in data.by)
            own[name] = known[name].get(key, [] if data.many else None)
        return own

    return variables


def _address(row: Json) -> Address:
    local, _, domain = row[ADDRESS].rpartition("@")
    return Address(local, domain, row[NAME] or "")


def _positions(rows: Sequence[int]) -> "pa.Array[Any]":
    """The same as an Arrow array: `pa.array` would import pandas, a quarter of a second for every sender."""
    return pa.Array.from_buffers(pa.int64(), len(rows), [None, pa.py_buffer(array("q", rows))])


def _sha256(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
