"""Charts: what is declared becomes a drawing whose letters stay letters, and a text."""

import datetime as dt
import re
import subprocess
import sys
from typing import Any

import pytest
from pydantic import ValidationError

from batch_pipelines.core.errors import ConfigError
from batch_pipelines.presentation import charts
from batch_pipelines.presentation.chart_keys import Chart
from batch_pipelines.presentation.formats import Formats
from batch_pipelines.presentation.theme import READABLE, Theme, contrast

US, THEME = Formats("en_US", "UTC"), Theme()
DAYS = [{"day": dt.date(2013, 1, d), "delay": d * 1.5 - 4, "origin": o} for d in range(1, 9) for o in ("EWR", "<b>&")]


def drawn(rows: list[dict[str, Any]], formats: Formats = US, **keys: Any) -> charts.Drawn:
    return charts.draw(Chart(title="Delay", data="q", **keys), rows, THEME, formats)


@pytest.mark.parametrize("kind", ["line", "area", "bar", "hbar", "stacked", "heatmap"])
def test_every_type_is_drawn_with_titled_axes_and_real_letters(kind: str) -> None:
    made = drawn(DAYS, type=kind, x="day", y="delay", series="origin", unit="min")
    svg = charts.svg(made.spec, US)
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", svg)
    assert "Delay (min)" in texts
    assert "Day" in texts
    assert ("Origin" in texts) == (kind == "heatmap")
    assert "&lt;b&gt;&amp;" in texts
    assert "<b>" not in svg
    assert f'font-family="{THEME.font}"' in svg


def test_alt_text_says_what_is_to_be_seen() -> None:
    rows = [{"hour": h, "delay": v} for h, v in ((5, 2.0), (6, None), (7, 9.5), (8, float("nan")), (9, 4.0))]
    made = drawn(rows, type="bar", x="hour", y="delay", unit="min")
    assert made.alt == (
        "Bar chart: Delay. 3 values of Delay (min) by Hour, "
        "from 2.0\xa0min (5) to 9.5\xa0min (7); last: 4.0\xa0min (9)."
    )
    assert drawn(rows, Formats("de_DE"), type="bar", x="hour", y="delay").alt.startswith(
        "Balkendiagramm: Delay. 3 Werte"
    )
    assert drawn(rows, type="bar", x="hour", y="delay", alt="Mine.").alt == "Mine."


def test_a_chart_without_values_says_so() -> None:
    assert drawn([], type="line", x="day", y="delay").alt == "Line chart: Delay. No values."
    assert charts.svg(drawn([], type="line", x="day", y="delay").spec, US).startswith("<svg")


def test_numbers_and_dates_are_the_locales() -> None:
    german = Formats("de_DE", "UTC")
    rows = [{"day": dt.date(2013, 5, d), "n": d * 1000} for d in range(1, 20)]
    svg = charts.svg(drawn(rows, german, type="line", x="day", y="n").spec, german)
    assert re.search(r">\d+\. Mai<", svg)
    assert ">10.000<" in svg


def test_points_beyond_the_limit_are_cut_and_counted() -> None:
    made = drawn([{"x": n, "y": n} for n in range(6000)], type="line", x="x", y="y")
    assert (made.shown, made.rows) == (5000, 6000)


def test_a_png_is_a_png_of_the_asked_scale() -> None:
    spec = drawn(DAYS, type="bar", x="day", y="delay").spec
    small, large = charts.png(spec, US, scale=1), charts.png(spec, US, scale=2)
    width = [int.from_bytes(picture[16:20], "big") for picture in (small, large)]
    assert small.startswith(b"\x89PNG")
    assert width[1] == pytest.approx(2 * width[0], abs=2)


def test_a_column_that_is_missing_or_no_number_is_named() -> None:
    with pytest.raises(ConfigError, match="no column 'y'; there are x"):
        drawn([{"x": 1}], type="bar", x="x", y="y")
    with pytest.raises(ConfigError, match="column 'y' holds 'abc', which is no number"):
        drawn([{"x": 1, "y": "abc"}], type="bar", x="x", y="y")


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"type": "pie", "x": "a", "y": "b"}, "line"),
        ({"type": "bar", "x": "a"}, "key 'y' is missing"),
        ({"type": "heatmap", "x": "a", "y": "b"}, "key 'series' is missing"),
        ({"vega_lite": {"mark": "bar", "data": {"url": "https://example.com/x.csv"}}}, "would fetch something"),
        ({"vega_lite": {"layer": [{"mark": {"type": "image"}}]}}, "an image would be fetched"),
        ({"vega_lite": {"mark": "bar"}, "x": "a"}, "leave one of the two out"),
    ],
)
def test_a_declaration_that_cannot_work_is_refused(keys: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(words)):
        Chart(title="t", data="q", **keys)


def test_a_vega_lite_specification_draws_the_rows() -> None:
    spec = {"mark": "point", "encoding": {"x": {"field": "a", "type": "quantitative"}}}
    made = drawn([{"a": 1}, {"a": dt.date(2013, 1, 1)}], vega_lite=spec)
    assert made.spec["data"] == {"values": [{"a": 1}, {"a": "2013-01-01"}]}
    assert "<svg" in charts.svg(made.spec, US)


