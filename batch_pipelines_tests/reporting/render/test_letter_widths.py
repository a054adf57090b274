"""Which texts surely fit into one line."""

from batch_pipelines.presentation.theme import Theme
from batch_pipelines.reporting.render.letter_widths import letter_widths, one_line

WIDTHS = letter_widths(Theme().font)


def test_letters_have_the_widths_of_the_font() -> None:
    assert WIDTHS["W"] > WIDTHS["n"] > WIDTHS["i"] > 0
    assert WIDTHS["1"] == WIDTHS["8"]
    assert 0.15 < WIDTHS[" "] < 0.3


def test_letters_of_other_scripts_have_none() -> None:
    assert "北" not in WIDTHS
    assert "\n" not in WIDTHS


def test_a_row_is_short_only_if_all_its_cells_fit() -> None:
    narrow = [40.0, 40.0]
    rows = [["7", "Aachen"], ["7", "Aachen and Bonn and Celle"], ["北京", "7"], ["two\nlines", "7"], ["", ""]]
    assert one_line(rows, narrow, 8.5, WIDTHS) == [True, False, False, False, True]


def test_what_just_fits_is_not_called_short() -> None:
    exact = sum(WIDTHS[letter] for letter in "WWWW") * 10
    assert one_line([["WWWW"]], [exact], 10, WIDTHS) == [False]
    assert one_line([["WWWW"]], [exact * 1.05], 10, WIDTHS) == [True]
