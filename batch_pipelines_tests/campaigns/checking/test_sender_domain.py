"""What DNS says of the sender's domain: warnings, and nothing more without a network."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import pytest

from batch_pipelines.campaigns.checking.sender_domain import warnings_of
from batch_pipelines.campaigns.pipeline import Campaigns
from batch_pipelines_tests.campaigns.shop_news import ShopNews

GOOD = MappingProxyType({"news.example.com": "v=spf1 -all", "_dmarc.example.com": "v=DMARC1; p=none"})


@dataclass
class Zone:
    """A small domain name system; without `answers` it is away."""

    known: Mapping[str, str] = field(default_factory=dict)
    mail: bool = True
    answers: bool = True

    def texts(self, name: str) -> list[str]:
        return [self.known[name]] if name in self.known else []

    def takes_mail(self, domain: str) -> bool:
        if not self.answers:
            raise OSError(f"no answer about {domain}")
        return self.mail


def test_nothing_is_said_where_all_is_there_and_the_policy_may_stand_above() -> None:
    assert list(warnings_of("news.example.com", Zone(GOOD))) == []


@pytest.mark.parametrize(
    ("zone", "said"),
    [
        (Zone(GOOD, mail=False), "no MX and no address"),
        (Zone({"_dmarc.news.example.com": "v=DMARC1; p=reject"}), "no SPF record"),
        (Zone({"news.example.com": "v=spf1 mx ~all", "_dmarc.com": "v=DMARC1"}), "no DMARC record"),
    ],
)
def test_each_thing_that_is_missing_is_named(zone: Zone, said: str) -> None:
    (found,) = warnings_of("news.example.com", zone)
    assert said in found


def test_a_check_without_a_network_warns_once_and_goes_on(news: ShopNews) -> None:
    news.environ["BP_RELAY_DEFAULT"] = "smtp://127.0.0.1:1?tls=none"
    campaigns = Campaigns(news.settings, news.environ, records=Zone(answers=False))
    try:
        checked = campaigns.check("news", None)
    finally:
        campaigns.close()
    about_dns = [each for each in checked.findings if "DNS" in each.message]
    assert [each.serious for each in about_dns] == [False]
    assert not checked.stops


def test_nobody_is_asked_where_mail_becomes_files(news: ShopNews) -> None:
    campaigns = Campaigns(news.settings, news.environ, records=Zone(answers=False))
    try:
        assert not [each for each in campaigns.check("news", None).findings if "DNS" in each.message]
    finally:
        campaigns.close()
