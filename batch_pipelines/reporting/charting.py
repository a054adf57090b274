"""Charts of a document: drawn for paper, and for pages anew for wide and narrow, light and dark screens.

What must not live here: how charts look (presentation/charts.py), other blocks (process.py).
"""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from batch_pipelines.presentation import charts
from batch_pipelines.presentation.chart_keys import Chart
from batch_pipelines.presentation.chart_marks import WIDTH
from batch_pipelines.presentation.chart_rows import MOST_POINTS
from batch_pipelines.presentation.formats import Formats
from batch_pipelines.presentation.theme import Theme
from batch_pipelines.presentation.words import title_of, words
from batch_pipelines.reporting.document import ChartBlock, Drawing
from batch_pipelines.reporting.snapshot import count_of, first_rows

TURNED = 960  # drawn for less, letters would be larger there than the text's
WIDE, NARROW = 840, 340
GAP = 24


@dataclass
class Charting:
    """Draws the charts of one document.

    Args:
        work: Folder with the rows; drawings are put there.
        theme: Colours and font.
        formats: Locale and time zone.
        made: The formats of files that are made.
        turned: Whether the paper is.
    """

    work: Path
    theme: Theme
    formats: Formats
    made: Collection[str]
    turned: bool

    @cached_property
    def words(self) -> dict[str, str]:
        """The document's own words."""
        return words(self.formats.locale)

    def block(self, chart: Chart, number: int) -> ChartBlock:
        """Make the block of a declared chart; its number names the drawings.

        Raises:
            ConfigError: Its rows lack a column, or Vega-Lite makes no sense of it.
        """
        file = f"{chart.data}.parquet"
        rows, count = first_rows(self.work, file, MOST_POINTS).to_pylist(), count_of(self.work / file)
        half = chart.width == "half"
        full = TURNED if self.turned else WIDTH
        drawn = charts.draw(chart, rows, self.theme, self.formats, width=_half(full) if half else full)
        svg, ratio, screens = "", 0.0, []
        if drawn.shown:
            svg = f"chart-{number}.svg"
            ratio = charts.ratio(self._keep(svg, drawn))
            screens = self._screens(chart, rows, number)
        notice = None if drawn.shown else self.words["no_rows"]
        if count > len(rows):
            counts = {"shown": self.formats.number(len(rows)), "rows": self.formats.number(count)}
            notice = self.words["points_cut"].format(**counts)
        y_title = chart.y_title or title_of(chart.y or "")
        return ChartBlock(
            title=chart.title, alt=drawn.alt, svg=svg, data=file, type=chart.type, x=chart.x,
            y=chart.y, series=chart.series, x_title=chart.x_title or title_of(chart.x or ""),
            y_title=f"{y_title} ({chart.unit})" if chart.unit else y_title, format=chart.format, width=chart.width,
            ratio=ratio, notice=notice, screens=screens,
        )  # fmt: skip

    def _screens(self, chart: Chart, rows: list[dict[str, Any]], number: int) -> list[Drawing]:
        """The drawings of a page; a specification of somebody's own stays as it is."""
        if "html" not in self.made or chart.vega_lite is not None:
            return []
        wide = _half(WIDE) if chart.width == "half" else WIDE
        # cells have colours of their own on each ground; all else takes the colours of the page
        themes = [("light", self.theme), ("dark", self.theme.dark)] if chart.type == "heatmap" else [("", self.theme)]
        screens = []
        for size, width in (("wide", wide), ("narrow", NARROW)):
            for ground, theme in themes:
                name = "-".join(filter(None, (f"chart-{number}", size, ground))) + ".svg"
                self._keep(name, charts.draw(chart, rows, theme, self.formats, width=width))
                screens.append(Drawing(name, size, ground))
        return screens

    def _keep(self, name: str, drawn: charts.Drawn) -> str:
        text = charts.svg(drawn.spec, self.formats)
        (self.work / name).write_text(text, encoding="utf-8")
        return text


def _half(width: int) -> int:
    return (width - GAP) // 2
