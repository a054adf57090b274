"""Header lines: ASCII as it is, all else in encoded words (RFC 2047, RFC 2231), folded, and nothing smuggled in.

What must not live here: which headers a message has (mime.py, compile.py).
"""

import base64
import re
from collections.abc import Iterator
from itertools import pairwise
from urllib.parse import quote

from batch_pipelines.delivery.addresses import UNSAFE, Address

WIDTH = 76
LONGEST = 998
LONGEST_NAME_BYTES = 240
_WORD_BYTES = 45
_Q_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")
_Q = {byte: chr(byte) if byte in _Q_PLAIN else "_" if byte == ord(" ") else f"={byte:02X}" for byte in range(256)}
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_TOKEN = re.compile(r"[A-Za-z0-9!#$&+.^_`{}~-]+")


class UnsafeHeader(ValueError):
    """A value that no header may hold."""


def check_safe(name: str, text: str) -> str:
    """Return the text, if it can stand in a header.

    Raises:
        UnsafeHeader: It has a line break or another control character in it: it would add headers of its own.
    """
    if found := UNSAFE.search(text):
        raise UnsafeHeader(f"{name} has the character U+{ord(found[0]):04X} in it, which no header may hold")
    return text


def text_header(name: str, text: str) -> bytes:
    """Return a header whose value is free text, e.g. Subject, with its CRLF.

    Raises:
        UnsafeHeader: See `check_safe`.
    """
    check_safe(name, text)
    if text.isascii() and "=?" not in text:
        line = f"{name}: {text}"
        if len(line) <= WIDTH:
            return line.encode("ascii") + b"\r\n"
        folded = _folded(line)
        if max(map(len, folded)) <= WIDTH:
            return "\r\n ".join(folded).encode("ascii") + b"\r\n"
    return f"{name}: {encoded_words(text, len(name) + 2)}\r\n".encode("ascii")


def address_header(name: str, address: Address) -> bytes:
    """Return a header of one mailbox, e.g. To, with its CRLF; UTF-8 where the local part is not ASCII.

    Raises:
        UnsafeHeader: See `check_safe`.
    """
    spec = check_safe(name, address.spec)
    if not address.name:
        return f"{name}: {spec}\r\n".encode()
    phrase = _phrase(check_safe(name, address.name), len(name) + 2)
    gap = " " if "\n" not in phrase and len(name) + len(phrase) + len(spec) < WIDTH else "\r\n "
    return f"{name}: {phrase}{gap}<{spec}>\r\n".encode()


def raw_header(name: str, text: str) -> bytes:
    """Return a header on one raw line, never folded nor encoded: what List-Unsubscribe needs.

    Raises:
        UnsafeHeader: It is not printable ASCII, or longer than a line may be.
    """
    line = f"{name}: {text}"
    if not (line.isascii() and line.isprintable()) or len(line) > LONGEST:
        raise UnsafeHeader(f"{name} is not one line of at most {LONGEST} printable ASCII letters")
    return line.encode("ascii") + b"\r\n"


def encoded_words(text: str, offset: int = 0) -> str:
    """Return a text as encoded words, each in a line of its own after the first.

    Args:
        text: Any text without control characters.
        offset: Letters that stand before it in its line.
    """
    data = text.encode()
    as_q = 3 * sum(byte not in _Q_PLAIN and byte != ord(" ") for byte in data) < len(data)
    words = []
    for piece in _pieces(text, offset, as_q=as_q):
        value = "".join(_Q[byte] for byte in piece) if as_q else base64.b64encode(piece).decode("ascii")
        words.append(f"=?utf-8?{'q' if as_q else 'b'}?{value}?=")
    return "\r\n ".join(words)


def parameter(name: str, value: str) -> str:
    """Return a MIME parameter: `name="value"`, or `name*=utf-8''…` (RFC 2231) where it is not plain ASCII.

    Raises:
        UnsafeHeader: See `check_safe`.
    """
    check_safe(name, value)
    value = value.encode()[:LONGEST_NAME_BYTES].decode(errors="ignore")
    if value.isascii():
        return f"{name}={value}" if _TOKEN.fullmatch(value) else f"{name}={_quoted(value)}"
    return f"{name}*=utf-8''{quote(value, safe='')}"


def _phrase(name: str, offset: int) -> str:
    """A display name."""
    if name.isascii() and "=?" not in name and len(name) <= WIDTH:
        return name if _ATOMS.fullmatch(name) else _quoted(name)
    return encoded_words(name, offset)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _folded(line: str) -> list[str]:
    """A line cut at single blanks, so that unfolding gives it back."""
    words = line.split(" ")
    lines = words[:1]
    for before, word in pairwise(words):
        if before and word and len(lines[-1]) + 1 + len(word) > WIDTH:
            lines.append(word)
        else:
            lines[-1] += f" {word}"
    return lines


def _pieces(text: str, offset: int, *, as_q: bool) -> Iterator[bytes]:
    """UTF-8 of a text in pieces that fit encoded words; no character is cut."""
    room = _WORD_BYTES - offset
    piece, used = b"", 0.0
    for letter in text:
        data = letter.encode()
        cost = sum(len(_Q[byte]) for byte in data) * 3 / 4 if as_q else len(data)
        if piece and used + cost > room:
            yield piece
            piece, used, room = b"", 0.0, _WORD_BYTES
        piece += data
        used += cost
    yield piece
