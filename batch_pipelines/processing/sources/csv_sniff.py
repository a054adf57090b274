"""How a CSV file that nobody has described is probably written: encoding and delimiter, by its beginning.

What must not live here: reading it (csv_read.py).
"""

import codecs
from pathlib import Path

from batch_pipelines.core.declaring.quantities import KB
from batch_pipelines.core.errors import InputError
from batch_pipelines.processing.sources.caps import Caps
from batch_pipelines.processing.sources.staging import open_plain

HEAD_BYTES = 256 * KB
DELIMITERS = (",", ";", "\t", "|")
WIDE = ("utf-16", "utf-16-le", "utf-16-be", "utf-32")


def sniffed(path: Path, name: str) -> dict[str, str]:
    """Return the options (see `CsvOptions`) that differ from the usual ones.

    Args:
        path: The file.
        name: What messages call it.

    Raises:
        InputError: It cannot be read.
    """
    encoding, head = _encoding(path, name)
    first = head.partition(b"\n")[0].decode(errors="replace")
    delimiter = max(DELIMITERS, key=first.count)
    said = {} if encoding == "utf-8" else {"encoding": encoding}
    return said if delimiter == "," or not first.count(delimiter) else {"delimiter": delimiter, **said}


def _encoding(path: Path, name: str) -> tuple[str, bytes]:
    """The encoding, and the beginning as UTF-8."""
    try:
        head = _head(path, "utf-8", name)
    except InputError as error:
        for encoding in WIDE:
            if f"encoding: {encoding}}}" in str(error):
                return encoding, _head(path, encoding, name)
        raise
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        decoder.decode(head)
    except UnicodeDecodeError:
        return "cp1252", _head(path, "cp1252", name)
    return "utf-8", head


def _head(path: Path, encoding: str, name: str) -> bytes:
    with open_plain(path, encoding=encoding, caps=Caps(), source=name) as stream:
        return bytes(stream.read(HEAD_BYTES))
