"""Quantities as people write them: `5%`, `4m30s`, `16MB`.

What must not live here: what a quantity is for, and its limits; those belong to whoever asks for it.
"""

import math
import re

KB = 1024
MB = 1024**2
GB = 1024**3

_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+", re.ASCII)
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", re.ASCII)
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(B|KB|MB|GB|KIB|MIB|GIB)", re.ASCII)
_BYTES = {"B": 1, "KB": KB, "MB": MB, "GB": GB, "KIB": KB, "MIB": MB, "GIB": GB}
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%", re.ASCII)


def seconds(value: object) -> float:
    """Read a duration: `270s`, `5m`, `1h30m`, `500ms`, or a plain number of seconds.

    Raises:
        ValueError: It is none of these, or not more than zero.
    """
    wrong = ValueError(f"{value!r} is not a duration; write for example 270s, 5m or 1h30m")
    if isinstance(value, bool):
        raise wrong
    if isinstance(value, int | float):
        total = float(value)
    elif isinstance(value, str) and _DURATION.fullmatch(value.replace(" ", "")):
        parts = _DURATION_PART.findall(value.replace(" ", ""))
        total = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    else:
        raise wrong
    if not 0 < total < math.inf:
        raise wrong
    return total


def size_bytes(value: object) -> int:
    """Read a size: `256KB`, `16MB`, `1GB` (of 1024, so 1 MB is 1,048,576 bytes), or a number of bytes.

    Raises:
        ValueError: It is none of these, or not more than zero.
    """
    wrong = ValueError(f"{value!r} is not a size; write for example 256KB or 16MB")
    if isinstance(value, bool):
        raise wrong
    if isinstance(value, int):
        total = value
    elif isinstance(value, str) and (found := _SIZE.fullmatch(value.strip().upper())):
        total = round(float(found[1]) * _BYTES[found[2]])
    else:
        raise wrong
    if total <= 0:
        raise wrong
    return total


def fraction(value: object) -> float:
    """Read a share: `5%`, or a number from 0 to 1.

    Raises:
        ValueError: It is neither.
    """
    wrong = ValueError(f"{value!r} is not a share; write a percentage from 0% to 100%, for example 5%")
    if isinstance(value, bool):
        raise wrong
    if isinstance(value, int | float):
        share = float(value)
    elif isinstance(value, str) and (found := _PERCENT.fullmatch(value.strip())):
        share = float(found[1]) / 100
    else:
        raise wrong
    if not 0 <= share <= 1:
        raise wrong
    return share
