"""Templates show values, and do nothing else."""

import datetime as dt

import pytest

from batch_pipelines.core.errors import ConfigError
from batch_pipelines.presentation.formats import Formats
from batch_pipelines.presentation.templating import environment, missing_variables, render

MADE = environment(Formats("en_US", "UTC"))


def test_filters_show_values_in_the_locale() -> None:
    values = {"start": dt.datetime(2013, 1, 1), "share": 0.5, "nothing": None}  # noqa: DTZ001
    text = render(MADE, "{{ start | date('full') }}: {{ share | percent }}, {{ nothing | number }}", values)
    assert text == "Tuesday, January 1, 2013: 50.0%, –"
    assert render(MADE, "{{ 65 | duration('min') }} {{ 2 | show('number:1') }}", {}).endswith("2.0")


def test_html_is_escaped_where_it_is_asked_for() -> None:
    hostile = {"x": "<script>alert(1)</script>"}
    assert "<script>" not in render(environment(Formats(), html=True), "{{ x }}", hostile)


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{{ gone }}", "'gone' is undefined"),
        ("{{ row.gone }}", "has no attribute 'gone'"),
        ("{{ x | nofilter }}", "line 1: No filter named 'nofilter'"),
        ("a\n{% if %}", "line 2"),
        ("{{ x.__class__ }}", "unsafe"),
        ("{{ ''.__class__.__mro__[1].__subclasses__() }}", "unsafe"),
        ("{{ cycler.__init__.__globals__ }}", "unsafe"),
        ("{{ 'a' * 99999999 }}", "not for templates"),
        ("{{ 9 ** 9 ** 9 }}", "powers"),
        ("{{ range(99999999) | list }}", "Range too big"),
        ("{{ row.update({'a': 1}) }}", "unsafe"),
        ("{% include '/etc/passwd' %}", "template"),
        ("{{ 1 / 0 }}", "division by zero"),
    ],
)
def test_what_is_missing_or_reaches_too_far_is_refused(template: str, words: str) -> None:
    with pytest.raises(ConfigError, match=r"^template") as caught:
        render(MADE, template, {"x": 1, "row": {"a": 1}})
    assert words in str(caught.value)


def test_variables_that_nobody_gives_are_named() -> None:
    assert missing_variables(MADE, "{{ a }}{% set b = 1 %}{{ b }}{{ c }}{{ range(3) }}", ["c"]) == ["a"]


def test_a_key_is_found_before_a_method_of_its_name() -> None:
    assert render(MADE, "{{ order.items }} {{ order.get('x') }}", {"order": {"items": 3}}) == "3 None"
