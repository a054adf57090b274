"""How wide texts are on paper, without setting them: which of them surely fit into one line of a column.

A row of known height costs the typesetter half. What must not live here: how columns get their widths (pdf_layout.py).
"""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import typst

from batch_pipelines.presentation.theme import font_folder

TEMPLATES = Path(__file__).parent / "templates"
LETTERS = "".join(map(chr, (*range(0x20, 0x7F), *range(0xA0, 0xAD), *range(0xAE, 0x180)))) + "–—−…€Δ"
_AT = 1000.0
_SAFE = 0.96  # pairs of letters stand closer or wider than alone


@lru_cache(maxsize=8)
def letter_widths(font: str, brand_fonts: tuple[Path, ...] = ()) -> Mapping[str, float]:
    """Width of each letter, in the size of the type; letters that a line of it does not hold are left out."""
    compiler = typst.Compiler(
        input=str(TEMPLATES / "widths.typ"), root=str(TEMPLATES), font_paths=[str(font_folder(brand_fonts))],
        ignore_system_fonts=True, sys_inputs={"letters": LETTERS, "font": font},
    )  # fmt: skip
    widths = json.loads(compiler.query("<widths>", field="value", one=True))
    return {letter: width / _AT for letter, width in zip(LETTERS, widths, strict=True) if width is not None}


def one_line(
    rows: Sequence[Sequence[str]], room: Sequence[float], size: float, widths: Mapping[str, float]
) -> list[bool]:
    """Of each row: whether all its cells surely stand on one line.

    Args:
        rows: Texts.
        room: Width of each column, points.
        size: Of the type, points.
        widths: Of letters, see `letter_widths`.
    """
    most = [width * _SAFE / size for width in room]
    known: list[dict[str, bool]] = [{} for _ in room]
    return [all(map(_fits, row, most, known, [widths] * len(row))) for row in rows]


def _fits(text: str, most: float, known: dict[str, bool], widths: Mapping[str, float]) -> bool:
    found = known.get(text)
    if found is None:
        try:
            found = sum(map(widths.__getitem__, text)) <= most
        except KeyError:
            found = False
        known[text] = found
    return found
