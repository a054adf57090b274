"""The schedule of a report, minute by minute: the right window, once, whole, however its data arrive."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from batch_pipelines.components.report.schedule import ReportSchedule, evaluate
from batch_pipelines.core.declaring.partitions import Partitions

NEW_YORK = ZoneInfo("America/New_York")
WEEKS = Partitions(every="week", start="2013-01-07", end="2013-12-29", timezone="America/New_York")
DAYS = Partitions(every="day", start="2013-01-01", end="2013-12-31", timezone="America/New_York")
MONTHS_OF_FLIGHTS = Partitions(every="month", start="2013-01", end="2013-12")
WEEKLY = ReportSchedule("weekly", "weekly_job", "0 9 * * 1", "America/New_York", WEEKS, {"flights": MONTHS_OF_FLIGHTS})
DAILY = ReportSchedule("daily", "daily_job", "0 0 * * *", "America/New_York", DAYS, {"flights": MONTHS_OF_FLIGHTS})
WEEK = [f"2013-03-{day:02d}" for day in range(4, 11)]  # Monday to Sunday; New York's clocks go forward on the 10th


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=NEW_YORK)


class Watcher:
    """A sensor that looks every ten minutes, and the days of data that have come by then."""

    def __init__(self, schedule: ReportSchedule, arrivals: Mapping[str, datetime]) -> None:
        self.schedule, self.arrivals = schedule, arrivals
        self.cursor: str | None = None
        self.fired: list[tuple[datetime, str]] = []
        self.said: list[str] = []
        self.keys: list[str | None] = []

    def look(self, now: datetime) -> None:
        """Look once."""

        def missing(key: str) -> list[str]:
            if self.schedule.partitions is None:
                return []
            length = {"week": 7, "day": 1, "month": 28}[self.schedule.partitions.every]
            days = [str(date.fromisoformat(key) + timedelta(days=n)) for n in range(length)]
            return [f"flights {day}" for day in days if self.arrivals.get(day, now + timedelta(1)) > now]

        result = evaluate(self.cursor, self.schedule, missing, now.astimezone(UTC))
        self.cursor = result.cursor
        for request in result.run_requests or []:
            self.fired.append((now, request.partition_key or ""))
            self.keys.append(request.run_key)
        self.said.append(result.skip_reason.skip_message or "" if result.skip_reason else "")

    def watch(self, start: str, end: str, every: timedelta = timedelta(minutes=10)) -> list[tuple[datetime, str]]:
        """Look again and again; return what was launched, and when."""
        now = at(start).astimezone(UTC)
        while now <= at(end).astimezone(UTC):
            self.look(now)
            now += every
        return [(moment.astimezone(NEW_YORK), key) for moment, key in self.fired]


def arriving(last: str, rest: str = "2013-03-11 01:00") -> dict[str, datetime]:
    """Days of the week: Sunday's data come at `last`, the others' at `rest`."""
    return {day: at(rest) for day in WEEK[:-1]} | {WEEK[-1]: at(last)}


@pytest.mark.parametrize(
    ("arrivals", "expected"),
    [
        (arriving("2013-03-11 02:00"), "2013-03-11 09:00"),  # early: all there before the tick
        (arriving("2013-03-11 10:40"), "2013-03-11 10:40"),  # late: Sunday after the tick
        (arriving("2013-03-12 09:00"), "2013-03-12 09:00"),  # one day after the tick
        (arriving("2013-03-11 12:00", rest="2013-03-11 11:00"), "2013-03-11 12:00"),  # Saturday, too: on_cron's trap
    ],
    ids=["early", "late", "one day late", "two days late, one after the other"],
)
def test_the_weekly_report_fires_once_at_the_right_time_with_no_day_missing(
    arrivals: dict[str, datetime], expected: str
) -> None:
    watcher = Watcher(WEEKLY, arrivals)
    assert watcher.watch("2013-03-10 12:00", "2013-03-17 23:00") == [(at(expected), "2013-03-04")]
    assert watcher.keys == ["weekly/2013-03-04"]


def test_a_day_after_its_tick_a_daily_report_is_made_beside_the_next() -> None:
    arrivals = {"2013-03-04": at("2013-03-06 00:30"), "2013-03-05": at("2013-03-05 23:00")}
    watcher = Watcher(DAILY, arrivals)
    fired = watcher.watch("2013-03-04 12:00", "2013-03-06 12:00")
    assert fired == [(at("2013-03-06 00:00"), "2013-03-05"), (at("2013-03-06 00:30"), "2013-03-04")]


def test_data_that_are_published_again_launch_nothing() -> None:
    watcher = Watcher(WEEKLY, arriving("2013-03-11 02:00"))
    watcher.watch("2013-03-10 12:00", "2013-03-11 12:00")
    watcher.arrivals = {}
    watcher.look(at("2013-03-11 12:10"))
    watcher.arrivals = arriving("2013-03-11 12:15")
    assert len(watcher.watch("2013-03-11 12:20", "2013-03-12 12:00")) == 1


def test_a_new_sensor_does_not_make_up_for_ticks_before_it() -> None:
    watcher = Watcher(DAILY, {"2013-03-04": at("2013-03-05 00:00")})
    assert watcher.watch("2013-03-05 00:10", "2013-03-05 12:00") == []
    assert watcher.said[-1] == "no tick yet"


def test_after_a_stop_only_the_newest_tick_counts_and_what_waited_still_waits() -> None:
    arrivals = {f"2013-03-{day:02d}": at(f"2013-03-{day + 1:02d} 00:00") for day in (5, 6, 7, 8)}
    watcher = Watcher(DAILY, arrivals)
    watcher.watch("2013-03-04 12:00", "2013-03-05 03:00")  # the 4th has not come: it waits
    watcher.arrivals = {**arrivals, "2013-03-04": at("2013-03-06 00:00")}
    watcher.look(at("2013-03-08 12:00"))
    assert [key for _, key in watcher.fired] == ["2013-03-04", "2013-03-07"]


def test_it_says_what_it_waits_for() -> None:
    watcher = Watcher(WEEKLY, arriving("2013-03-12 09:00"))
    watcher.watch("2013-03-10 12:00", "2013-03-11 10:00")
    assert watcher.said[-1] == "2013-03-04 waits: flights 2013-03-10"


@pytest.mark.parametrize("schedule", [WEEKLY, DAILY], ids=["weekly", "daily"])
def test_a_tick_today_says_that_there_is_no_partition_and_launches_nothing(schedule: ReportSchedule) -> None:
    watcher = Watcher(schedule, {})
    watcher.watch("2026-11-22 12:00", "2026-11-24 12:00", timedelta(hours=6))
    assert watcher.fired == []
    assert set(watcher.said) == {"no partition: flights ends 2013-12-31"}
    assert "2026" not in str(watcher.cursor).partition("waiting")[2]


def test_the_reports_own_end_is_named_where_its_tables_go_on() -> None:
    schedule = ReportSchedule("weekly", "weekly_job", "0 9 * * 1", "America/New_York", WEEKS, {"flights": None})
    watcher = Watcher(schedule, {})
    watcher.look(at("2014-02-03 12:00"))
    assert watcher.said == ["no partition: weekly ends 2013-12-29"]


def test_the_last_window_is_made_and_after_it_none() -> None:
    arrivals = {"2013-12-31": at("2014-01-01 00:00"), "2013-12-30": at("2014-01-01 00:00")}
    fired = Watcher(DAILY, arrivals).watch("2013-12-31 12:00", "2014-01-03 12:00")
    assert [key for _, key in fired] == ["2013-12-31"]


def test_a_night_in_which_clocks_change_has_one_tick() -> None:
    days = ["2013-03-09", "2013-03-10", "2013-11-02", "2013-11-03"]
    watcher = Watcher(DAILY, {day: at(day) for day in days})
    for start, end in (("2013-03-09 12:00", "2013-03-11 12:00"), ("2013-11-02 12:00", "2013-11-04 12:00")):
        watcher.cursor = None
        watcher.watch(start, end, timedelta(minutes=30))
    assert [key for _, key in watcher.fired] == days


def test_waiting_windows_that_the_yaml_no_longer_has_are_forgotten() -> None:
    watcher = Watcher(DAILY, {})
    watcher.watch("2013-12-30 12:00", "2013-12-31 12:00")
    shorter = Partitions(every="day", start="2013-01-01", end="2013-11-30", timezone="America/New_York")
    watcher.schedule = ReportSchedule("daily", "daily_job", "0 0 * * *", "America/New_York", shorter, {})
    watcher.look(at("2013-12-31 13:00"))
    assert watcher.said[-1] == "no partition: daily ends 2013-11-30"


def test_a_window_that_waits_for_longer_than_it_may_is_called_late() -> None:
    schedule = replace(WEEKLY, deadline_s=3 * 3600)
    watcher = Watcher(schedule, arriving("2013-03-12 09:00"))
    watcher.watch("2013-03-10 12:00", "2013-03-11 12:00")
    assert watcher.said[-1] == "2013-03-04 waits: flights 2013-03-10"
    watcher.look(at("2013-03-11 12:10"))
    assert watcher.said[-1] == "2013-03-04 waits and is late: flights 2013-03-10"


def test_a_report_without_windows_is_made_at_every_tick() -> None:
    schedule = ReportSchedule("stock", "stock_job", "0 6 * * *", "UTC", None, {"flights": None})
    watcher = Watcher(schedule, {})
    watcher.watch("2013-03-04 00:00", "2013-03-06 00:00")
    assert watcher.keys == ["stock/2013-03-04T06:00+00:00", "stock/2013-03-05T06:00+00:00"]
    assert {key for _, key in watcher.fired} == {""}
