"""An XLSX file as the ZIP package that it is: sound, of bounded size, and which part of it is which sheet.

What must not live here: cells (xlsx_convert.py).
"""

import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from batch_pipelines.core.errors import InputError
from batch_pipelines.processing.sources.caps import Caps

_OLE = b"\xd0\xcf\x11\xe0"
_DOCTYPE = re.compile(rb"<!DOCTYPE|<!ENTITY", re.IGNORECASE)
_BLOCK = 1 << 20
_INDEX_BYTES = 1 << 20  # of the workbook's own lists
_MOST_PARTS = 10_000
_CURE = "fetch the file again, or save the workbook anew"


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet of a workbook: its name, whether people see it, and where it lies in the package."""

    name: str
    visible: bool
    part: str


@contextmanager
def opened_package(path: Path, source: str) -> Iterator[zipfile.ZipFile]:
    """Open a workbook.

    Raises:
        InputError: It is none, is protected by a password, or is damaged (found now, or while it is read).
    """
    try:
        with path.open("rb") as file:
            head = file.read(len(_OLE))
            file.seek(0)
            if head == _OLE:
                message = "is protected by a password, or is an old .xls workbook: save it as XLSX without a password"
                raise InputError(source, message)
            if not head:
                raise InputError(source, "is empty, which no XLSX workbook is: fetch the file again")
            if not head.startswith(b"PK"):
                raise InputError(
                    source, "is not an XLSX workbook: correct `source`, or add format: csv, jsonl or parquet"
                )
            with zipfile.ZipFile(file) as package:
                yield package
    except FileNotFoundError as error:
        raise InputError(source, f"cannot be opened: {error.strerror}") from None
    except (
        OSError,
        EOFError,
        zipfile.BadZipFile,
        zlib.error,
        NotImplementedError,
        RuntimeError,
        ET.ParseError,
    ) as error:
        raise InputError(source, f"the XLSX workbook is truncated or damaged ({error}): {_CURE}") from None


def refuse_costly(package: zipfile.ZipFile, source: str, caps: Caps) -> None:
    """Refuse a package by what it says of itself; whether its sizes are true, `check_parts` finds out.

    Raises:
        InputError: It is encrypted, has very many parts, or unpacks to too much, like a bomb.
    """
    parts = package.infolist()
    if len(parts) > _MOST_PARTS:
        raise InputError(source, f"the XLSX workbook has {len(parts):,} parts, at most {_MOST_PARTS:,} are read")
    if any(part.flag_bits & 1 for part in parts):
        raise InputError(source, "is protected by a password: save it as XLSX without one")
    if sum(part.file_size for part in parts if _is_xml(part)) > caps.sheet:
        raise InputError(source, _too_large(caps))


def check_parts(package: zipfile.ZipFile, source: str, caps: Caps) -> None:
    """Unpack all XML of a package once, for its checksums and true sizes.

    Raises:
        InputError: It unpacks to too much, like a bomb.
    """
    total = 0
    for part in filter(_is_xml, package.infolist()):
        with package.open(part) as stream:
            while block := stream.read(_BLOCK):
                total += len(block)
                if total > caps.sheet:
                    raise InputError(source, _too_large(caps))


def sheets_of(package: zipfile.ZipFile, source: str) -> list[Sheet]:
    """Return the sheets of a workbook, in order; charts and macros are none.

    Raises:
        InputError: There is no list of them.
    """
    relations = {
        each.get("Id", ""): each.get("Target", "")
        for each in _xml(package, "xl/_rels/workbook.xml.rels", source)
        if each.get("Type", "").endswith("/worksheet")
    }
    found: list[Sheet] = []
    for each in _xml(package, "xl/workbook.xml", source).iter():
        target = next((value for name, value in each.items() if name.endswith("}id")), "")
        if each.tag.rpartition("}")[2] == "sheet" and target in relations:
            place = relations[target]
            part = place.lstrip("/") if place.startswith("/") else f"xl/{place}"
            found.append(Sheet(each.get("name", ""), each.get("state", "visible") == "visible", part))
    return found


def choose(sheets: list[Sheet], wanted: str | None, source: str) -> Sheet:
    """Return the sheet that is to be read: the one called so, or else the first that people see.

    Raises:
        InputError: There is none.
    """
    names = ", ".join(repr(sheet.name) for sheet in sheets) or "none"
    if wanted is None:
        visible = next((sheet for sheet in sheets if sheet.visible), None)
        if visible is None:
            message = f"the workbook has no visible sheet (it has {names}): declare `xlsx: {{sheet: …}}`"
            raise InputError(source, message)
        return visible
    found = next((sheet for sheet in sheets if sheet.name == wanted), None)
    if found is None:
        raise InputError(source, f"there is no sheet {wanted!r}; it has {names}: correct `xlsx: {{sheet: …}}`")
    return found


def _is_xml(part: zipfile.ZipInfo) -> bool:
    return part.filename.lower().endswith((".xml", ".rels"))


def _too_large(caps: Caps) -> str:
    return f"unpacks to more than {caps.sheet:,} bytes: split the workbook, or save the sheet as CSV"


def _xml(package: zipfile.ZipFile, name: str, source: str) -> ET.Element:
    try:
        with package.open(name) as stream:
            content = stream.read(_INDEX_BYTES + 1)
    except KeyError:
        raise InputError(source, f"is a ZIP file, but no XLSX workbook (it has no {name})") from None
    if len(content) > _INDEX_BYTES or _DOCTYPE.search(content):
        raise InputError(source, f"its {name} is not what a workbook has: save the workbook anew")
    return ET.fromstring(content)  # noqa: S314 - of bounded size, without entities
