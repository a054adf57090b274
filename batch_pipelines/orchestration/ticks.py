"""Which window a cron tick asks for, and which of them still wait for their data.

Dagster's own ways fire wrongly here: `on_cron` runs with a day missing, a partitioned schedule never waits, runs the
last partition again for ever, and neither catches up. So a sensor evaluates ticks: each asks for the window that has
just ended, once; what waits, waits in the sensor's cursor. What must not live here: whether data are there.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Self

from dagster._utils.schedules import (  # noqa: TID251  the ticks that Dagster itself sees
    get_latest_completed_cron_tick,
    get_next_cron_tick,
)

from batch_pipelines.core.declaring import windows
from batch_pipelines.core.declaring.partitions import Partitions, fits

WAITING_KEPT = 40  # windows; more than a month of days
LAUNCHED_KEPT = 80
_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Ticks:
    """What a sensor remembers.

    Attributes:
        seen: The newest tick that was taken account of.
        waiting: Windows whose tick came and that were not launched yet, oldest first.
        launched: Windows that were, newest last.
    """

    seen: datetime
    waiting: tuple[str, ...] = ()
    launched: tuple[str, ...] = ()

    @classmethod
    def read(cls, cursor: str | None, now: datetime) -> Self:
        """Return what a cursor holds; a new sensor has seen all ticks up to now."""
        if not cursor:
            return cls(now)
        held = json.loads(cursor)
        return cls(datetime.fromisoformat(held["seen"]), tuple(held["waiting"]), tuple(held["launched"]))

    def cursor(self) -> str:
        """Return what `read` reads."""
        return json.dumps({"seen": self.seen.isoformat(), "waiting": self.waiting, "launched": self.launched})

    def tick(self, at: datetime, window: str) -> Self:
        """Take account of the newest tick: its window waits, unless that is old news.

        Of several ticks that passed unseen (nobody was running), only the newest asks for its window.
        """
        if at <= self.seen:
            return self
        if window in self.launched or window in self.waiting:
            return replace(self, seen=at)
        return replace(self, seen=at, waiting=(*self.waiting, window)[-WAITING_KEPT:])

    def launch(self, ready: Collection[str]) -> Self:
        """Take these windows off the list, for good."""
        launched = (*self.launched, *(key for key in self.waiting if key in ready))
        waiting = tuple(key for key in self.waiting if key not in ready)
        return replace(self, waiting=waiting, launched=launched[-LAUNCHED_KEPT:])

    def drop(self, window: str) -> Self:
        """Do not wait for a window that there is not."""
        return replace(self, waiting=tuple(key for key in self.waiting if key != window))


def latest_tick(cron: str, timezone: str, now: datetime) -> datetime:
    """Return the newest tick of a cron schedule that is not after `now`, in its time zone."""
    return get_latest_completed_cron_tick(cron, now, timezone)


def next_tick(cron: str, timezone: str, after: datetime) -> datetime:
    """Return the first tick that is not before an aware time."""
    return get_next_cron_tick(cron, after, timezone)


def window_of(tick: datetime, every: windows.Every, timezone: str) -> str:
    """Return the key of the window that had ended last when a tick came, whether or not there is such a partition."""
    local = tick.astimezone(windows.zone(timezone)).replace(tzinfo=None)
    return windows.format_key(windows.floor(windows.floor(local, every) - _MOMENT, every), every)


def last_day(partitions: Partitions) -> str | None:
    """Return the last day of partitions that end."""
    if partitions.end is None:
        return None
    after = windows.after(windows.read_key(partitions.end, partitions.every), partitions.every)
    return (after - _MOMENT).date().isoformat()


def ended_before(partitions: Partitions, start: datetime) -> bool:
    """Whether partitions end before this local time, which begins another's window; compared as local dates."""
    last = last_day(partitions)
    return last is not None and last < start.date().isoformat()


def no_partition(name: str, partitions: Partitions, window: str) -> str | None:
    """Say why there is no partition of that key; None if there is one."""
    if fits(partitions, window):
        return None
    if window < partitions.start:
        return f"no partition: {name} begins {partitions.start}"
    return f"no partition: {name} ends {last_day(partitions)}"
