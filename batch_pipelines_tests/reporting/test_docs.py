"""docs/reports.md: the report that it shows is made, as it stands there."""

import datetime as dt
import re
from pathlib import Path

import pytest
import yaml

from batch_pipelines.reporting.declaration.content import Column, Content, Kpi, Pivot, Table
from batch_pipelines.reporting.declaration.filters import Filter
from batch_pipelines.reporting.declaration.model import ReportDeclaration
from batch_pipelines_tests.reporting.shop import Shop

DOCUMENT = (Path(__file__).parents[2] / "docs" / "reports.md").read_text(encoding="utf-8")
YAML = re.findall(r"```yaml\n(.*?)```", DOCUMENT, re.DOTALL)
FLIGHTS = [
    {"origin": o, "dest": d, "arr_delay": float(n), "date": dt.date(2013, 1 + n % 2, 1 + n)}
    for n in range(20)
    for o, d in (("EWR", "ATL"), ("JFK", "LAX"))[: 1 + n % 2]
]


def test_a_new_report_is_the_one_yaml_file_of_the_document(shop: Shop) -> None:
    shop.table("flights", FLIGHTS)
    folder = shop.defs / "busiest_routes"
    folder.mkdir()
    (folder / "defs.yaml").write_text(YAML[0], encoding="utf-8")
    shop.reporting = shop.opened()
    assert shop.reporting.lint("busiest_routes") == []
    made = shop.made("2013-02", "busiest_routes")
    assert [entry.format for entry in made.files] == ["pdf", "xlsx", "html"]
    assert [(kpi.text, kpi.change) for kpi in made.kpis] == [("20", "+100.0%"), ("10", "0.0%")]
    assert all(check.passed for check in shop.reporting.verify(made))


def test_the_filters_and_blocks_of_the_document_are_right() -> None:
    filters = yaml.safe_load(YAML[1])["filters"]
    assert [Filter.model_validate(each).type for each in filters.values()] == ["string", "date", "list"]
    blocks = [Content.model_validate(each) for each in yaml.safe_load(YAML[2])]
    assert [block.kind for block in blocks] == ["table", "table"]


@pytest.mark.parametrize("model", [ReportDeclaration, Kpi, Table, Column, Pivot])
def test_every_key_is_in_the_document(model: type[ReportDeclaration | Kpi | Table | Column | Pivot]) -> None:
    told = set(re.findall(r"[a-z_]+", DOCUMENT))
    assert set(model.model_fields) - told - {"name"} == set()
