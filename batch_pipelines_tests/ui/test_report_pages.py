"""The shipped reports' pages as people see them: on a desk and on a phone, light and dark.

Their pictures in docs/reports/ are made by report_pictures.py.
"""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from batch_pipelines.core.settings import load_settings
from batch_pipelines.orchestration.report_desk import ReportDesk
from batch_pipelines.presentation.theme import READABLE, contrast
from batch_pipelines_tests.system.small_project import PROGRAMS, ROOT, environment

pytestmark = [pytest.mark.ui, pytest.mark.timeout(120)]

MONTH = "2013-01"
REPORTS: dict[str, dict[str, Any]] = {
    "daily_operations": {"partition": f"{MONTH}-15"},
    "airport_month": {"partition": MONTH, "filters": {"origin": "EWR"}},
}
PHONE, DESK = 390, 1280
# every text that is seen: its words, its colour, and the colour of what lies behind its middle
TEXTS = """() => {
    const seen = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
    const clear = colour => colour === 'none' || /rgba\\(.*, 0\\)/.test(colour)
    while (walker.nextNode()) {
        const element = walker.currentNode.parentElement, range = document.createRange()
        range.selectNodeContents(walker.currentNode)
        const box = range.getBoundingClientRect()
        if (!walker.currentNode.data.trim() || !box.width || !element.checkVisibility()) continue
        const style = getComputedStyle(element), inDrawing = Boolean(element.ownerSVGElement)
        const below = document.elementsFromPoint(box.x + box.width / 2, box.y + box.height / 2)
        const grounds = below.filter(each => each !== element && each.tagName !== 'text').map(each =>
            each.ownerSVGElement ? getComputedStyle(each).fill : getComputedStyle(each).backgroundColor)
        seen.push({
            text: walker.currentNode.data.trim(), ink: inDrawing ? style.fill : style.color,
            ground: grounds.find(colour => !clear(colour)), drawing: inDrawing && style.opacity !== '0',
            box: [box.left, box.top, box.right, box.bottom], clipped: below.length === 0 && box.width > 1,
        })
    }
    return seen
}"""
# tables that go on beyond what is shown without saying so, and codes and numbers that are broken into lines
TABLES = """() => ({
    silent: [...document.querySelectorAll('.scroll')].filter(each => each.scrollWidth > each.clientWidth + 1
        && !each.parentElement.querySelector('.hint')?.checkVisibility()).map(each => each.ariaLabel),
    broken: [...document.querySelectorAll('td.code, td.right, th.code')].filter(cell => {
        const range = document.createRange()
        range.selectNodeContents(cell)
        return new Set([...range.getClientRects()].map(each => each.top)).size > 1
    }).map(cell => cell.textContent),
})"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The pages of one month, of the repository's own samples."""
    data = tmp_path_factory.mktemp("pages") / "data"
    places = {"BP_HOME": str(ROOT), "BP_DATA": str(data)}
    program = str(PROGRAMS / "bp")
    subprocess.run([program, "process", "flights", MONTH], env=environment(**places), check=True, capture_output=True)
    desk = ReportDesk(load_settings(places, ROOT))
    try:
        made = {name: desk.make(name, formats=["html"], **asked)[0].manifest for name, asked in REPORTS.items()}
    finally:
        desk.close()
    return {name: data / manifest.folder / manifest.files[0].name for name, manifest in made.items()}


@contextmanager
def shown(browser: Browser, file: Path, width: int, scheme: str = "light") -> Iterator[Page]:
    """A page as somebody sees it who has scrolled nowhere, on a screen as high as it."""
    page = browser.new_page(viewport={"width": width, "height": 900}, device_scale_factor=2 if width <= PHONE else 1)
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.route("http*://**", lambda route: route.abort())
    page.goto(file.as_uri())
    page.set_viewport_size({"width": width, "height": page.evaluate("document.documentElement.scrollHeight")})
    yield page
    page.close()


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize("width", [320, PHONE, 768, DESK])
def test_a_page_fits_any_screen_and_hides_nothing(
    name: str, width: int, browser: Browser, pages: dict[str, Path]
) -> None:
    with shown(browser, pages[name], width) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(TABLES) == {"silent": [], "broken": []}
        texts = page.evaluate(TEXTS)
        assert len(texts) > 100
        assert [each["text"] for each in texts if each["clipped"] or each["box"][2] > width] == []
        drawn = [each for each in texts if each["drawing"]]
        assert len(drawn) > 20
        assert [(one["text"], other["text"]) for one, other in _neighbours(drawn) if _overlap(one, other)] == []


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESK])
def test_every_word_on_a_page_can_be_read(
    name: str, scheme: str, width: int, browser: Browser, pages: dict[str, Path]
) -> None:
    with shown(browser, pages[name], width, scheme) as page:
        texts = page.evaluate(TEXTS)
        unreadable = [each for each in texts if contrast(_hex(each["ink"]), _hex(each["ground"])) < READABLE]
        assert [(each["text"], each["ink"], each["ground"]) for each in unreadable] == []
        ground = _hex(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        assert (contrast(ground, "#ffffff") > 10) == (scheme == "dark")


def _neighbours(texts: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    return ((one, other) for at, one in enumerate(texts) for other in texts[at + 1 :])


def _overlap(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two texts stand on each other, or so close in a line that they are read as one."""
    left, top, right, bottom = one["box"]
    other_left, other_top, other_right, other_bottom = other["box"]
    across = min(right, other_right) - max(left, other_left)
    down = min(bottom, other_bottom) - max(top, other_top)
    return bool(across > -2 and down > 4)  # lines of type overlap by what is above and below their letters


def _hex(colour: str) -> str:
    red, green, blue = (round(float(part)) for part in re.findall(r"[\d.]+", colour)[:3])
    return f"#{red:02x}{green:02x}{blue:02x}"
