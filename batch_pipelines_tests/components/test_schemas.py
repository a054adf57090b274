"""The schemas that editors get of the YAML types: what YAML may say passes, what it may not does not."""

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from batch_pipelines.components import Campaign, Dataset, Report
from batch_pipelines.core.declaring.yaml_files import read_documents
from batch_pipelines_tests.components.shop import SALES, STORES

TYPES = {kind.type_name: kind for kind in (Campaign, Dataset, Report)}
SHIPPED = Path(__file__).parents[2] / "batch_pipelines" / "defs"
WEEKS = {"every": "week", "start": "2013-01-07"}
REPORT = {"title": "Sales", "queries": {"q": "select 1"}, "content": [{"text": "All sales."}]}
CAMPAIGN = {"from": "news@example.com", "subject": "News", "template": "news.html", "audience": {"file": "people.csv"}}


def wrong(kind: type[Campaign | Dataset | Report], attributes: dict[str, Any]) -> list[str]:
    validator = Draft202012Validator(kind.get_model_cls().model_json_schema())
    return [f"{error.json_path}: {error.validator}" for error in validator.iter_errors(attributes)]


@pytest.mark.parametrize(
    ("kind", "attributes"),
    [
        (Dataset, SALES),
        (Dataset, {**STORES, "timeout": "5m", "max_reject_rate": "5%", "chunk_size": "1MB", "time_travel": "7d"}),
        (Dataset, {**STORES, "owners": "a@example.com", "export": {"csv": "a.csv"}, "timeout": {"hard": "5m"}}),
        (Report, {**REPORT, "timeout": "5m", "max_age": "2d", "formats": "pdf", "checks": ["select true"]}),
        (Report, {**REPORT, "partitions": WEEKS, "schedule": {"cron": "0 0 * * *", "wait_for": "sales"}}),
        (Campaign, {**CAMPAIGN, "unsubscribe": "https://example.com/u", "schedule": "0 9 * * 1", "max_age": "1d"}),
        (Campaign, {**CAMPAIGN, "limits": {"per_domain": "5/s", "rates": "50000/24h"}, "attachments": "a.pdf"}),
    ],
)
def test_units_bare_types_and_one_for_many_pass(
    kind: type[Campaign | Dataset | Report], attributes: dict[str, Any]
) -> None:
    assert wrong(kind, attributes) == []


@pytest.mark.parametrize("file", sorted(SHIPPED.rglob("defs.yaml")), ids=lambda file: file.parent.name)
def test_the_shipped_pipelines_pass(file: Path) -> None:
    [document] = read_documents(file)

    assert wrong(TYPES[document.data["type"]], document.data["attributes"]) == []


@pytest.mark.parametrize(("kind", "attributes"), [(Dataset, STORES), (Report, REPORT), (Campaign, CAMPAIGN)])
def test_unknown_keys_do_not_pass(kind: type[Campaign | Dataset | Report], attributes: dict[str, Any]) -> None:
    assert wrong(kind, {**attributes, "sorce": "x"}) == ["$: additionalProperties"]
