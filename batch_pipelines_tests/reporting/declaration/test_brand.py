"""The brand: a logo that is a picture and nothing else, colours that can be read."""

from pathlib import Path

import pytest

from batch_pipelines.core.errors import ConfigError
from batch_pipelines.presentation.theme import Theme
from batch_pipelines.reporting.declaration.brand import Brand, read_brand
from batch_pipelines_tests.reporting.shop import Shop

LOGO = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="90" height="30"><rect width="90" height="30" fill="#7a1f5c"/></svg>'
)


def brand(folder: Path, text: str, logo: str = LOGO) -> Brand:
    (folder / "brand.yml").write_text(text)
    (folder / "logo.svg").write_text(logo)
    return read_brand(None, folder / "nowhere", folder)


def test_without_a_brand_file_there_is_the_usual_look(tmp_path: Path) -> None:
    assert read_brand(None, tmp_path, tmp_path) == Brand()


def test_a_brand_gives_colour_logo_and_footer(tmp_path: Path) -> None:
    made = brand(tmp_path, 'name: Example\nlogo: logo.svg\naccent: "#7A1F5C"\nfooter: Example Ltd.\n')
    assert (made.theme.accent, made.name, made.footer) == ("#7a1f5c", "Example", "Example Ltd.")
    assert made.logo_url is not None
    assert made.logo_url.startswith("data:image/svg+xml;base64,")
    assert made.theme.ink == Theme().ink


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('accent: "#ffcc00"', "has a contrast of 1.5; text needs 4.5: take a darker one"),
        ("accent: red", "'red' is not a colour; write #rrggbb"),
        ("logo: ../secret.svg", "is not the name of a file beside the brand file"),
        ("logo: logo.gif", "is neither .svg nor .png"),
        ("logo: gone.svg", "there is no gone.svg beside it"),
        ("font: Fancy", "go together"),
        ("colour: x", "unknown key 'colour'"),
    ],
)
def test_a_brand_that_cannot_work_is_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=r"brand\.yml:1: ") as caught:
        brand(tmp_path, text + "\n")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "inside",
    ["<script>alert(1)</script>", '<image href="https://example.com/x.png"/>', '<g onload="x()"/>', "<foreignObject/>"],
)
def test_a_logo_that_does_more_than_show_is_refused(tmp_path: Path, inside: str) -> None:
    with pytest.raises(ConfigError, match="a logo is a picture and nothing else"):
        brand(tmp_path, "logo: logo.svg\n", f'<svg xmlns="http://www.w3.org/2000/svg">{inside}</svg>')


def test_a_brand_is_seen_in_every_format_and_changes_the_id(shop: Shop) -> None:
    before = shop.gathered().report_id
    brand(shop.defs, 'name: Example\nlogo: logo.svg\naccent: "#7a1f5c"\nfooter: Example Ltd.\n')
    shop.reporting = shop.opened()
    made = shop.made(formats=("pdf", "html", "xlsx"))
    assert made.report_id != before
    html = shop.file(made, "html").read_text()
    assert "--accent: #7a1f5c" in html
    assert "Example Ltd." in html
    assert 'alt="Example"' in html
    assert all(each.passed for each in shop.reporting.verify(made))
