"""The text part that is made from a page."""

import pytest

from batch_pipelines.campaigns.messages.markup import hidden
from batch_pipelines.campaigns.messages.plain import text_template
from batch_pipelines_tests.campaigns.messages.letters import parsed, rendered, text_of


def text(html: str) -> str:
    """The text template of a page."""
    page = hidden(html)
    return page.restored(text_template(page))


@pytest.mark.parametrize(
    ("html", "said"),
    [
        ("<p>one</p><p>two</p>", "one\n\ntwo\n"),
        ("one<br>two<br/>three", "one\ntwo\nthree\n"),
        ("<h1>Title</h1>text", "Title\n\ntext\n"),
        ("<ul><li>one<li>two</ul>after", "- one\n- two\n\nafter\n"),
        ('<a href="https://example.com/x">here</a>', "here <https://example.com/x>\n"),
        ('<a href="https://example.com">https://example.com</a>', "https://example.com\n"),
        ('<a href="mailto:a@example.com">a@example.com</a>', "a@example.com\n"),
        ('<a href="#top">up</a>', "up\n"),
        ('<a href="https://example.com"><img src="x" alt="Logo"></a>', "[Logo] <https://example.com>\n"),
        ('<img src="x" alt="">x', "x\n"),
        ("<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>", "a  b\n1  2\n"),
        ('<table role="presentation"><tr><td>left</td><td>right</td></tr></table>', "left\nright\n"),
        ("<head><title>t</title><style>p {}</style></head><body>x<script>y</script></body>", "x\n"),
        ('<div style="display:none">secret preview</div>x', "x\n"),
        ("<!--[if mso]><p>Outlook</p><![endif]-->x", "x\n"),
        ("a &amp; b &lt;c&gt; &nbsp; d", "a & b <c> d\n"),
        ("a\n   b\t c", "a b c\n"),
        ("one<hr>two", "one\n" + "-" * 40 + "\ntwo\n"),
        ("{{ a }} <b>{{ b | upper }}</b>", "{{ a }} {{ b | upper }}\n"),
    ],
)
def test_a_page_is_said_in_words(html: str, said: str) -> None:
    assert text(html) == said


def test_loops_and_conditions_stay() -> None:
    template = (
        "<table>{% for r in rows %}<tr><td>{{ r }}</td><td>{% if r > 1 %}many{% else %}one{% endif %}</td></tr>"
        "{% endfor %}</table><p>{% if name %}Bye {{ name }}{% endif %}</p><p>End</p>"
    )
    made = rendered({"rows": [1, 2, 3], "name": "Ann"}, template=template)
    assert text_of(parsed(made.data), "plain") == "1  one\n2  many\n3  many\n\nBye Ann\n\nEnd\n"


def test_a_text_template_of_ones_own_is_used_as_it_is() -> None:
    own = "Dear {{ name }},\n\n\n\n    kept   as it is\n"
    made = rendered({"name": "Ann"}, text=own)
    assert text_of(parsed(made.data), "plain") == "Dear Ann,\n\n\n\n    kept   as it is\n"
