"""Charts of a message as inline PNG, each drawn once for the same rows; with words for those who see no pictures.

What must not live here: how a chart is drawn (presentation/), or which rows a recipient has.
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from batch_pipelines.campaigns.messages.mime import Part, picture_part
from batch_pipelines.core.errors import ConfigError
from batch_pipelines.presentation.chart_keys import Chart
from batch_pipelines.presentation.charts import draw, png
from batch_pipelines.presentation.formats import Formats
from batch_pipelines.presentation.theme import Theme

WIDTH = 440  # shown wider on a desk and narrower on a phone: letters are to be read on both
SCALE = 2.0
PADDING = 12
MOST_KEPT = 512
K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart as templates have it: `<img src="{{ charts.delays.src }}" alt="{{ charts.delays.alt }}">`.

    Attributes:
        src: Address within the message.
        alt: What is to be seen, in words.
        width: In CSS pixels.
        png: The picture.
        part: The same as part of a message.
    """

    src: str
    alt: str
    width: int
    png: bytes
    part: Part


class Pictures:
    """Draws the charts of one campaign.

    Args:
        charts: By name.
        formats: Locale and time zone.
        theme: Colours and font; on its paper, since mail programs have grounds of their own.
    """

    def __init__(self, charts: Mapping[str, Chart], formats: Formats, theme: Theme) -> None:
        self._charts = dict(charts)
        self._formats = formats
        self._theme = theme
        self._lock = threading.Lock()  # a sender's connections share them
        self._drawn: OrderedDict[tuple[str, bytes], Picture] = OrderedDict()
        self._known: OrderedDict[tuple[str, int], tuple[Sequence[Mapping[str, Any]], Picture]] = OrderedDict()

    def of(self, variables: Mapping[str, Any]) -> dict[str, Picture]:
        """Return the pictures of one recipient by name.

        Args:
            variables: Hold the rows of each chart under the name of its `data`.

        Raises:
            ConfigError: Rows are missing, or lack a column.
        """
        if not self._charts:
            return {}
        with self._lock:
            return {name: self._picture(name, chart, variables) for name, chart in self._charts.items()}

    def _picture(self, name: str, chart: Chart, variables: Mapping[str, Any]) -> Picture:
        rows = variables.get(chart.data)
        if rows is None:
            raise ConfigError(f"chart {name!r}: there are no data {chart.data!r} for this recipient")
        if isinstance(rows, Mapping):
            rows = [rows]
        known = self._known.get((name, id(rows)))
        if known and known[0] is rows:  # kept with the rows, so that no others can have their id
            return known[1]
        digest = hashlib.blake2b(repr(rows).encode(errors="replace"), digest_size=16).digest()
        picture = self._drawn.get((name, digest)) or self._draw(name, chart, rows)
        _keep(self._drawn, (name, digest), picture)
        _keep(self._known, (name, id(rows)), (rows, picture))
        return picture

    def _draw(self, name: str, chart: Chart, rows: Sequence[Mapping[str, Any]]) -> Picture:
        drawn = draw(chart, rows, self._theme, self._formats, width=WIDTH)
        config = {**drawn.spec.get("config", {}), "background": self._theme.paper}
        data = png({**drawn.spec, "padding": PADDING, "config": config}, self._formats, scale=SCALE)
        cid = f"{name}@charts.invalid"
        return Picture(f"cid:{cid}", drawn.alt, drawn.width, data, picture_part(cid, f"{name}.png", "image/png", data))


def _keep(kept: OrderedDict[K, V], key: K, value: V) -> None:
    kept[key] = value
    kept.move_to_end(key)
    if len(kept) > MOST_KEPT:
        kept.popitem(last=False)
