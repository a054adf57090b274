"""Charts in a message."""

from typing import Any

import pytest

from batch_pipelines.campaigns.messages.pictures import Pictures
from batch_pipelines.core.errors import ConfigError
from batch_pipelines.presentation.chart_keys import Chart
from batch_pipelines.presentation.formats import Formats
from batch_pipelines.presentation.theme import Theme
from batch_pipelines_tests.campaigns.messages.letters import parsed, refused, rendered, text_of

CHARTS = {"sales": Chart(title="Sales", type="bar", data="weeks", x="week", y="sold")}
ROWS = [{"week": f"W{number}", "sold": number * 3} for number in range(1, 5)]
PAGE = '<img src="{{ charts.sales.src }}" alt="{{ charts.sales.alt }}" width="{{ charts.sales.width }}">'


def pictures(**changes: Any) -> Pictures:
    """The pictures of one campaign."""
    return Pictures({**CHARTS, **changes}, Formats(), Theme())


def test_a_chart_goes_along_and_is_said_in_words() -> None:
    message = parsed(rendered({"weeks": ROWS, "name": "A"}, charts=CHARTS, template=PAGE).data)
    (picture,) = [part for part in message.walk() if part.get_content_type() == "image/png"]
    assert picture.get_content().startswith(b"\x89PNG")
    assert picture["Content-ID"] == "<sales@charts.invalid>"
    assert 'src="cid:sales@charts.invalid"' in text_of(message, "html")
    assert text_of(message, "plain").startswith("[Bar chart: Sales. 4 values")


def test_the_same_rows_are_drawn_once() -> None:
    drawing = pictures()
    one = drawing.of({"weeks": ROWS})["sales"]
    assert drawing.of({"weeks": ROWS})["sales"] is one
    assert drawing.of({"weeks": [dict(row) for row in ROWS]})["sales"] is one
    assert drawing.of({"weeks": ROWS[:2]})["sales"] is not one


def test_rows_that_are_missing_are_their_recipients_problem() -> None:
    assert "there are no data 'weeks'" in refused({"name": "A"}, charts=CHARTS, template=PAGE)
    assert "sold" in refused({"name": "A", "weeks": [{"week": 1}]}, charts=CHARTS, template=PAGE)


def test_a_chart_without_rows_says_so() -> None:
    assert pictures().of({"weeks": []})["sales"].alt


def test_a_chart_that_cannot_be_drawn_is_named() -> None:
    bad = Chart(title="x", data="weeks", vega_lite={"mark": "nothing"})
    with pytest.raises(ConfigError):
        pictures(bad=bad).of({"weeks": ROWS})
