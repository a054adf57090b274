"""Ticks of a campaign: each window once, what was missed by policy, nothing that has expired."""

from datetime import UTC, datetime

import pytest

from batch_pipelines.campaigns.declaration.model import CampaignDeclaration
from batch_pipelines.components.campaign.schedule import Due, due, evaluate
from batch_pipelines_tests.campaigns.shop_news import NEWS

MONDAYS = "0 9 * * 1"


def declared(**schedule: object) -> CampaignDeclaration:
    partitions = {"every": "week", "start": "2013-01-07", "end": "2013-12-29", "timezone": "America/New_York"}
    return CampaignDeclaration.model_validate(
        {**NEWS, "name": "news", "partitions": partitions, "schedule": {"cron": MONDAYS, **schedule}}
    )


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def launched(found: list[Due]) -> list[str]:
    return [each.window for each in found if each.refused is None]


def test_a_tick_asks_for_the_window_that_has_just_ended_once() -> None:
    news = declared()
    before, after = at("2013-06-10 12:59"), at("2013-06-10 13:01")  # 9:00 in New York is 13:00 UTC
    first = evaluate(before.isoformat(), news, after)
    assert [each.partition_key for each in first.run_requests or []] == ["2013-06-03"]
    assert [each.run_key for each in first.run_requests or []] == ["news/2013-06-03"]
    again = evaluate(first.cursor, news, at("2013-06-10 13:02"))
    assert not again.run_requests


def test_a_new_sensor_has_missed_nothing() -> None:
    assert not evaluate(None, declared(), at("2013-06-12 00:00")).run_requests


@pytest.mark.parametrize(
    ("missed", "windows"),
    [("last", ["2013-06-17"]), ("all", ["2013-06-03", "2013-06-10", "2013-06-17"]), ("none", [])],
)
def test_after_three_weeks_of_downtime_the_policy_decides(missed: str, windows: list[str]) -> None:
    found = list(due(declared(missed=missed), at("2013-06-10 00:00"), at("2013-06-26 00:00")))
    assert launched(found) == windows
    assert len(found) == 3
    assert all(each.refused for each in found if each.window not in windows)


def test_a_punctual_tick_is_not_missed() -> None:
    assert launched(list(due(declared(missed="none"), at("2013-06-10 12:59"), at("2013-06-10 13:05")))) == [
        "2013-06-03"
    ]


def test_what_has_expired_is_not_sent_and_says_so() -> None:
    news = declared(expires="12h", missed="all")
    found = list(due(news, at("2013-06-10 00:00"), at("2013-06-18 00:30")))
    assert launched(found) == ["2013-06-10"]
    assert "expired 2013-06-10T21:00" in str(found[0].refused)
    request = (evaluate(at("2013-06-17 00:00").isoformat(), news, at("2013-06-17 14:00")).run_requests or [])[0]
    assert request.tags["batch/expires_at"] == f"{at('2013-06-18 01:00').timestamp():.0f}"


def test_after_the_last_window_a_tick_asks_for_nothing() -> None:
    found = list(due(declared(), at("2014-02-02 00:00"), at("2014-02-05 00:00")))
    assert launched(found) == []
    assert "news ends 2013-12-29" in str(found[0].refused)
