"""Partitions by time: keys, windows, ranges."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_pipelines.core.declaring import windows
from batch_pipelines.core.declaring.partitions import (
    between,
    contiguous,
    fits,
    key_format,
    keys,
    window,
)
from batch_pipelines.core.errors import ConfigError
from batch_pipelines.processing.declaration.model import Partitions

YEAR = Partitions(every="month", start="2013-01", end="2013-12", timezone="America/New_York")
WEEKS = Partitions(every="week", start="2013-01-07", end="2013-12-29")


def test_a_year_has_twelve_months() -> None:
    assert keys(YEAR) == [f"2013-{month:02}" for month in range(1, 13)]


def test_weeks_begin_on_monday_and_the_last_one_holds_the_end() -> None:
    assert (keys(WEEKS)[0], keys(WEEKS)[-1], len(keys(WEEKS))) == ("2013-01-07", "2013-12-23", 51)


def test_hours_of_a_day() -> None:
    hours = keys(Partitions(every="hour", start="2013-01-01", end="2013-01-01-23:00"))
    assert (hours[0], hours[-1], len(hours)) == ("2013-01-01-00:00", "2013-01-01-23:00", 24)


def test_only_windows_that_have_ended_are_listed() -> None:
    open_end = Partitions(every="day", start="2013-01-01", timezone="America/New_York")
    midnight = datetime(2013, 1, 3, 5, tzinfo=UTC)
    assert keys(open_end, midnight) == ["2013-01-01", "2013-01-02"]
    assert keys(open_end, midnight - timedelta(seconds=1)) == ["2013-01-01"]


def test_partitions_without_an_end_need_the_present() -> None:
    with pytest.raises(ValueError, match="need a time until which they are listed"):
        keys(Partitions(every="day", start="2013-01-01"))


def test_a_window_follows_the_clock_of_its_zone() -> None:
    start, end = window(YEAR, "2013-03")
    assert (start, end) == (
        datetime(2013, 3, 1, tzinfo=ZoneInfo("America/New_York")),
        datetime(2013, 4, 1, tzinfo=ZoneInfo("America/New_York")),
    )
    assert (start.utcoffset(), end.utcoffset()) == (timedelta(hours=-5), timedelta(hours=-4))


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("2014-01", "partition '2014-01' is outside the partitions, which are 2013-01 to 2013-12"),
        ("2013-13", "partition '2013-13' is not a month; write for example 2013-01"),
        (
            "2013-01-02",
            "partition '2013-01-02' is not the start of a month; did you mean 2013-01 or 2013-02?",
        ),
        ("all", "partition 'all' is not a month"),
    ],
)
def test_a_key_that_names_no_window_is_refused(key: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        window(YEAR, key)
    assert message in str(caught.value)


def test_a_range_of_keys_takes_both_ends_and_any_time_within_them() -> None:
    assert between(YEAR, "2013-02", "2013-04-15") == ["2013-02", "2013-03", "2013-04"]
    assert between(YEAR, None, "2013-01") == ["2013-01"]
    assert between(YEAR, "2013-12", None) == ["2013-12"]
    assert between(WEEKS, "2013-01-10", "2013-01-14") == ["2013-01-07", "2013-01-14"]


@pytest.mark.parametrize(
    ("first", "last", "message"),
    [
        ("2013-05", "2013-04", "--to 2013-04 is before --from 2013-05"),
        ("2012-12", None, "--from '2012-12' is outside the partitions, which are 2013-01 to 2013-12"),
        (None, "2014-01", "--to '2014-01' is outside the partitions"),
        ("May", None, "--from 'May' is not a month; write for example 2013-01"),
    ],
)
def test_a_range_that_cannot_be_is_refused(first: str | None, last: str | None, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        between(YEAR, first, last)
    assert message in str(caught.value)


def test_chosen_keys_become_ranges_without_gaps() -> None:
    chosen = {"2013-01", "2013-02", "2013-04", "2013-06", "2013-07", "2013-08"}
    assert contiguous(keys(YEAR), chosen) == [
        ("2013-01", "2013-02"),
        ("2013-04", "2013-04"),
        ("2013-06", "2013-08"),
    ]
    assert contiguous(keys(YEAR), []) == []


def test_ranges_of_unknown_keys_are_refused() -> None:
    with pytest.raises(ConfigError, match="there is no partition '2014-01'"):
        contiguous(keys(YEAR), ["2014-01"])


@given(chosen=st.sets(st.sampled_from(keys(YEAR))))
def test_ranges_hold_exactly_the_chosen_keys_and_never_touch(chosen: set[str]) -> None:
    everything = keys(YEAR)
    ranges = contiguous(everything, chosen)
    places = [(everything.index(first), everything.index(last)) for first, last in ranges]
    assert {everything[at] for low, high in places for at in range(low, high + 1)} == chosen
    assert all(high + 1 < low for (_, high), (low, _) in pairwise(places))


@given(
    every=st.sampled_from(get_args(windows.Every)),
    moment=st.datetimes(min_value=datetime(1901, 1, 1), max_value=datetime(2199, 1, 1)),  # noqa: DTZ001 - local times
)
def test_every_time_lies_in_the_window_that_its_key_names(every: windows.Every, moment: datetime) -> None:
    start = windows.floor(moment, every)
    assert start <= moment < windows.after(start, every)
    key = windows.format_key(start, every)
    assert windows.read_key(key, every) == start
    assert datetime.strptime(key, windows.key_format(every)) == start  # noqa: DTZ007 - as Dagster reads it


def test_keys_sort_as_time_does_and_say_whether_they_fit() -> None:
    assert keys(WEEKS) == sorted(keys(WEEKS))
    assert [fits(YEAR, key) for key in ("2012-12", "2013-01", "2013-12", "2014-01")] == [
        False,
        True,
        True,
        False,
    ]
    assert key_format(YEAR) == "%Y-%m"
