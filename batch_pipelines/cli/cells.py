"""Values as they are shown: for people (no control characters, never markup) and for programs (JSON)."""

import json
import math
from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

NUMBERS = (int, float, Decimal)


def shown(value: object) -> str:
    """Return a value as one line of printable text; what is not there is `null`."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="auto").replace("+00:00", "Z")
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, Mapping | list):
        return printable(json.dumps(as_json(value), ensure_ascii=False))
    return printable(as_text(value) if isinstance(value, bytes) else str(value))


def local_time(text: str | None) -> str:
    """Return a moment of the ledger (ISO 8601) as the reader's clock shows it, to the minute; nothing for none."""
    return datetime.fromisoformat(text).astimezone().strftime("%Y-%m-%d %H:%M") if text else ""


def counted(number: int, what: str) -> str:
    """Return `1 row`, `2 rows`."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def as_text(raw: bytes) -> str:
    """Return bytes as text; what is no UTF-8 is escaped."""
    return raw.decode(errors="backslashreplace")


def printable(text: str) -> str:
    """Escape what a terminal would obey instead of show: data must not move the cursor or ring the bell."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def as_json(value: Any) -> Any:
    """Return a value as JSON has it: times in ISO 8601, decimals as text, NaN and infinity as null."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): as_json(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(each) for each in value]
    if isinstance(value, datetime | date | time):
        return value.isoformat().replace("+00:00", "Z")
    return as_text(value) if isinstance(value, bytes) else str(value)
