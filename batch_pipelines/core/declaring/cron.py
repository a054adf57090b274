"""Whether a text is a cron schedule, and one that can ever come due.

What must not live here: when it comes due; Dagster's own evaluation decides that.
"""

import re

_NICKNAMES = ("@hourly", "@daily", "@weekly", "@monthly", "@yearly")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_LONGEST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_FIELDS: tuple[tuple[str, int, int, tuple[str, ...], int], ...] = (
    ("minute", 0, 59, (), 0),
    ("hour", 0, 23, (), 0),
    ("day of the month", 1, 31, (), 0),
    ("month", 1, 12, _MONTHS, 1),
    ("day of the week", 0, 7, _DAYS, 0),
)
_PART = re.compile(r"(?:(\*)|(\w+)(?:-(\w+))?)(?:/(\d{1,2}))?", re.ASCII)


def check_cron(text: str) -> str:
    """Return `text`, without stray blanks, if it is a cron schedule of five fields, or `@daily` and the like.

    Raises:
        ValueError: It is not; the message names the field and what it allows.
    """
    line = " ".join(text.split())
    if line in _NICKNAMES:
        return line
    fields = line.lower().split(" ")
    if len(fields) != len(_FIELDS):
        msg = (
            f"{text!r} is not a cron schedule: it has {len(fields) if line else 0} of the five fields "
            "minute, hour, day of the month, month, day of the week; "
            "for example '0 3 * * *' for 03:00 every day"
        )
        raise ValueError(msg)
    allowed = [_values(field, index) for index, field in enumerate(fields)]
    if fields[4] == "*" and not any(min(allowed[2]) <= _LONGEST[month - 1] for month in allowed[3]):
        raise ValueError(f"{text!r} never comes due: no such month has a day {min(allowed[2])}")
    return line


def _values(field: str, index: int) -> set[int]:
    name, low, high, _, _ = _FIELDS[index]
    values: set[int] = set()
    for part in field.split(","):
        found = _PART.fullmatch(part)
        start = None if found is None else low if found[1] else _number(found[2], index)
        end = None if found is None else high if found[1] else _number(found[3] or found[2], index)
        step = 1 if found is None or found[4] is None else int(found[4])
        if found and found[4] and not found[1] and not found[3]:
            end = high
        if start is None or end is None or not low <= start <= end <= high or step == 0:
            raise ValueError(
                f"{part!r} is not a {name} of a cron schedule; "
                f"allowed: {low}-{high}, *, lists (1,2), ranges (1-5), steps (*/2)"
            )
        values.update(range(start, end + 1, step))
    return values


def _number(text: str, index: int) -> int | None:
    _, _, _, names, first = _FIELDS[index]
    if text in names:
        return names.index(text) + first
    return int(text) if text.isdecimal() and len(text) <= 2 else None  # noqa: PLR2004 - two digits
