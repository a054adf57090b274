"""Generating: all files of a report into one folder, whole or not at all, with a manifest of their hashes.

What must not live here: how any format looks (render/).
"""

import hashlib
import json
import re
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path

from batch_pipelines.core.durable import sync
from batch_pipelines.core.errors import ConfigError, IntegrityError
from batch_pipelines.reporting.declaration.catalog import Entry
from batch_pipelines.reporting.document import Document
from batch_pipelines.reporting.model import FileEntry, Gathered, Manifest, as_json, from_json
from batch_pipelines.reporting.render.renderer import Rendered, Renderer

REPORTS = "reports"
MANIFEST = "manifest.json"
ALL = "all"
_PATH_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.=-]{0,99}", re.ASCII)


def generate(
    entry: Entry,
    document: Document,
    gathered: Gathered,
    data: Path,
    renderers: Mapping[str, Renderer],
    root: str = REPORTS,
) -> Manifest:
    """Write the files of a report, unless they are there already.

    Args:
        entry: The report.
        document: What `process` made.
        gathered: What `gather` made.
        data: The data folder.
        renderers: By format.
        root: Folder of reports, from the data folder.

    Returns:
        The manifest; `existing` if these very files were there, unharmed.

    Raises:
        ConfigError: A key that cannot be part of a path.
        OSError: The disk is full, or worse; nothing is left behind.
    """
    folder = place(data, gathered, root)
    if (found := read_manifest(folder, data)) is not None:
        if _unharmed(folder, found):
            return found
        shutil.rmtree(folder)
    draft = folder.parent / f".{folder.name}-{secrets.token_hex(4)}"
    try:
        draft.mkdir(parents=True)
        work = data / gathered.folder
        made = [
            (name, rendered)
            for name in gathered.request.formats or ()
            for rendered in renderers[name].render(document, work, draft, entry.brand)
        ]
        manifest = _manifest(document, gathered, made, draft, folder.relative_to(data).as_posix())
        text = json.dumps({**as_json(manifest), "existing": False}, indent=1, ensure_ascii=False, sort_keys=True)
        (draft / MANIFEST).write_text(text + "\n", encoding="utf-8")
        _settle(draft, folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return manifest


def place(data: Path, gathered: Gathered, root: str = REPORTS) -> Path:
    """Where the files of a report lie: `reports/<name>/<partition>[/<key>]/<report_id>/`.

    Raises:
        ConfigError: A key that cannot be part of a path.
    """
    request = gathered.request
    parts = [request.name, (request.partition or ALL).replace(":", "")]
    parts += [safe_part(request.key)] if request.key is not None else []
    return data.joinpath(root, *parts, gathered.report_id)


def safe_part(key: str) -> str:
    """The key of a burst as part of a path.

    Raises:
        ConfigError: It could lead elsewhere.
    """
    if not _PATH_PART.fullmatch(key):
        raise ConfigError(
            f"{key!r} cannot name a report of a burst; allowed: letters, digits, '_', '-', '=', '.', not first"
        )
    return key


def read_manifest(folder: Path, data: Path) -> Manifest | None:
    """The manifest of a folder, as one that exists; None if there is none."""
    file = folder / MANIFEST
    if not file.is_file():
        return None
    said = json.loads(file.read_text(encoding="utf-8"))
    return from_json(Manifest, {**said, "existing": True, "folder": folder.relative_to(data).as_posix()})


def sha256_of(file: Path) -> str:
    """Hash of a file."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _unharmed(folder: Path, manifest: Manifest) -> bool:
    return all(
        (folder / entry.name).is_file() and sha256_of(folder / entry.name) == entry.sha256 for entry in manifest.files
    )


def _manifest(
    document: Document, gathered: Gathered, made: list[tuple[str, Rendered]], draft: Path, folder: str
) -> Manifest:
    files = []
    for name, rendered in made:
        file = draft / rendered.name
        if not file.is_file() or file.stat().st_size == 0:
            raise IntegrityError(f"the {name} of report {document.name!r} is not there or empty; nothing is kept of it")
        files.append(
            FileEntry(name, rendered.name, file.stat().st_size, sha256_of(file), rendered.rows, rendered.pages)
        )
    return Manifest(
        report_id=gathered.report_id, name=document.name, partition=document.partition, key=gathered.request.key,
        title=document.title, state=gathered.state, existing=False, folder=folder, files=files, kpis=document.kpis,
        versions=gathered.versions, content_sha256=gathered.content_sha256,
        truncated=[f"{name}: {notice}" for name, rendered in made for notice in rendered.truncated],
        warnings=[f"{name}: {warning}" for name, rendered in made for warning in rendered.warnings],
    )  # fmt: skip


def _settle(draft: Path, folder: Path) -> None:
    """Put all files on disk, then the folder in its place; the very same may be there, from another process."""
    for file in draft.iterdir():
        sync(file)
    sync(draft)
    try:
        draft.rename(folder)
    except OSError:
        if not (folder / MANIFEST).is_file():
            raise
    sync(folder.parent)
