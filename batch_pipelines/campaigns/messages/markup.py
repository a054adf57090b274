"""From what people write (MJML or HTML, with Jinja in it) to an HTML template, and CSS into its elements.

Jinja stands aside while others parse: each `{{ … }}` and `{% … %}` becomes a word, and comes back afterwards, so that
MJML sees no `<` of an expression and no HTML parser carries loops out of tables. For the same reason CSS is inlined
after rendering. What must not live here: the text part (plain.py), filling templates (compile.py).
"""

import re
from dataclasses import dataclass

import css_inline
import mjml

from batch_pipelines.core.errors import ConfigError

LONGEST_LINE = 900
_STRING = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\""
_JINJA = re.compile(
    rf"\{{\{{(?:{_STRING}|[^'\"])*?\}}\}}|\{{%(?:{_STRING}|[^'\"])*?%\}}|\{{#.*?#\}}",
    re.DOTALL,
)
_TAG = re.compile(r"<!--.*?-->|<(?P<end>/?)(?P<name>[a-zA-Z][\w-]*)[^<>]*?(?P<alone>/?)>", re.DOTALL)
_INLINE_STYLE = re.compile(r"<mj-style[^>]*\binline\s*=\s*[\"']inline[\"'][^>]*>(.*?)</mj-style>", re.DOTALL)
_STYLE = re.compile(r"<style\b([^>]*)>(.*?)</style>", re.DOTALL | re.IGNORECASE)
_AT_RULE = re.compile(r"@[^{;]+(?:;|\{(?:[^{}]|\{[^{}]*\})*\})")
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_BREAKABLE = re.compile(r"<(a|div|h[1-6]|img|p|span|table|td|th|tr) (?=[a-z-]+=)")
_TEXT_HOLDERS = frozenset(
    {"mj-text", "mj-button", "mj-table", "mj-raw", "mj-title", "mj-preview", "mj-style", "mj-navbar-link"}
    | {"mj-social-element", "mj-accordion-title", "mj-accordion-text"}
)
"""MJML's "ending tags": what stands in them is HTML already."""


@dataclass(frozen=True, slots=True)
class Hidden:
    """A text whose Jinja stands aside.

    Attributes:
        text: With a word in place of each piece.
        pieces: What the words stand for.
    """

    text: str
    pieces: dict[str, str]

    def is_block(self, word: str) -> bool:
        """Whether a word stands for a statement, e.g. `{% for … %}`."""
        return self.pieces[word].startswith("{%")

    @property
    def words(self) -> re.Pattern[str]:
        """Finds the words."""
        return re.compile("|".join(map(re.escape, self.pieces)) or r"(?!)")

    def restored(self, text: str) -> str:
        """Return a text made of this one, with Jinja in it again."""
        return self.words.sub(lambda word: self.pieces[word[0]], text)


def hidden(text: str) -> Hidden:
    """Put Jinja aside; its comments are dropped."""
    mark = "jinja"
    while mark in text:
        mark += "q"
    pieces: dict[str, str] = {}

    def aside(found: re.Match[str]) -> str:
        if found[0].startswith("{#"):
            return ""
        word = f"{mark}x{len(pieces)}x"
        pieces[word] = found[0]
        return word

    return Hidden(_JINJA.sub(aside, text), pieces)


def html_of_mjml(source: Hidden) -> Hidden:
    """Return MJML as HTML, Jinja still aside.

    Raises:
        ConfigError: It is no MJML.
    """
    own_styles = [style.strip() for style in _INLINE_STYLE.findall(source.text)]
    text = _INLINE_STYLE.sub("", source.text)
    try:
        html = mjml.mjml2html(_wrapped(text, source), fonts={})
    except ValueError as error:
        raise ConfigError(f"MJML: {error}; every tag needs its end, and & is written &amp;") from error
    html = html.replace("<style", '<style data-css-inline="ignore"')
    if own_styles:
        html = html.replace("</head>", f"<style>{' '.join(own_styles)}</style></head>", 1)
    return Hidden(html, source.pieces)


def _wrapped(text: str, source: Hidden) -> str:
    """Put words between MJML's boxes into `mj-raw`, where they survive."""
    pieces, open_tags, at = list[str](), list[str](), 0
    for tag in _TAG.finditer(text):
        between, at = text[at : tag.start()], tag.end()
        pieces += (_raw(between, open_tags, source), tag[0])
        name = tag["name"]
        if name is None or not (name.startswith("mj-") or name == "mjml"):
            continue
        if tag["end"]:
            while open_tags and open_tags.pop() != name:
                pass
        elif not tag["alone"]:
            open_tags.append(name)
    return "".join([*pieces, text[at:]])


def _raw(between: str, open_tags: list[str], source: Hidden) -> str:
    if not open_tags or any(tag in _TEXT_HOLDERS for tag in open_tags):
        return between
    return source.words.sub(lambda word: f"<mj-raw>{word[0]}</mj-raw>", between)


def needs_inlining(html: str) -> bool:
    """Whether a template has rules to be inlined; media queries and the like stay in its head."""
    styles = (css for attributes, css in _STYLE.findall(html) if "data-css-inline" not in attributes)
    return any(_AT_RULE.sub("", _COMMENT.sub("", css)).strip() for css in styles)


class Inliner:
    """Writes CSS rules into the elements they are for, after rendering; loads nothing from anywhere."""

    def __init__(self) -> None:
        self._inliner = css_inline.CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)

    def inlined(self, html: str) -> str:
        """Return a page with its rules in its elements."""
        return self._inliner.inline(html)


def with_short_lines(html: str) -> str:
    """Return the same page in lines that mail may carry, if lines are broken within tags, where it changes nothing."""
    if max(map(len, html.split("\n"))) <= LONGEST_LINE:
        return html
    return _BREAKABLE.sub(r"<\1\n", html)
