"""The shipped digest as people see it: light and dark, on a desk and on a phone, with pictures and without."""

import base64
import datetime as dt
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

import batch_pipelines
from batch_pipelines.campaigns.messages.draft import Unsubscribe
from batch_pipelines.campaigns.messages.writer import Rendered
from batch_pipelines.delivery.addresses import read_address
from batch_pipelines.presentation.chart_keys import Chart
from batch_pipelines.presentation.theme import READABLE, contrast
from batch_pipelines_tests.campaigns.messages.letters import ANN, NOW, parsed, text_of, writer

pytestmark = pytest.mark.ui
TEMPLATE = Path(batch_pipelines.__file__).parent / "defs" / "punctuality_digest" / "digest.mjml"
DELAYS = (12.4, -3.2, 0.2, 28.9, 5.1, -8.7, None)
CONTEXT: dict[str, Any] = {
    "airport": "LAX",
    "airport_name": "Los Angeles Intl",
    "week": {"on_time": 0.8123, "flights": 312},
    "days": [{"date": dt.date(2013, 1, 7 + at), "delay": delay} for at, delay in enumerate(DELAYS)],
    "start": dt.date(2013, 1, 7),
}
COLOURS = """els => els.filter(e => e.textContent.trim() && !e.children.length).map(e => {
    let ground = 'rgba(0, 0, 0, 0)', at = e;
    while (at && ground === 'rgba(0, 0, 0, 0)') { ground = getComputedStyle(at).backgroundColor; at = at.parentElement }
    return [e.textContent.trim(), getComputedStyle(e).color, ground]
})"""


@pytest.fixture(scope="module")
def digest() -> Rendered:
    """The digest of one week."""
    chart = Chart(title="Delays", type="line", data="days", x="date", y="delay", unit="min", alt="Arrival delay by day")
    made = writer(
        template=TEMPLATE.read_text(encoding="utf-8"),
        template_name=TEMPLATE.name,
        sender=read_address("NYC Punctuality <digest@news.example.com>"),
        subject="{{ airport_name }}: {{ week.on_time | percent }} on time last week",
        charts={"delays": chart},
        unsubscribe=Unsubscribe("https://news.example.com/u", "punctuality_digest"),
    ).render(1, ANN, CONTEXT, NOW)
    assert isinstance(made, Rendered), made
    return made


def shown(browser: Browser, digest: Rendered, width: int, scheme: str, *, pictures: bool = True) -> Page:
    """The HTML part, as a mail program shows it."""
    message = parsed(digest.data)
    html = text_of(message, "html")
    if pictures:
        (png,) = [part for part in message.walk() if part.get_content_type() == "image/png"]
        address = f"data:image/png;base64,{base64.b64encode(png.get_content()).decode()}"
        html = html.replace(f"cid:{png['Content-ID'].strip('<>')}", address)
    page = browser.new_page(viewport={"width": width, "height": 700})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.route("**/*", lambda route: route.abort())  # a mail fetches nothing
    page.set_content(html)
    return page


@pytest.mark.parametrize("width", [320, 375, 700])
def test_it_fits_any_width(width: int, browser: Browser, digest: Rendered) -> None:
    page = shown(browser, digest, width, "light")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.get_by_role("link", name="Unsubscribe").is_visible()
    picture = page.get_by_role("img")
    box = picture.bounding_box()
    assert box is not None
    assert box["width"] > width * 0.7
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_word_can_be_read(scheme: str, browser: Browser, digest: Rendered) -> None:
    page = shown(browser, digest, 700, scheme)
    texts = page.eval_on_selector_all("div, td, span, h2, a, strong", COLOURS)
    assert len(texts) > 25
    seen = [(text, contrast(_hex(ink), _hex(ground))) for text, ink, ground in texts if not _is_preview(text)]
    assert [each for each in seen if each[1] < READABLE] == []
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (contrast(_hex(ground), "#ffffff") > 10) == (scheme == "dark")
    page.close()


def test_it_says_everything_without_pictures(browser: Browser, digest: Rendered) -> None:
    page = shown(browser, digest, 700, "light", pictures=False)
    words = page.inner_text("body")
    for said in ("81%", "312 flights", "Thursday", "29 min late", "9 min early", "to the minute", "none landed"):
        assert said in words
    assert page.get_by_alt_text("Arrival delay by day").count() == 1
    page.close()


def test_its_text_part_reads_well(digest: Rendered) -> None:
    text = text_of(parsed(digest.data), "plain")
    assert text.startswith("NYC PUNCTUALITY\nWeek of January 7, 2013\n\nNew York to Los Angeles Intl\n\n81%\n")
    assert "Monday  Jan 7  12 min late\nTuesday  Jan 8  3 min early\nWednesday  Jan 9  to the minute\n" in text
    assert "{" not in text
    assert "<https://news.example.com/u/" in text


def test_no_mail_program_cuts_it_off(digest: Rendered) -> None:
    html = digest.filled.html
    assert html is not None
    assert len(html) < 102_000 / 3  # Gmail shows the first 102 KB


def _hex(colour: str) -> str:
    red, green, blue = (int(part) for part in re.findall(r"\d+", colour)[:3])
    return f"#{red:02x}{green:02x}{blue:02x}"


def _is_preview(text: str) -> bool:
    """The hidden line that inboxes show behind the subject."""
    return text.startswith("312 flights landed")
