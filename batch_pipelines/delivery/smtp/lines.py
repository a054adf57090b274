"""Lines as mail wants them: ended by CRLF, nothing else, and a dot doubled where it would end a message."""

import re

_ANY_END = re.compile(rb"\r\n|\r|\n")


def crlf(data: bytes) -> bytes:
    """Return text whose lines all end with CRLF: a lone CR or LF lets some servers see two messages in one."""
    if data.count(b"\r\n") == data.count(b"\n") == data.count(b"\r"):
        return data
    return _ANY_END.sub(b"\r\n", data)


def stuffed(data: bytes) -> bytes:
    """Return a message as DATA carries it, without the final dot: CRLF, and a dot doubled at the start of a line."""
    data = crlf(data)
    if b"\n." in data:
        data = data.replace(b"\n.", b"\n..")
    if data[:1] == b".":
        data = b"." + data
    return data if data.endswith(b"\r\n") or not data else data + b"\r\n"
