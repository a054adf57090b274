"""The usual way: jinja2, EmailMessage, smtplib."""

import smtplib
import time
from collections.abc import Iterator
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from typing import Any

import dkim  # type: ignore[import-untyped]  # it ships no types
from jinja2 import Environment, StrictUndefined

from benchmarks.campaigns import letters
from benchmarks.campaigns.keys import new_key
from benchmarks.campaigns.sinks import running_sink
from benchmarks.campaigns.stopwatch import measured, now
from benchmarks.measure import Json


def write(job: Json) -> Json:
    """Write letters, compiled templates filled in for each."""
    written = _written(job["count"], ascii_only=job["ascii"])
    return measured(job["count"], lambda: sum(len(data) for data in written))


def send_prebuilt(job: Json) -> Json:
    """Send letters that are written already, on one connection."""
    data = next(_written(1, ascii_only=True))
    with running_sink(job) as (host, port), smtplib.SMTP(host, port) as client:
        return measured(job["count"], lambda: _send(client, (data for _ in range(job["count"]))))


def write_and_send(job: Json) -> Json:
    """Write and send, on one connection."""
    with running_sink(job) as (host, port), smtplib.SMTP(host, port) as client:
        return measured(job["count"], lambda: _send(client, _written(job["count"], ascii_only=job["ascii"])))


def write_and_connect(job: Json) -> Json:
    """Write and send, a connection for each letter: what most programs do."""

    def send() -> int:
        sent = 0
        for number, data in enumerate(_written(job["count"], ascii_only=job["ascii"])):
            with smtplib.SMTP(host, port) as client:
                client.sendmail(letters.ENVELOPE, [letters.address(number)], data)
                sent += 1
        return sent

    with running_sink(job) as (host, port):
        return measured(job["count"], send)


def sign(job: Json) -> Json:
    """Sign letters with dkimpy."""
    key, data = new_key(), next(_written(1, ascii_only=True))
    headers = [name.encode() for name in ("From", "To", "Subject", "Date", "Message-ID", "List-Unsubscribe")]

    options = {"canonicalize": (b"relaxed", b"relaxed"), "include_headers": headers}

    def work() -> int:
        return sum(len(dkim.sign(data, b"s", b"example.com", key, **options)) > 0 for _ in range(job["count"]))

    return measured(job["count"], work)


def _send(client: smtplib.SMTP, messages: Iterator[bytes]) -> int:
    sent = 0
    for number, data in enumerate(messages):
        client.sendmail(letters.ENVELOPE, [letters.address(number)], data)
        sent += 1
    return sent


def _written(count: int, *, ascii_only: bool) -> Iterator[bytes]:
    plain = Environment(autoescape=False, undefined=StrictUndefined, trim_blocks=True)  # noqa: S701  it makes text
    rich = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    subject, text, html = (
        plain.from_string(letters.SUBJECT),
        plain.from_string(letters.TEXT),
        rich.from_string(letters.HTML),
    )
    date = format_datetime(now())
    for number, context in enumerate(letters.contexts(count, ascii_only=ascii_only)):
        variables: dict[str, Any] = {**context, "unsubscribe_url": f"https://news.example.com/u/{number:040d}"}
        message = EmailMessage(policy=SMTP)
        message["From"] = letters.SENDER
        message["To"] = letters.address(number)
        message["Subject"] = subject.render(variables)
        message["Date"] = date
        message["Message-ID"] = make_msgid(str(time.monotonic_ns()), "example.com")
        message["List-ID"] = "<news.example.com>"
        message["List-Unsubscribe"] = f"<{variables['unsubscribe_url']}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        message.set_content(text.render(variables))
        message.add_alternative(html.render(variables), subtype="html")
        yield message.as_bytes()
