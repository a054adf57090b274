"""Cron schedules."""

import pytest

from batch_pipelines.core.declaring.cron import check_cron


@pytest.mark.parametrize(
    "text",
    [
        "0 3 * * *",
        "*/5 0-6,12 1,15 jan-mar MON-FRI",
        "0 0 29 2 *",
        "0 0 31 2,3 *",
        "0 0 31 2 mon",
        "@daily",
        "5/15 * * * 7",
    ],
)
def test_schedules_that_come_due_are_taken(text: str) -> None:
    assert check_cron(f" {text} ") == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has 0 of the five fields minute, hour, day of the month, month, day of the week"),
        ("0 3 * *", "has 4 of the five fields"),
        ("0 0 3 * * *", "has 6 of the five fields"),
        ("@reboot", "has 1 of the five fields"),
        ("60 * * * *", "'60' is not a minute of a cron schedule; allowed: 0-59, *, lists"),
        ("0 24 * * *", "'24' is not a hour of a cron schedule; allowed: 0-23"),
        ("0 0 0 * *", "'0' is not a day of the month of a cron schedule; allowed: 1-31"),
        ("0 0 1 foo *", "'foo' is not a month of a cron schedule; allowed: 1-12"),
        ("0 0 * * 8", "'8' is not a day of the week of a cron schedule; allowed: 0-7"),
        ("5-1 * * * *", "'5-1' is not a minute"),
        ("*/0 * * * *", "'*/0' is not a minute"),
        ("1, * * * *", "'' is not a minute"),
        ("٣ * * * *", "'٣' is not a minute"),
        ("0 0 30 2 *", "'0 0 30 2 *' never comes due: no such month has a day 30"),
        ("0 0 31 4,6 *", "never comes due: no such month has a day 31"),
    ],
)
def test_what_is_no_schedule_is_refused_with_what_is_allowed(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        check_cron(text)
    assert message in str(caught.value)
