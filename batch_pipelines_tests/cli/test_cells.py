"""Values as people and programs read them."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from batch_pipelines.cli.cells import as_json, shown


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (1.0, "1"),
        (1 / 3, "0.3333333333"),
        (1e20, "1e+20"),
        (336776, "336776"),
        (Decimal("1.50"), "1.50"),
        (datetime(2013, 1, 1, 5, tzinfo=UTC), "2013-01-01 05:00:00Z"),
        (date(2013, 1, 1), "2013-01-01"),
        ("a\nb\x07", "a\\nb\\x07"),
        (b"\xffa", "\\xffa"),
        ([1, None], "[1, null]"),
        ({"a": date(2013, 1, 1)}, '{"a": "2013-01-01"}'),
        ("[bold]é", "[bold]é"),
    ],
)
def test_people_see_one_printable_line(value: Any, text: str) -> None:
    assert shown(value) == text


@pytest.mark.parametrize(
    ("value", "json"),
    [
        (float("nan"), None),
        (float("inf"), None),
        (1.5, 1.5),
        (True, True),
        (Decimal("1.50"), "1.50"),
        (datetime(2013, 1, 1, 5, tzinfo=UTC), "2013-01-01T05:00:00Z"),
        ({"a": [b"x", (1,)]}, {"a": ["x", [1]]}),
        ("a\nb", "a\nb"),
    ],
)
def test_programs_get_what_json_can_hold(value: Any, json: Any) -> None:
    assert as_json(value) == json
