"""Time windows and their keys: months, weeks, days, hours, in a time zone.

A key is a window's local start: `2013-01` (month), `2013-01-07` (day; week, which starts on Monday),
`2013-01-01-00:00` (hour). What must not live here: which windows a dataset has (partitions.py).
"""

import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

Every = Literal["hour", "day", "week", "month"]
_KEY_FORMATS: dict[Every, str] = {
    "hour": "%Y-%m-%d-%H:%M",
    "day": "%Y-%m-%d",
    "week": "%Y-%m-%d",
    "month": "%Y-%m",
}
_EXAMPLES: dict[Every, str] = {
    "hour": "2013-01-01-00:00",
    "day": "2013-01-31",
    "week": "2013-01-07",
    "month": "2013-01",
}
_MOMENT = re.compile(r"(\d{4})-(\d\d)(?:-(\d\d)(?:[-T ](\d\d):(\d\d)(?::00)?)?)?", re.ASCII)
FIRST_YEAR, LAST_YEAR = 1900, 2200


def key_format(every: Every) -> str:
    """Return the strftime format of the keys (`fmt` of a Dagster TimeWindowPartitionsDefinition)."""
    return _KEY_FORMATS[every]


def example_key(every: Every) -> str:
    """Return a key, for messages."""
    return _EXAMPLES[every]


def zone(name: str) -> tzinfo:
    """Return the time zone of that IANA name.

    Raises:
        ValueError: There is none.
    """
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r} is not a time zone; write an IANA name such as UTC or America/New_York") from None


def check_zone(name: str) -> str:
    """Return the name of a time zone.

    Raises:
        ValueError: There is none of that name.
    """
    zone(name)
    return name


def has_fixed_offset(name: str) -> bool:
    """Whether local clocks of that zone never go forward or back."""
    there = zone(name)
    return (
        isinstance(there, timezone) or len({datetime(2025, m, 1, tzinfo=there).utcoffset() for m in range(1, 13)}) == 1
    )


def read_moment(value: object, every: Every) -> datetime:
    """Read a local time (naive) as YAML or a command line gives it: `2013-01`, `2013-01-31 05:00`, a date.

    Raises:
        ValueError: It is none of these; the message shows how to write it.
    """
    moment: datetime | None = None
    if isinstance(value, datetime):
        moment = value.replace(tzinfo=None)
    elif isinstance(value, date):
        moment = datetime(value.year, value.month, value.day)  # noqa: DTZ001 - a local clock's time
    elif isinstance(value, str) and (found := _MOMENT.fullmatch(value.strip())):
        year, month, day, hour, minute = (int(part) if part else None for part in found.groups())
        try:
            moment = datetime(year or 0, month or 0, day if day is not None else 1, hour or 0, minute or 0)  # noqa: DTZ001
        except ValueError:
            moment = None
    if moment is None or not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise ValueError(f"{str(value)!r} is not a {every}; write for example {example_key(every)}")
    return moment


def floor(moment: datetime, every: Every) -> datetime:
    """Return the start of the window that holds this local time."""
    if every == "hour":
        return moment.replace(minute=0, second=0, microsecond=0)
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    if every == "week":
        return midnight - timedelta(days=midnight.weekday())
    return midnight.replace(day=1) if every == "month" else midnight


def after(start: datetime, every: Every) -> datetime:
    """Return the start of the window that follows the one with this local start."""
    if every == "month":
        return floor(start.replace(day=1) + timedelta(days=32), "month")
    return start + {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7)}[every]


def format_key(start: datetime, every: Every) -> str:
    """Return the key of the window with this local start."""
    return start.strftime(_KEY_FORMATS[every])


def read_key(text: object, every: Every) -> datetime:
    """Return the local start (naive) of the window that `text` names: its key, or any way to write its start.

    Raises:
        ValueError: It is no time, or not the start of a window; the message names the windows on either side.
    """
    moment = read_moment(text, every)
    start = floor(moment, every)
    if start != moment:
        nearest = f"{format_key(start, every)} or {format_key(after(start, every), every)}"
        begin = " (weeks begin on Monday)" if every == "week" else ""
        raise ValueError(f"{str(text)!r} is not the start of a {every}{begin}; did you mean {nearest}?")
    return start
