"""How wide the columns of a table are on paper: sizes of type, landscape pages, and what does not fit. Pure.

Widths are estimates from the number of letters; the typesetter does the fine work.
"""

from dataclasses import dataclass

LETTER_EM = 0.52
SIZES = (8.5, 8.0, 7.5, 7.0, 6.5)
LANDSCAPE_SIZES = (8.5, 8.0, 7.5, 7.0, 6.5, 6.0)
GAP = 4.0
_PAPER_MM = {"a4": (210.0, 297.0), "letter": (215.9, 279.4)}
_MARGINS_MM = 38.0
_HEAD_AND_FOOT_MM = 46.0 + 18.0  # margins, and a title
_MM = 72 / 25.4
LONGEST_LINE = 34
LONGEST_WORD = 20


@dataclass(frozen=True, slots=True)
class TableLayout:
    """How a table is set.

    Attributes:
        shown: How many columns fit.
        size: Of its type, points.
        gap: On either side of a column, points.
        landscape: Whether it needs pages turned.
        widths: Of each column that is shown: its share.
        inner: Of each, without its gaps: points.
    """

    shown: int
    size: float
    gap: float
    landscape: bool
    widths: list[float]
    inner: list[float]

    @property
    def across(self) -> float:
        """Width of the whole table, points."""
        return sum(self.inner) + 2 * self.gap * (self.shown - 1)


def layout(
    letters: list[int], words: list[int], texts: list[bool], declared: list[float | None], paper: str, *, flipped: bool
) -> TableLayout:
    """Choose the largest type that fits, on turned pages if need be, with fewer columns as the last resort.

    Args:
        letters: Of each column: letters of its longest cell.
        words: Of each column: letters of its longest word.
        texts: Of each column: whether its cells may be broken into lines.
        declared: Of each column: its share as declared.
        paper: `a4` or `letter`.
        flipped: Whether pages are turned anyhow.
    """
    needed = [
        min(longest, LONGEST_LINE) if not text else max(min(longest, LONGEST_LINE), min(word, LONGEST_WORD))
        for longest, word, text in zip(letters, words, texts, strict=True)
    ]
    broken = [min(word, LONGEST_WORD) for word in words]
    options = [(needed, size, flipped) for size in SIZES]
    options += [(needed, size, True) for size in LANDSCAPE_SIZES]
    options += [(broken, LANDSCAPE_SIZES[-1], True)]
    for wanted, size, landscape in options:
        room = _room(paper, landscape=landscape)
        if _width(wanted, size) <= room:
            shares = _shares(wanted, declared, size, room)
            return TableLayout(len(wanted), size, GAP, landscape and not flipped, shares, _inner(shares, room))
    size, shown, room = LANDSCAPE_SIZES[-1], len(broken), _room(paper, landscape=True)
    while shown > 1 and _width(broken[:shown], size) > room:
        shown -= 1
    needed = broken
    shares = _shares(needed[:shown], declared[:shown], size, room)
    return TableLayout(shown, size, GAP, not flipped, shares, _inner(shares, room))


def _width(needed: list[int], size: float) -> float:
    return sum(letters * LETTER_EM * size + 2 * GAP for letters in needed) - 2 * GAP


def _room(paper: str, *, landscape: bool) -> float:
    return (_PAPER_MM[paper][1 if landscape else 0] - _MARGINS_MM) * _MM


def chart_share(ratio: float, paper: str, *, flipped: bool, half: bool) -> float:
    """How much of its width a chart may take, so that it fits onto a page, its title included: 1 for all of it."""
    across = _room(paper, landscape=flipped)
    height = (_PAPER_MM[paper][0 if flipped else 1] - _HEAD_AND_FOOT_MM) * _MM
    taken = ratio * (across / 2 if half else across)
    return 1.0 if taken <= height else height / taken


def _inner(shares: list[float], room: float) -> list[float]:
    """What the typesetter makes of shares: the room between gaps, divided."""
    left = room - 2 * GAP * (len(shares) - 1)
    return [left * share / sum(shares) for share in shares]


def _shares(needed: list[int], declared: list[float | None], size: float, room: float) -> list[float]:
    """Every column what it needs; what is left over, by what they need, and more to those declared to have more."""
    bare = [letters * LETTER_EM * size + 2 * GAP for letters in needed]
    wanted = [width * (share or 1.0) for width, share in zip(bare, declared, strict=True)]
    slack = max(room - sum(bare), 0.0)
    return [round(width + slack * more / sum(wanted), 2) for width, more in zip(bare, wanted, strict=True)]
