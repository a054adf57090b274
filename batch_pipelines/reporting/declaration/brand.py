"""The brand file: logo, colours, font, footer. Beside a report's YAML, or one for all in the folder of pipelines."""

import base64
import hashlib
import re
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import BaseModel, field_validator, model_validator

from batch_pipelines.core.declaring.declared import SETTINGS
from batch_pipelines.core.declaring.key_problems import KeyProblems, Problem
from batch_pipelines.core.declaring.yaml_files import read_documents, shown, validate
from batch_pipelines.core.errors import ConfigError
from batch_pipelines.presentation.theme import READABLE, Theme, check_colour, contrast

FILE_NAME = "brand.yml"
MOST_LOGO_BYTES = 200_000
_LOGO_KINDS = {".svg": "image/svg+xml", ".png": "image/png"}
_ACTIVE = re.compile(
    rb"<\s*(?:script|foreignobject|iframe|!entity)|\bon\w+\s*=|(?:href|src)\s*=\s*[\"'](?!#)", re.IGNORECASE
)


class BrandFile(BaseModel):
    """What a brand file says.

    Attributes:
        name: Of the sender, beside or instead of the logo.
        logo: SVG or PNG beside the brand file.
        accent: The one colour of the brand, `#rrggbb`.
        font: Family of the font files in `fonts`.
        fonts: TrueType or OpenType files beside the brand file.
        footer: A line at the foot of every page.
    """

    model_config = SETTINGS

    name: str | None = None
    logo: str | None = None
    accent: str | None = None
    font: str | None = None
    fonts: list[str] = []
    footer: str | None = None

    @field_validator("accent")
    @classmethod
    def _readable(cls, value: str | None) -> str | None:
        if value is None:
            return None
        if contrast(check_colour(value), Theme().paper) < READABLE:
            found = contrast(value, Theme().paper)
            raise ValueError(
                f"{value} on white has a contrast of {found:.1f}; text needs {READABLE}: take a darker one"
            )
        return value.lower()

    @model_validator(mode="after")
    def _beside_it(self) -> "BrandFile":
        problems: list[Problem] = []
        for key, name in [("logo", self.logo), *(("fonts", each) for each in self.fonts)]:
            if name is not None and ("/" in name or "\\" in name or name.startswith(".")):
                problems.append(((key,), f"{name!r} is not the name of a file beside the brand file"))
        if self.logo is not None and Path(self.logo).suffix.lower() not in _LOGO_KINDS:
            problems.append((("logo",), f"{self.logo!r} is neither .svg nor .png"))
        if bool(self.font) != bool(self.fonts):
            problems.append((("font",), "font (its family) and fonts (its files) go together"))
        if problems:
            raise KeyProblems(problems)
        return self


@dataclass(frozen=True, slots=True)
class Brand:
    """A look that can be drawn.

    Attributes:
        theme: Colours and font.
        name: Of the sender.
        footer: A line at the foot of every page.
        logo: Bytes of the logo.
        logo_type: Its media type.
        font_files: Fonts that it brings along.
        version: Hash of all of it.
    """

    theme: Theme = field(default_factory=Theme)
    name: str | None = None
    footer: str | None = None
    logo: bytes | None = None
    logo_type: str | None = None
    font_files: tuple[Path, ...] = ()
    version: str = "default"

    @property
    def logo_url(self) -> str | None:
        """The logo as a `data:` address."""
        return None if self.logo is None else f"data:{self.logo_type};base64,{base64.b64encode(self.logo).decode()}"


def read_brand(name: str | None, folder: Path, defs_dir: Path | None) -> Brand:
    """Read the brand of a report.

    Args:
        name: Brand file that the report asks for; None for the usual one, if there is one.
        folder: The report's.
        defs_dir: The folder of pipelines.

    Raises:
        ConfigError: It is not there, or cannot work.
    """
    places = [folder / (name or FILE_NAME), *([defs_dir / FILE_NAME] if name is None and defs_dir else [])]
    file = next((place for place in places if place.is_file()), None)
    if file is None:
        if name is not None:
            raise ConfigError(f"brand: there is no {name} beside the YAML")
        return Brand()
    documents = read_documents(file)
    if len(documents) != 1:
        raise ConfigError("a brand file holds one document", file=shown(file), line=1)
    said = validate(BrandFile, documents[0])
    fonts = tuple(_beside(file, each, "fonts") for each in said.fonts)
    logo = _logo(file, said.logo) if said.logo else None
    usual = Theme()
    theme = replace(usual, accent=said.accent or usual.accent, font=said.font or usual.font)
    digest = hashlib.sha256(repr(said.model_dump()).encode())
    for content in (logo or b"", *(font.read_bytes() for font in fonts)):
        digest.update(hashlib.sha256(content).digest())
    kind = _LOGO_KINDS[Path(said.logo).suffix.lower()] if said.logo else None
    return Brand(theme, said.name, said.footer, logo, kind, fonts, digest.hexdigest()[:16])


def _beside(file: Path, name: str, key: str) -> Path:
    path = file.parent / name
    if not path.is_file():
        raise ConfigError(f"{key}: there is no {name} beside it", file=shown(file), line=1)
    return path


def _logo(file: Path, name: str) -> bytes:
    content = _beside(file, name, "logo").read_bytes()
    if len(content) > MOST_LOGO_BYTES:
        raise ConfigError(f"logo: {name} has more than {MOST_LOGO_BYTES:,} bytes", file=shown(file), line=1)
    if name.lower().endswith(".svg") and (found := _ACTIVE.search(content)):
        what = found[0].decode(errors="replace")
        raise ConfigError(
            f"logo: {name} holds {what!r}; a logo is a picture and nothing else", file=shown(file), line=1
        )
    return content
