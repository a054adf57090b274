"""The sheet of a workbook as a Parquet file: made once, by a process of its own, kept under the workbook's hash.

What must not live here: reading a workbook (xlsx_convert.py).
"""

import hashlib
import json
import os
import secrets
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from batch_pipelines.core.errors import InputError
from batch_pipelines.core.model import Json
from batch_pipelines.processing.declaration.options import XlsxOptions
from batch_pipelines.processing.sources.caps import Caps
from batch_pipelines.processing.sources.files import SourceFile, sha256_of

CONVERTER = "batch_pipelines.processing.sources.xlsx_convert"
LIMIT_S = 600.0


@dataclass(frozen=True, slots=True)
class StagedSheet:
    """A sheet, as a Parquet file.

    Attributes:
        path: The file.
        sha256: Of the workbook as it lies.
        staged_sha256: Of the file.
        columns: Names of the columns, in order; none if the sheet is empty.
        blank_lines: Empty rows, which stand for no record.
    """

    path: Path
    sha256: str
    staged_sha256: str
    columns: list[str]
    blank_lines: int


def stage_sheet(file: SourceFile, options: XlsxOptions, staging_dir: Path) -> StagedSheet:
    """Stage the sheet of a workbook that the options name, unless that was done.

    Raises:
        InputError: The workbook cannot be read as declared, or there is no room for the file.
    """
    sha256 = sha256_of(file)
    which = hashlib.sha256(options.model_dump_json().encode()).hexdigest()[:8]
    target = staging_dir / f"{sha256}-{which}.parquet"
    if (known := _known(target)) is not None:
        return known
    try:
        staging_dir.mkdir(parents=True, exist_ok=True)
        return _made(file, options, sha256, target)
    except OSError as error:
        raise InputError(
            file.name, f"cannot be staged in {staging_dir}: {error.strerror}; cure that and run again"
        ) from error


def _made(file: SourceFile, options: XlsxOptions, sha256: str, target: Path) -> StagedSheet:
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        answer = _converted(file, options, temporary)
        with temporary.open("rb") as made:
            staged = hashlib.file_digest(made, "sha256").hexdigest()
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    sheet = StagedSheet(target, sha256, staged, answer["columns"], answer["blank_lines"])
    _describe(sheet)
    return sheet


def _converted(file: SourceFile, options: XlsxOptions, target: Path) -> Json:
    said = {
        "path": str(file.path),
        "source": file.name,
        "target": str(target),
        "parent": os.getpid(),
        **options.model_dump(),
    }
    command = [sys.executable, "-m", CONVERTER, json.dumps(said)]
    environ = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        # What others reserve would be taken from what the converter may have: a gigabyte, 34 MB, 64 MB a thread.
        "ARROW_DEFAULT_MEMORY_POOL": "system",
        "OPENBLAS_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "1",
    }
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=LIMIT_S, env=environ)  # noqa: S603
    except subprocess.TimeoutExpired:
        raise InputError(
            file.name, f"takes more than {LIMIT_S:g} s to read: split the workbook, or save it as CSV"
        ) from None
    answer: Json = {}
    with suppress(ValueError, IndexError):
        answer = json.loads(done.stdout.splitlines()[-1])
    if "error" in answer:
        raise InputError(file.name, answer["error"], line=answer["line"])
    if done.returncode or "columns" not in answer:
        raise InputError(file.name, _why(done))
    return answer


def _why(done: "subprocess.CompletedProcess[bytes]") -> str:
    said = done.stderr.decode(errors="replace").strip()
    if any(sign in said.lower() for sign in ("memory", "capacity overflow", "bad_alloc")):
        return (
            f"needs more than {Caps().memory >> 20:,} MB to be read: clear what lies outside of the table, "
            "split the workbook, or save it as CSV"
        )
    last = (said.splitlines() or [f"exit code {done.returncode}"])[-1]
    return f"the XLSX workbook cannot be read ({last[:200]}): save it anew"


def _describe(sheet: StagedSheet) -> None:
    """Write the `.json` that makes a staged file valid."""
    target = sheet.path.with_suffix(".json")
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    temporary.write_text(json.dumps({**asdict(sheet), "path": sheet.path.name}), encoding="utf-8")
    temporary.replace(target)


def _known(target: Path) -> StagedSheet | None:
    """What was staged before, if it is as it was."""
    try:
        facts = json.loads(target.with_suffix(".json").read_text(encoding="utf-8"))
        with target.open("rb") as staged:
            sound = hashlib.file_digest(staged, "sha256").hexdigest() == facts["staged_sha256"]
        return StagedSheet(**{**facts, "path": target}) if sound else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
