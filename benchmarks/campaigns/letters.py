"""The letter that all write: three templates, a loop of four, about 4 KB as text and HTML; and to whom."""

from collections.abc import Iterator
from typing import Any

SENDER = "News <news@example.com>"
ENVELOPE = "news@example.com"
SUBJECT = "{{ first }}, your week at {{ shop }}"
TEXT = """Dear {{ first }} {{ last }},

these are your last orders:
{% for order in orders %}
- {{ order.name }}: {{ order.count }} x {{ order.price }} EUR
{% endfor %}

Total: {{ total }} EUR. You have {{ points }} points.

{% if points > 500 %}You may choose a gift.{% else %}Only {{ 500 - points }} points to go.{% endif %}

Leave: {{ unsubscribe_url }}
"""
_ROW = (
    '<tr><td style="padding:8px 0;border-bottom:1px solid #dddddd;font-family:Arial,sans-serif;font-size:15px">'
    "{{ order.name }}</td>"
    '<td align="right" style="padding:8px 0;border-bottom:1px solid #dddddd;font-family:Arial,sans-serif">'
    "{{ order.count }} x {{ order.price }} EUR</td></tr>"
)
HTML = (
    "<!doctype html>\n<html><head><title>{{ shop }}</title></head>\n"
    '<body style="margin:0;background:#f4f6f9">\n<table role="presentation" width="600" align="center">\n'
    '<tr><td style="padding:32px;background:#ffffff;font-family:Arial,sans-serif;font-size:16px;line-height:24px">\n'
    "<h1>Dear {{ first }} {{ last }}</h1>\n<p>These are your last orders:</p>\n"
    f'<table width="100%">\n{{% for order in orders %}}\n{_ROW}\n{{% endfor %}}\n</table>\n'
    "<p>Total: <strong>{{ total }} EUR</strong>. You have {{ points }} points.</p>\n"
    "<p>{% if points > 500 %}You may choose a gift.{% else %}Only {{ 500 - points }} points to go.{% endif %}</p>\n"
    + "<p>We are glad that you are with us, and hope to see you again at one of our shops in your town.</p>\n" * 8
    + '<p><a href="{{ unsubscribe_url }}">Leave</a></p>\n</td></tr></table></body></html>\n'
)
ASCII = ("Ann", "Miller", "Boots", "Umbrella", "Lamp", "Notebook")
BEYOND = ("Zoë", "Müller", "Stiefel für Kinder", "Schirm, grün", "Tischleuchte", "Notizbuch à carreaux")


def contexts(count: int, *, ascii_only: bool) -> Iterator[dict[str, Any]]:
    """What each recipient reads."""
    first, last, *names = ASCII if ascii_only else BEYOND
    for number in range(count):
        yield {
            "first": first,
            "last": last,
            "shop": "The corner shop",
            "orders": [
                {"name": name, "count": number % 7 + at, "price": f"{number % 90 + at}.50"}
                for at, name in enumerate(names, 1)
            ],
            "total": number % 1000,
            "points": number % 1000,
        }


def address(number: int) -> str:
    """A recipient."""
    return f"reader{number}@example.org"
