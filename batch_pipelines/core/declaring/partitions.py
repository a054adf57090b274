"""Partitions by time, of datasets, reports and campaigns: which keys there are, what time each stands for, ranges.

Pure: the present comes in as `until`. What must not live here: files of a partition (processing/sources/files.py).
"""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Self

from pydantic import BaseModel, field_validator, model_validator

from batch_pipelines.core.declaring import windows
from batch_pipelines.core.declaring.declared import SETTINGS
from batch_pipelines.core.declaring.fields import TimeZone
from batch_pipelines.core.declaring.key_problems import KeyProblems, Problem
from batch_pipelines.core.errors import ConfigError

ALL = "all"


class Partitions(BaseModel):
    """Partitions by time.

    Attributes:
        every: `hour`, `day`, `week` (from Monday) or `month`.
        start: Key of the first window.
        end: Key of the last window, None for as long as time goes on. YAML may name any time within it.
        timezone: IANA name of the clock that the windows follow.
    """

    model_config = SETTINGS

    every: windows.Every
    start: str
    end: str | None = None
    timezone: TimeZone = "UTC"

    @field_validator("start", "end", mode="before")
    @classmethod
    def _as_text(cls, value: object) -> object:
        return value.isoformat() if hasattr(value, "isoformat") else value

    @model_validator(mode="after")
    def _windows_in_order(self) -> Self:
        problems: list[Problem] = []
        try:
            object.__setattr__(self, "start", windows.format_key(windows.read_key(self.start, self.every), self.every))
        except ValueError as error:
            problems.append((("start",), str(error)))
        if self.end is not None:
            try:
                last = windows.floor(windows.read_moment(self.end, self.every), self.every)
                object.__setattr__(self, "end", windows.format_key(last, self.every))
            except ValueError as error:
                problems.append((("end",), str(error)))
        if not problems and self.end is not None and self.end < self.start:
            problems.append((("end",), f"end {self.end} is before start {self.start}"))
        if self.every == "hour" and not windows.has_fixed_offset(self.timezone):
            msg = f"hours need a zone without summer time, such as UTC; in {self.timezone} an hour comes twice"
            problems.append((("timezone",), msg))
        if problems:
            raise KeyProblems(problems)
        return self


def key_format(partitions: Partitions) -> str:
    """Return the strftime format of the keys, as Dagster's `fmt` takes it."""
    return windows.key_format(partitions.every)


def keys(partitions: Partitions, until: datetime | None = None) -> list[str]:
    """Return the keys of all windows that have ended, in order.

    Args:
        partitions: Partitions by time.
        until: Aware time; windows that end later are left out. May be None where there is an `end`.

    Raises:
        ValueError: There is neither an end nor `until`.
    """
    if until is None and partitions.end is None:
        raise ValueError("partitions without an end need a time until which they are listed")
    return [key for key, end in _windows(partitions) if until is None or end <= until]


def window(partitions: Partitions, key: str) -> tuple[datetime, datetime]:
    """Return when the window of a key begins and when it ends (exclusive), as aware times of its time zone.

    Raises:
        ConfigError: There is no such window.
    """
    try:
        start = windows.read_key(key, partitions.every)
    except ValueError as error:
        raise ConfigError(f"partition {error}") from error
    _check_bounds(partitions, windows.format_key(start, partitions.every), "partition")
    return _aware(partitions, start), _aware(partitions, windows.after(start, partitions.every))


def fits(partitions: Partitions, key: str) -> bool:
    """Whether a key lies between `start` and `end`."""
    return partitions.start <= key and (partitions.end is None or key <= partitions.end)


def between(partitions: Partitions, first: str | None, last: str | None, until: datetime | None = None) -> list[str]:
    """Return the keys from `--from` to `--to`, both included; either may be left out.

    Args:
        partitions: Partitions by time.
        first: Key, or any time within that window, e.g. `2013-02-14` for the month 2013-02.
        last: Likewise.
        until: Aware time; windows that end later are left out.

    Raises:
        ConfigError: One is no time or outside the partitions, or they are the wrong way round.
    """
    low = _read_bound(partitions, first, "--from")
    high = _read_bound(partitions, last, "--to")
    if low is not None and high is not None and high < low:
        raise ConfigError(f"--to {last} is before --from {first}")
    return [key for key in keys(partitions, until) if (low is None or low <= key) and (high is None or key <= high)]


def contiguous(every_key: Sequence[str], chosen: Collection[str]) -> list[tuple[str, str]]:
    """Return the chosen keys as ranges (first, last) without gaps, in the order of all keys.

    Raises:
        ConfigError: A chosen key is not one of all keys.
    """
    if unknown := sorted(set(chosen) - set(every_key)):
        raise ConfigError(f"there is no partition {', '.join(map(repr, unknown))}")
    ranges: list[tuple[str, str]] = []
    previous = None
    for position, key in enumerate(every_key):
        if key in chosen:
            joined = previous is not None and previous == position - 1
            ranges = [*ranges[:-1], (ranges[-1][0], key)] if joined else [*ranges, (key, key)]
            previous = position
    return ranges


def _windows(partitions: Partitions) -> Iterator[tuple[str, datetime]]:
    """Yield key and end of every window up to `end`, or to the last year there is."""
    start = windows.read_key(partitions.start, partitions.every)
    while start.year <= windows.LAST_YEAR:
        key, following = windows.format_key(start, partitions.every), windows.after(start, partitions.every)
        if partitions.end is not None and key > partitions.end:
            return
        yield key, _aware(partitions, following)
        start = following


def _aware(partitions: Partitions, local: datetime) -> datetime:
    return local.replace(tzinfo=windows.zone(partitions.timezone))


def _read_bound(partitions: Partitions, text: str | None, option: str) -> str | None:
    if text is None:
        return None
    try:
        start = windows.floor(windows.read_moment(text, partitions.every), partitions.every)
    except ValueError as error:
        raise ConfigError(f"{option} {error}") from error
    return _check_bounds(partitions, windows.format_key(start, partitions.every), option)


def _check_bounds(partitions: Partitions, key: str, what: str) -> str:
    if not fits(partitions, key):
        there = f"{partitions.start} to {partitions.end}" if partitions.end else f"{partitions.start} and later"
        raise ConfigError(f"{what} {key!r} is outside the partitions, which are {there}")
    return key
