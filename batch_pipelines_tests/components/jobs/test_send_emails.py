"""Campaigns in Dagster: the job send_emails, the asset and its checks, the sensor that goes on with what waits."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from batch_pipelines.components.campaign.sensors import requests_of
from batch_pipelines.components.campaign.steps import EXPIRES_TAG, open_campaigns
from batch_pipelines.core.mailings import RecipientState, Settlement
from batch_pipelines.core.owners import new_owner
from batch_pipelines.definitions import defs
from batch_pipelines_tests.campaigns.shop_news import ShopNews, make_shop_news
from batch_pipelines_tests.components.shop import failure_text, materialised

WEEKS = {"every": "week", "start": "2013-01-07", "end": "2013-12-29"}


@pytest.fixture
def news(home: Path, blank_ledger: Path, monkeypatch: pytest.MonkeyPatch) -> ShopNews:
    """A deployment with one weekly campaign; mail goes to .eml files."""
    made = make_shop_news(home, blank_ledger)
    for name, value in made.environ.items():
        monkeypatch.setenv(name, value)
    made.declare(partitions=WEEKS, schedule={"cron": "0 9 * * 1", "expires": "12h"})
    made.people(3)
    return made


def run(instance: dg.DagsterInstance, job: str, *, raises: bool = True, **options: Any) -> dg.ExecuteInProcessResult:
    return defs().resolve_job_def(job).execute_in_process(instance=instance, raise_on_error=raises, **options)


def figures(result: dg.ExecuteInProcessResult) -> dict[str, int]:
    return dict(result.output_for_node("report"))


def test_the_job_sends_an_occurrence_once_and_answers_with_figures(
    news: ShopNews, instance: dg.DagsterInstance
) -> None:
    config = {"campaign": "news", "partition": "2013-06-03"}
    first = figures(run(instance, "send_emails", run_config=config))
    assert (first["sent"], first["total"]) == (3, 3)
    assert set(first) >= {"sent", "failed", "deferred", "suppressed", "ambiguous", "total"}
    assert figures(run(instance, "send_emails", run_config=config)) == first
    assert len(news.eml_files) == 3


def test_the_asset_job_and_the_job_share_occurrences(news: ShopNews, instance: dg.DagsterInstance) -> None:
    result = run(instance, "news_job", partition_key="2013-06-03")
    shown = materialised(result, "news")["2013-06-03"]
    assert (shown["sent"], shown["total"], shown["state"]) == (3, 3, "done")
    again = run(instance, "send_emails", run_config={"campaign": "news", "partition": "2013-06-03"})
    assert len(news.eml_files) == 3
    assert materialised(again, "news")["2013-06-03"] == shown
    checks = {each.check_name: each.passed for each in result.get_asset_check_evaluations()}
    assert checks == {"states_add_up": True, "nothing_ambiguous": True, "bounce_rate": True}


def test_transactional_mail_is_sent_once_a_key(news: ShopNews, instance: dg.DagsterInstance) -> None:
    news.declare("notice", kind="transactional", unsubscribe=None, audience=None)
    news.write("defs/notice/news.html", "<p>{{ name }}</p>")
    config = {"template": "notice", "recipients": ["a@example.com"], "data": {"name": "A"}, "key": "k"}
    first = run(instance, "send_emails", run_config=config)
    assert figures(first)["sent"] == 1
    assert materialised(first, "notice") == {}
    assert figures(run(instance, "send_emails", run_config=config))["sent"] == 1
    assert len(news.eml_files) == 1


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({}, "name a campaign, or give recipients and a template"),
        ({"recipients": ["a@example.com"]}, "recipients need a template"),
        ({"campaign": "news"}, "needs a partition"),
        ({"campaign": "news", "partition": "2013-06-04"}, "is not the start of a week"),
    ],
)
def test_run_config_that_cannot_be_is_refused_in_a_line(
    news: ShopNews, instance: dg.DagsterInstance, config: dict[str, Any], said: str
) -> None:
    assert said in failure_text(run(instance, "send_emails", run_config=config, raises=False))


def test_a_run_that_comes_after_its_expiry_sends_nothing(news: ShopNews, instance: dg.DagsterInstance) -> None:
    result = run(instance, "news_job", partition_key="2013-06-03", tags={EXPIRES_TAG: "1000"})
    assert materialised(result, "news")["2013-06-03"]["state"] == "expired"
    assert news.eml_files == []


def test_a_paused_occurrence_fails_the_run_and_says_how_to_go_on(news: ShopNews, instance: dg.DagsterInstance) -> None:
    with open_campaigns() as campaigns:
        occurrence = campaigns.prepare("news", "2013-06-03")
        campaigns.ledger.occurrences.pause(occurrence.id, "because")
    result = run(instance, "news_job", partition_key="2013-06-03", raises=False)
    assert "paused: because; cure that, then: bp campaign resume news 2013-06-03" in failure_text(result)


def test_a_retried_run_goes_on_with_the_occurrence_of_the_failed_one(
    news: ShopNews, instance: dg.DagsterInstance
) -> None:
    config, campaigns = {"campaign": "news", "partition": "2013-06-03"}, news.open()
    occurrence = campaigns.prepare("news", "2013-06-03")
    campaigns.ledger.occurrences.pause(occurrence.id, "for the test")
    failed = run(instance, "send_emails", raises=False, run_config=config)
    assert (failed.success, news.eml_files) == (False, [])
    campaigns.ledger.occurrences.resume(occurrence.id)
    campaigns.close()
    of = {"dagster/parent_run_id": failed.run_id, "dagster/root_run_id": failed.run_id}
    for _ in range(2):
        assert figures(run(instance, "send_emails", run_config=config, tags=of))["sent"] == 3
    assert len(news.eml_files) == 3


def test_the_sensor_goes_on_with_what_a_lost_run_left_and_with_what_is_due(news: ShopNews) -> None:
    with open_campaigns() as campaigns:
        occurrence = campaigns.prepare("news", "2013-06-03")
        now = campaigns.clock.now().timestamp()
        (request,) = requests_of(campaigns, now)
        assert request.run_config == {"campaign": "news", "partition": "2013-06-03"}
        owner = new_owner()
        campaigns.ledger.holders.enter(owner)
        screen = campaigns_screen(campaigns)
        claim = campaigns.ledger.recipients.claim(owner, occurrence.id, "j", screen=screen, limit=9, now=now)
        assert claim
        assert list(requests_of(campaigns, now)) == []
        later = [Settlement(each.seq, RecipientState.DEFERRED, 1, due_at=now + 300) for each in claim.recipients]
        campaigns.ledger.recipients.settle(owner.id, claim, later)
        assert list(requests_of(campaigns, now)) == []
        assert len(list(requests_of(campaigns, now + 300))) == 1


def test_where_a_real_relay_is_named_the_schedule_is_off_until_somebody_switches_it_on(
    news: ShopNews, monkeypatch: pytest.MonkeyPatch
) -> None:
    def status() -> dg.DefaultSensorStatus:
        (schedule,) = [each for each in defs().sensors or [] if each.name == "news_schedule"]
        assert isinstance(schedule, dg.SensorDefinition)
        return schedule.default_status

    assert status() is dg.DefaultSensorStatus.RUNNING
    monkeypatch.setenv("BP_RELAY_DEFAULT", "smtp://127.0.0.1:2525?tls=none")
    assert status() is dg.DefaultSensorStatus.STOPPED


def campaigns_screen(campaigns: Any) -> Any:
    """Which suppressions count for the campaign."""
    from batch_pipelines.campaigns.orders import orders_of  # noqa: PLC0415

    declaration = campaigns.catalog.entry("news").declaration
    return orders_of(declaration, campaigns.relay(declaration)).screen
