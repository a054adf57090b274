"""The look that reports and mails share: one accent colour, quiet neutrals, one font. And whether colours can be read.

What must not live here: where a brand file lies, and its other contents (reporting/declaration/brand.py).
"""

import atexit
import base64
import os
import re
import shutil
import tempfile
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import font_source_sans_pro  # type: ignore[import-untyped]  # it ships no types

FONT = "Source Sans Pro"
READABLE = 4.5
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}", re.ASCII)
WEB_FONT = "Report Sans"
_WEIGHTS = ("Regular", "It", "Semibold", "SemiboldIt", "Bold")


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours as `#rrggbb`, and a font family.

    Attributes:
        accent: The one colour of the brand: rules, bars, first lines. Readable on `paper`.
        ink: Text.
        muted: Text that stands back. Readable on `paper`.
        rule: Lines between things.
        tint: A ground that lifts things off the paper.
        paper: The ground.
        good: Of changes for the better. Readable on `paper`.
        bad: Of changes for the worse. Readable on `paper`.
        series: Colours of further series; told apart by the colour-blind, too.
        font: Family; the bundled one, or one that the brand brings along.
    """

    accent: str = "#0b5cad"
    ink: str = "#16202b"
    muted: str = "#55616e"
    rule: str = "#d8dee5"
    tint: str = "#f4f6f9"
    paper: str = "#ffffff"
    good: str = "#0f7a4d"
    bad: str = "#b3261e"
    series: tuple[str, ...] = ("#b94d12", "#12807a", "#7a4fa3", "#8a6700", "#a83a6c", "#4d5b69")
    font: str = FONT

    @property
    def palette(self) -> list[str]:
        """The accent, then the further series."""
        return [self.accent, *self.series]

    @property
    def dark(self) -> "Theme":
        """The same hues, lighter, for a dark ground."""
        return replace(
            self, paper="#14181d", ink="#e8ecf1", muted="#a4afbb", rule="#333c46", tint="#1d232a",
            accent=_lighter(self.accent), good="#5fc795", bad="#f28b82", series=tuple(map(_lighter, self.series)),
        )  # fmt: skip

    @property
    def colours(self) -> dict[str, str]:
        """Every colour by its name; further series as `series-1` and so on."""
        names = ("paper", "ink", "muted", "rule", "tint", "accent", "good", "bad")
        further = {f"series-{at}": colour for at, colour in enumerate(self.series, 1)}
        return {name: getattr(self, name) for name in names} | further


def check_colour(text: str) -> str:
    """Return the colour, in small letters, if it is one.

    Raises:
        ValueError: It isn't.
    """
    if not _COLOUR.fullmatch(text):
        raise ValueError(f"{text!r} is not a colour; write #rrggbb, for example #0b5cad")
    return text.lower()


def contrast(one: str, other: str) -> float:
    """Contrast of two colours by WCAG 2.2, 1 to 21. Text needs 4.5."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def mixed(one: str, other: str, share: float) -> str:
    """A colour between two: `share` of the first."""
    pairs = zip(_channels(one), _channels(other), strict=True)
    return "#" + "".join(f"{round(a * share + b * (1 - share)):02x}" for a, b in pairs)


def font_files() -> tuple[Path, ...]:
    """The bundled font's files that documents use: TrueType, in the weights of the theme."""
    folder = Path(font_source_sans_pro.__file__).parent / "files"
    return tuple(folder / f"SourceSansPro-{weight}.ttf" for weight in _WEIGHTS)


@cache
def font_folder(more: tuple[Path, ...] = ()) -> Path:
    """A folder with exactly these files and the bundled font's, for libraries that take folders only.

    The package itself has each font twice, as OTF, too; which of the two is taken depends on the order of a listing.

    Args:
        more: Fonts that a brand brings along.
    """
    folder = Path(tempfile.mkdtemp(prefix="bp-fonts-"))
    atexit.register(_remove, folder, os.getpid())
    for index, file in enumerate((*font_files(), *more)):
        (folder / f"{index:02}-{file.name}").symlink_to(file)
    return folder


@cache
def web_fonts() -> tuple[tuple[int, str], ...]:
    """The bundled font for pages that bring their own: weight, and WOFF2 as a `data:` address.

    Made from the same files by `fonts/README.md`: Latin letters, 14 KB each; its licence wants another name for it.
    """
    folder = Path(__file__).parent / "fonts"
    weights = ((400, "report-sans-regular.woff2"), (600, "report-sans-semibold.woff2"))
    return tuple(
        (weight, f"data:font/woff2;base64,{base64.b64encode((folder / name).read_bytes()).decode()}")
        for weight, name in weights
    )


def _lighter(colour: str) -> str:
    return mixed(colour, "#ffffff", 0.5)


def _remove(folder: Path, owner: int) -> None:
    """Remove it when the process ends that made it, not a fork of it."""
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)


def _channels(colour: str) -> list[int]:
    return [int(colour[at : at + 2], 16) for at in (1, 3, 5)]


def _luminance(colour: str) -> float:
    red, green, blue = (
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4  # noqa: PLR2004 - WCAG's figures
        for share in (channel / 255 for channel in _channels(colour))
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
