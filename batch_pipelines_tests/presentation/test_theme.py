"""Colours that can be read, and fonts that come along."""

import pytest

from batch_pipelines.presentation.theme import READABLE, Theme, check_colour, contrast, font_folder, web_fonts

USUAL = Theme()


@pytest.mark.parametrize("colour", [USUAL.accent, USUAL.ink, USUAL.muted, USUAL.good, USUAL.bad, *USUAL.series])
def test_every_colour_of_the_usual_look_can_be_read_on_paper(colour: str) -> None:
    assert contrast(colour, USUAL.paper) >= READABLE


def test_contrast_is_as_wcag_has_it() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_a_colour_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="#rrggbb"):
        check_colour("red; background: url(x)")


def test_the_folder_of_fonts_holds_each_font_once() -> None:
    assert sorted(file.suffix for file in font_folder().iterdir()) == [".ttf"] * 5
    assert all(address.startswith("data:font/woff2;base64,") for _, address in web_fonts())
