"""Parts of a message and their encodings, put together by hand: 27 times as fast as `email.message`, their judge.

    mixed ─┬─ alternative ─┬─ text
           │               └─ related ─┬─ html
           │                           └─ pictures
           └─ attachments
    (a level with one child is left out)

What must not live here: which headers a message has (compile.py).
"""

import base64
import binascii
import re
from collections.abc import Sequence
from typing import NamedTuple

from batch_pipelines.campaigns.messages.headers import check_safe, parameter

LONGEST_LINE = 998
_LINE_ENDS = re.compile(r"\r\n|\r|\n")
_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]*/[A-Za-z0-9][A-Za-z0-9.+-]*")
_BASE64_LINE = 57
_MANY_LETTERS_BEYOND = 1.5  # bytes a letter: alphabets other than Latin


class Part(NamedTuple):
    """One part: its headers (each with CRLF) and its body, lines ended by CRLF."""

    headers: bytes
    body: bytes


def text_part(subtype: str, text: str, *, eight_bit: bool = False) -> Part:
    """Return a text part in the plainest encoding that carries it whole.

    Args:
        subtype: `plain` or `html`.
        text: Its content; any line ends.
        eight_bit: Whether UTF-8 may go as it is.
    """
    if "\r" in text:
        text = _LINE_ENDS.sub("\n", text)
    if not text.endswith("\n"):
        text += "\n"
    is_ascii, lines = text.isascii(), text.split("\n")
    data = "\r\n".join(lines).encode()
    longest = max(map(len, lines if is_ascii else data.split(b"\r\n")))
    if (is_ascii or eight_bit) and "\0" not in text and longest <= LONGEST_LINE:
        encoding = b"7bit" if is_ascii else b"8bit"
    elif len(data) - data.count(b"\r") > _MANY_LETTERS_BEYOND * len(text):
        encoding, data = b"base64", base64_lines(data)
    else:
        encoding, data = b"quoted-printable", binascii.b2a_qp(data)
    headers = b"Content-Type: text/%s; charset=utf-8\r\nContent-Transfer-Encoding: %s\r\n"
    return Part(headers % (subtype.encode("ascii"), encoding), data)


def attachment_part(name: str, media_type: str, data: bytes) -> Part:
    """Return a file that people save; made once where all recipients get it.

    Raises:
        UnsafeHeader: The name cannot stand in a header.
        ValueError: There is no such media type.
    """
    disposition = f"Content-Disposition: attachment;\r\n {parameter('filename', name)}\r\n"
    return Part(_head(media_type) + disposition.encode("ascii"), base64_lines(data))


def picture_part(cid: str, name: str, media_type: str, data: bytes) -> Part:
    """Return a picture that the HTML shows as `cid:…`.

    Raises:
        UnsafeHeader: The name or the cid cannot stand in a header.
        ValueError: There is no such media type.
    """
    check_safe("Content-ID", cid)
    shown = f"Content-ID: <{cid}>\r\nContent-Disposition: inline;\r\n {parameter('filename', name)}\r\n"
    return Part(_head(media_type) + shown.encode("ascii"), base64_lines(data))


def base64_lines(data: bytes) -> bytes:
    """Return bytes as base64, in lines of 76 with CRLF."""
    if len(data) <= _BASE64_LINE:
        return base64.b64encode(data) + b"\r\n"
    return base64.encodebytes(data).replace(b"\n", b"\r\n")


def put_together(
    head: bytes,
    boundary: bytes,
    text: Part | None,
    html: Part | None,
    pictures: Sequence[Part] = (),
    attachments: Sequence[Part] = (),
) -> bytes:
    """Return the whole message.

    Args:
        head: Its headers up to here, each with CRLF, without those of a body.
        boundary: Letters that no part contains.
        text: What is read where HTML is not.
        html: What is read else.
        pictures: Of the HTML.
        attachments: Files.

    Raises:
        ValueError: There is neither text nor HTML.
    """
    if html and pictures:
        html = _multipart(b"related", boundary + b"r", [html, *pictures])
    shown = [part for part in (text, html) if part]
    if not shown:
        raise ValueError("a message needs a text or HTML part")
    body = shown[0] if len(shown) == 1 else _multipart(b"alternative", boundary + b"a", shown)
    if attachments:
        body = _multipart(b"mixed", boundary + b"m", [body, *attachments])
    return b"".join((head, body.headers, b"\r\n", body.body))


def _multipart(subtype: bytes, boundary: bytes, parts: Sequence[Part]) -> Part:
    between = b"--" + boundary + b"\r\n"
    pieces: list[bytes] = []
    for part in parts:
        pieces += (between, part.headers, b"\r\n", part.body, b"\r\n")
    pieces += (b"--", boundary, b"--\r\n")
    return Part(b'Content-Type: multipart/%s;\r\n boundary="%s"\r\n' % (subtype, boundary), b"".join(pieces))


def _head(media_type: str) -> bytes:
    if not _TYPE.fullmatch(media_type):
        raise ValueError(f"{media_type!r} is no media type; write for example application/pdf")
    return f"Content-Type: {media_type}\r\nContent-Transfer-Encoding: base64\r\n".encode("ascii")
