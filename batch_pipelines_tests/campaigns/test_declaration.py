"""The YAML of campaigns: what is refused, with file, line and key; that it survives a trip through JSON."""

import json
from pathlib import Path
from typing import Any

import pytest

from batch_pipelines.campaigns.declaration.catalog import load_catalog
from batch_pipelines.campaigns.declaration.model import CampaignDeclaration
from batch_pipelines.campaigns.declaration.tables import tables_needed, tables_read
from batch_pipelines.core.errors import ConfigError
from batch_pipelines.core.mailings import Reason
from batch_pipelines_tests.campaigns.shop_news import NEWS, ShopNews, make_shop_news

SHIPPED = Path(__file__).parents[2] / "batch_pipelines" / "defs"


@pytest.fixture
def shop(tmp_path: Path) -> ShopNews:
    return make_shop_news(tmp_path)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"subjekt": "x"}, "'subjekt'.*did you mean 'subject'"),
        ({"from": "nobody"}, "is no address"),
        ({"from": "a@example.com\r\nBcc: b@example.com"}, "control character"),
        ({"subject": "two\nlines"}, "a subject is one line"),
        ({"unsubscribe": None}, "'unsubscribe' is missing"),
        ({"unsubscribe": "http://example.com/u"}, "not an https address"),
        ({"audience": None}, "'audience' is missing"),
        ({"audience": {"table": "a", "file": "b.csv"}}, "table and file exclude each other"),
        ({"audience": {"file": "../people.csv"}}, "leaves the project's folder"),
        ({"audience": {"table": "a", "exclude": ["bounced"]}}, "add unsubscribed"),
        ({"audience": {"table": "a", "exclude": ["tired"]}}, "'tired' is not a reason"),
        ({"schedule": "0 9 * * 1"}, "a schedule needs partitions"),
        ({"limits": {"per_domain": "fast"}}, "'fast' is not a rate"),
        ({"ambiguous": "maybe"}, "hold"),
        ({"template": "../secret.html"}, "not the name of a file beside the YAML"),
        ({"template": "absent.html"}, "there is no file absent.html beside the YAML"),
        ({"charts": {"c": {"type": "line", "data": "days", "x": "a", "y": "b"}}}, "there is no data 'days'"),
    ],
)
def test_what_cannot_work_is_refused_with_file_and_line(shop: ShopNews, changes: dict[str, Any], said: str) -> None:
    shop.declare(**changes)
    with pytest.raises(ConfigError, match=said) as refused:
        load_catalog(shop.settings.defs)
    assert refused.value.line


def test_two_campaigns_of_one_name_are_refused(shop: ShopNews) -> None:
    shop.declare()
    shop.declare("other", name="news")
    with pytest.raises(ConfigError, match="declared already in"):
        load_catalog(shop.settings.defs)


def test_an_unknown_campaign_gets_the_nearest_name(shop: ShopNews) -> None:
    shop.declare()
    with pytest.raises(ConfigError, match="did you mean 'news'"):
        load_catalog(shop.settings.defs).entry("nwes")


def test_a_declaration_survives_a_trip_through_json(shop: ShopNews) -> None:
    for entry in load_catalog(SHIPPED).entries.values():
        said = entry.declaration.model_dump_json()
        assert CampaignDeclaration.model_validate_json(said) == entry.declaration
        json.loads(said)


def test_a_transactional_campaign_needs_neither_audience_nor_a_way_out(shop: ShopNews) -> None:
    shop.declare("notice", kind="transactional", audience=None, unsubscribe=None)
    declaration = load_catalog(shop.settings.defs).entry("notice").declaration
    assert declaration.exclude == (Reason.BOUNCED, Reason.MANUAL)


def test_the_tables_that_are_read_are_found_in_its_sql() -> None:
    digest = load_catalog(SHIPPED).entry("punctuality_digest").declaration
    assert tables_read(digest) == ["flights", "subscribers"]


def test_only_tables_that_it_may_read_are_opened(shop: ShopNews) -> None:
    audience = {"table": "people", "where": "id in (select id from Buyers)"}
    shop.declare(audience=audience, data={"sums": {"by": "id", "query": "with x as (from sales) from x"}})
    declaration = load_catalog(shop.settings.defs).entry("news").declaration
    assert tables_needed(declaration, ["buyers", "broken", "people", "sales"]) == ["buyers", "people", "sales"]
    assert tables_read(declaration) == ["Buyers", "people", "sales"]


def test_scalars_do_where_one_value_suffices() -> None:
    made = CampaignDeclaration.model_validate(
        {**NEWS, "name": "n", "limits": {"rates": "50000/24h", "per_domain": {"Gmail.example": "20/s", "*": 5}}}
    )
    assert [str(rate) for rate in made.limits.campaign] == ["50000/86400s"]
    assert made.limits.per_domain == {"gmail.example": "20/1s", "*": "5/1s"}