def test_the_same_chart_is_the_same_bytes_in_another_process() -> None:
    code = (
        "import hashlib; from batch_pipelines_tests.presentation.test_charts import *\n"
        "svg = charts.svg(drawn(DAYS, type='line', x='day', y='delay', series='origin').spec, US)\n"
        "print(hashlib.sha256(svg.encode()).hexdigest())"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(seen) == 1


def texts_at(svg: str) -> dict[str, float]:
    """Where texts stand from left to right, by text; the transforms of a chart's groups are the same for all labels."""
    found = re.findall(r'<text text-anchor="(\w+)" transform="translate\(([-\d.]+),[^>]*>([^<]*)</text>', svg)
    return {text: float(x) for _, x, text in found}


def test_labels_of_lying_bars_stand_beside_them_on_either_side() -> None:
    rows = [{"name": "down", "n": -40.0}, {"name": "up", "n": 60.0}]
    svg = charts.svg(drawn(rows, type="hbar", x="name", y="n").spec, US)
    left, right = texts_at(svg)["−40.0"], texts_at(svg)["60.0"]
    assert re.search(r'<text text-anchor="end"[^>]*>−40.0<', svg)
    assert right > left
    assert left > len("−40.0") * 6  # room for the label inside the drawing


def test_titles_of_the_axes_of_lying_bars_are_heads_over_names_and_values() -> None:
    svg = charts.svg(drawn([{"name": "a", "n": 1}], type="hbar", x="name", y="n", y_title="Flights").spec, US)
    found = re.findall(r'text-anchor="end" transform="translate\(([-\d.]+),([-\d.]+)\)[^>]*>(Name|Flights)<', svg)
    (left, above), (right, as_high) = sorted((float(x), float(y)) for x, y, _ in found)
    assert above == pytest.approx(as_high, abs=1)
    assert above < 0
    assert right - left > len("Flights") * 12


@pytest.mark.parametrize("theme", [THEME, THEME.dark, Theme(accent="#777777"), Theme(accent="#8a6700")])
def test_every_label_on_a_heat_map_can_be_read(theme: Theme) -> None:
    rows = [{"x": n % 10, "s": f"row {n // 10}", "y": n * 1.0} for n in range(100)]
    svg = charts.svg(
        charts.draw(Chart(title="t", data="q", type="heatmap", x="x", y="y", series="s"), rows, theme, US).spec, US
    )
    cells = re.findall(r'fill="rgb\((\d+), (\d+), (\d+)\)" stroke=', svg)
    labels = re.findall(r'font-size="10.5px" fill="(#\w{6})"', svg)
    assert len(cells) == len(labels) == 100
    grounds = ["#" + "".join(f"{int(part):02x}" for part in cell) for cell in cells]
    assert min(map(contrast, grounds, labels)) >= READABLE


def test_labels_that_would_run_together_are_left_out_by_a_rule() -> None:
    rows = [{"hour": n, "n": 1} for n in range(5, 23)]
    chart = Chart(title="t", data="q", type="bar", x="hour", y="n")
    wide, narrow = (charts.svg(charts.draw(chart, rows, THEME, US, width=width).spec, US) for width in (640, 300))
    hours = [[int(text) for text in re.findall(r'opacity="1">(\d+)<', svg) if int(text) >= 5] for svg in (wide, narrow)]
    shown = [sorted(set(found)) for found in hours]
    assert shown[0] == list(range(5, 23))
    assert {after - before for before, after in zip(shown[1], shown[1][1:], strict=False)} == {2}


def test_names_without_an_order_are_all_shown_slanted_where_they_have_no_room() -> None:
    rows = [{"dest": f"Town {letter}", "n": 1} for letter in "ABCDEFGH"]
    chart = Chart(title="t", data="q", type="bar", x="dest", y="n")
    for width, is_slanted in ((640, False), (300, True)):
        svg = charts.svg(charts.draw(chart, rows, THEME, US, width=width).spec, US)
        found = re.findall(r'transform="([^"]*)"[^>]*opacity="1">Town', svg)
        assert len(found) == 8
        assert {"rotate(320)" in each for each in found} == {is_slanted}


def test_names_that_differ_only_where_they_are_cut_stay_apart() -> None:
    rows = [{"name": "x" * 60 + str(n), "n": n} for n in range(3)]
    values = drawn(rows, type="hbar", x="name", y="n").spec["data"]["values"]
    assert len({value["x"] for value in values}) == 3
    assert len({value["name"].rstrip("\u200b") for value in values}) == 1


@pytest.mark.parametrize("count", [1, 2])
def test_few_days_are_labelled_as_days(count: int) -> None:
    rows = [{"day": dt.date(2024, 5, n + 1), "n": n} for n in range(count)]
    svg = charts.svg(drawn(rows, type="line", x="day", y="n").spec, US)
    assert ">May 1<" in svg
    assert ">00:00<" not in svg
