"""Numbers, dates and spans of time, as readers of a locale know them."""

import datetime as dt
from decimal import Decimal

import pytest

from batch_pipelines.presentation.formats import DASH, Format, Formats, check_locale, read_format

US = Formats("en_US", "America/New_York")
GERMAN = Formats("de_DE", "Europe/Berlin")
NBSP = "\N{NO-BREAK SPACE}"


@pytest.mark.parametrize(
    ("value", "american", "german"),
    [
        (1234567, "1,234,567", "1.234.567"),
        (-1234.5678, "−1,234.57", "−1.234,57"),
        (0.00123, "0.00123", "0,00123"),
        (Decimal("1.10"), "1.1", "1,1"),
        (10**30, "1E30", "1E30"),
        (True, "yes", "ja"),
        (dt.date(2013, 1, 7), "Jan 7, 2013", "07.01.2013"),
        (dt.datetime(2013, 1, 1, 5, tzinfo=dt.UTC), "Jan 1, 2013, 12:00\u202fAM", "01.01.2013, 06:00"),
        ("=1+1", "=1+1", "=1+1"),
    ],
)
def test_values_are_shown_in_the_usual_way_of_their_type(value: object, american: str, german: str) -> None:
    assert (US.show(value), GERMAN.show(value)) == (american, german)


@pytest.mark.parametrize("nothing", [None, float("nan"), float("inf"), Decimal("NaN")])
@pytest.mark.parametrize("form", [None, "percent", "number:2", "currency:EUR", "date:full", "duration:min"])
def test_no_value_is_a_dash_in_every_format(nothing: object, form: str | None) -> None:
    assert US.show(nothing, form) == DASH


@pytest.mark.parametrize(
    ("value", "form", "american", "german"),
    [
        (0.8123, "percent", "81.2%", f"81,2{NBSP}%"),
        (-0.5, "percent:0", "−50%", f"−50{NBSP}%"),
        (2.5, "number:0", "2", "2"),
        (-0.001, "number:1", "0.0", "0,0"),
        (1234.5, "currency:EUR", "€1,234.50", f"1.234,50{NBSP}€"),
        (dt.date(2013, 1, 7), "date:full", "Monday, January 7, 2013", "Montag, 7. Januar 2013"),
        (dt.date(2013, 1, 7), "date:MMMM y", "January 2013", "Januar 2013"),
        (65, "duration:min", f"1{NBSP}hr{NBSP}5{NBSP}min", f"1{NBSP}Std.{NBSP}5{NBSP}Min."),
        (dt.timedelta(seconds=-3.2), "duration", f"−3.2{NBSP}sec", f"−3,2{NBSP}Sek."),
        ("text", "percent", "text", "text"),
    ],
)
def test_a_format_decides_how_a_value_is_shown(value: object, form: str, american: str, german: str) -> None:
    assert US.show(value, form).replace(" ", NBSP) == american.replace(" ", NBSP)
    assert GERMAN.show(value, form).replace(" ", NBSP) == german.replace(" ", NBSP)


def test_changes_are_percent_and_of_shares_points() -> None:
    assert US.change(110, 100) == "+10.0%"
    assert US.change(-50, -100) == "+50.0%"
    assert US.change(0.8, 0.85, Format("percent")) == f"−5.0{NBSP}pp"
    assert [US.change(1, 0), US.change(1, None), US.change(None, 1)] == [DASH] * 3


def test_days_from_one_to_another_are_told_together() -> None:
    assert US.span(dt.date(2013, 1, 7), dt.date(2013, 1, 7)) == "January 7, 2013"
    assert "Jan 7" in US.span(dt.date(2013, 1, 7), dt.date(2013, 1, 13))


@pytest.mark.parametrize(
    "form", ["money", "number:x", "number:99", "currency", "currency:ZZZ", "duration:week", "text:1"]
)
def test_a_format_that_is_none_is_refused(form: str) -> None:
    with pytest.raises(ValueError, match=form.partition(":")[0]):
        read_format(form)


@pytest.mark.parametrize("name", ["en_XX_YY_ZZ", "klingon", ""])
def test_a_locale_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is not a locale"):
        check_locale(name)
