"""MJML and HTML with Jinja in them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_pipelines.campaigns.messages.markup import (
    Inliner,
    hidden,
    html_of_mjml,
    needs_inlining,
    with_short_lines,
)
from batch_pipelines.core.errors import ConfigError
from batch_pipelines_tests.campaigns.messages.letters import parsed, rendered, text_of

PIECES = st.lists(
    st.sampled_from(
        [
            "{{ a }}",
            "{% if a < 3 %}",
            "{% endif %}",
            "{{ '}}' }}",
            '{{ "%}" }}',
            "<b>",
            "</b>",
            "jinjax0x",
            "x",
            " ",
            "&amp;",
        ]
    ),
    max_size=15,
)


@given(PIECES.map("".join))
def test_jinja_that_stood_aside_comes_back_as_it_was(text: str) -> None:
    aside = hidden(text)
    assert aside.restored(aside.text) == text
    assert "{{" not in aside.text
    assert "{%" not in aside.text


def test_jinjas_comments_are_dropped() -> None:
    assert hidden("a{# {{ b }} \n #}c").text == "ac"


MJML = """<mjml><mj-head><mj-style inline="inline">.hot { color: red }</mj-style></mj-head>
<mj-body><mj-section><mj-column>
{% if rows and 1 < 2 %}
<mj-table>{% for row in rows %}<tr><td class="hot">{{ row.a }}</td><td>{{ row.b | number(1) }}</td></tr>
{% endfor %}</mj-table>
{% else %}
<mj-text>Nothing &amp; nobody</mj-text>
{% endif %}
<mj-button href="{{ link }}">Look</mj-button>
</mj-column></mj-section></mj-body></mjml>"""


def test_conditions_and_loops_in_mjml_do_what_they_say() -> None:
    context = {
        "rows": [{"a": "x", "b": 1.25}, {"a": "y", "b": 2}],
        "link": 'https://example.com/?a=1&b="2"',
        "name": "A",
    }
    message = parsed(rendered(context, template=MJML, template_name="a.mjml").data)
    html = text_of(message, "html")
    assert re.findall(r'<td class="hot" style="color: red;?">(\w)</td>', re.sub(r"\s+", " ", html)) == ["x", "y"]
    assert (
        "https://example.com/?a=1&amp;b=&#34;2&#34;" in html or "https://example.com/?a=1&amp;b=&quot;2&quot;" in html
    )
    assert "Nothing" not in html
    assert text_of(message, "plain") == 'x  1.2\ny  2.0\n\nLook <https://example.com/?a=1&b="2">\n'
    message = parsed(rendered({**context, "rows": []}, template=MJML, template_name="a.mjml").data)
    assert text_of(message, "plain") == 'Nothing & nobody\n\nLook <https://example.com/?a=1&b="2">\n'
    assert "Nothing &amp; nobody" in text_of(message, "html")


def test_mjml_is_loaded_from_nowhere() -> None:
    with pytest.raises(ConfigError, match="MJML"):
        html_of_mjml(hidden('<mjml><mj-body><mj-include path="/etc/passwd" /></mj-body></mjml>'))
    html = html_of_mjml(hidden('<mjml><mj-body><mj-section><mj-column><mj-text font-family="Roboto">x</mj-text>'
                               "</mj-column></mj-section></mj-body></mjml>"))  # fmt: skip
    assert "fonts.googleapis.com" not in html.text


@pytest.mark.parametrize(
    ("styles", "needed"),
    [
        ("", False),
        ("<style>p { color: red }</style>", True),
        ("<style>@media print { p { color: red } }</style>", False),
        ("<style>/* p { } */ @import 'x'; @media print { p { color: red } } </style>", False),
        ("<style>@media print { p { color: red } } p { color: blue }</style>", True),
        ('<style data-css-inline="ignore">p { color: red }</style>', False),
    ],
)
def test_css_is_inlined_only_where_there_are_rules_for_elements(styles: str, needed: bool) -> None:  # noqa: FBT001
    assert needs_inlining(f"<html><head>{styles}</head><body><p>x</p></body></html>") == needed


def test_loops_stay_in_tables_when_css_is_inlined() -> None:
    template = (
        "<html><head><style>td { color: red } @media print { td { color: black } }</style></head><body><table>"
        "{% for n in numbers %}<tr><td>{{ n }}</td></tr>{% endfor %}</table></body></html>"
    )
    html = text_of(parsed(rendered({"numbers": [1, 2], "name": "A"}, template=template).data), "html")
    assert re.findall(r'<tr><td style="color: red;?">(\d)</td></tr>', html) == ["1", "2"]
    assert "@media print" in html


def test_nothing_is_fetched_to_inline_css() -> None:
    page = '<html><head><link rel="stylesheet" href="https://example.invalid/a.css"></head><body><p>x</p></body></html>'
    assert "<p>x</p>" in Inliner().inlined(page)


def test_long_lines_are_broken_within_tags_alone() -> None:
    page = "<table>" + '<tr><td class="a" style="b">text and  text</td></tr>' * 100 + "</table>"
    short = with_short_lines(page)
    assert max(map(len, short.split("\n"))) < 998
    assert short.replace("\n", " ") == page
    assert with_short_lines("<p class='a'>x</p>") == "<p class='a'>x</p>"
