"""The text part, made from the HTML *template*: loops and conditions stay, so nothing is converted for each recipient.

Links become `text <address>`, pictures their alternative text, rows of tables a line each. What must not live here:
what the words that Jinja left behind stand for (markup.py).
"""

import re
from html.parser import HTMLParser

from batch_pipelines.campaigns.messages.markup import Hidden

_BLANKS = re.compile(r"[ \t\r\n\f\u00a0]+")
_SKIPPED = frozenset({"head", "style", "script", "title", "template"})
_SINGLE = frozenset({"br", "hr", "img", "input", "meta", "link", "area", "base", "col", "wbr"})
_BLOCKS = frozenset(
    {"div", "section", "article", "header", "footer", "main", "address", "table", "tr", "ul", "ol", "li", "dl", "dt"}
    | {"dd", "tbody", "thead", "tfoot", "center", "body", "figure", "figcaption", "blockquote", "pre", "form"}
)
_APART = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "table", "blockquote"})
_CELLS = frozenset({"td", "th"})
_HIDES = re.compile(r"display\s*:\s*none|mso-hide\s*:\s*all", re.IGNORECASE)
_MANY_ENDS = re.compile(r"\n{3,}")
_MANY_BLANKS = re.compile(r"(?<=\S) {3,}")
_TRAILING = re.compile(r"[ \t]+$", re.MULTILINE)
RULE = "-" * 40


def text_template(page: Hidden) -> str:
    """Return the text template of an HTML template, Jinja still aside in both."""
    reader = _Reader()
    reader.feed(page.text)
    reader.close()
    return "".join(f"{_line_kept(line, page)}\n" for line in tidied(reader.text()).splitlines())


def tidied(text: str) -> str:
    """Return what a template that was made here gives, without the blanks and empty lines that statements left."""
    text = _MANY_BLANKS.sub("  ", _TRAILING.sub("", text))
    return _MANY_ENDS.sub("\n\n", text).strip("\n") + "\n"


def _line_kept(line: str, page: Hidden) -> str:
    """A line that ends in a statement, which takes its line end along, gets another one; unless it says nothing."""
    words = page.words.findall(line)
    statements = [word for word in words if page.is_block(word)]
    if not statements or not line.endswith(statements[-1]):
        return line
    said = page.words.sub(lambda word: "" if page.is_block(word[0]) else word[0], line)
    return f"{line}\n" if said.strip() else line


class _Reader(HTMLParser):
    """Collects what a page says; HTML comments (Outlook's conditions) say nothing."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._out: list[str] = []
        self._skipping: list[str] = []
        self._layout: list[bool] = []
        self._links: list[tuple[str, int]] = []
        self._cells = 0

    def text(self) -> str:
        """What was collected."""
        return "".join(self._out)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin an element."""
        given = {name: value or "" for name, value in attrs}
        if self._skipping or tag in _SKIPPED or _HIDES.search(given.get("style", "")):
            if tag not in _SINGLE:
                self._skipping.append(tag)
            return
        if tag == "table":
            self._layout.append(given.get("role") == "presentation")
        if tag in _CELLS:
            self._cell()
        elif tag == "tr":
            self._cells = 0
            self._line(2 if self._is_layout else 1)
        elif tag in _BLOCKS or tag in _APART:
            self._line(2 if tag in _APART and not (tag == "table" and self._is_layout) else 1)
        self._say_of(tag, given)

    def _say_of(self, tag: str, given: dict[str, str]) -> None:
        if tag == "br":
            self._out.append("\n")
        elif tag == "hr":
            self._line(1)
            self._out.append(f"{RULE}\n")
        elif tag == "li":
            self._out.append("- ")
        elif tag == "img" and given.get("alt", "").strip():
            self._out.append(f"[{_BLANKS.sub(' ', given['alt']).strip()}]")
        elif tag == "a":
            self._links.append((given.get("href", "").strip(), len(self._out)))

    def handle_endtag(self, tag: str) -> None:
        """End an element."""
        if self._skipping:
            if tag in self._skipping:
                while self._skipping.pop() != tag:
                    pass
            return
        if tag == "a" and self._links:
            self._link(*self._links.pop())
        elif tag == "table":
            self._line(1 if self._is_layout else 2)
            if self._layout:
                self._layout.pop()
        elif tag in _APART:
            self._line(2)
        elif tag in _BLOCKS or (tag in _CELLS and self._is_layout):
            self._line(1)

    def handle_data(self, data: str) -> None:
        """Take text; blanks count as one."""
        if self._skipping:
            return
        text = _BLANKS.sub(" ", data)
        if not self._out or self._out[-1].endswith(("\n", " ")):
            text = text.lstrip(" ")
        if text:
            self._out.append(text)

    @property
    def _is_layout(self) -> bool:
        return not self._layout or self._layout[-1]

    def _cell(self) -> None:
        if self._is_layout:
            self._line(1)
        elif self._cells:
            self._out.append("  ")
        self._cells += 1

    def _link(self, address: str, since: int) -> None:
        said = "".join(self._out[since:]).strip()
        if not address or address.startswith("#") or address in (said, f"mailto:{said}"):
            return
        self._out.append(f" <{address}>" if said else f"<{address}>")

    def _line(self, ends: int) -> None:
        """Make sure that so many line ends precede what comes, if anything was said."""
        there = 0
        for piece in reversed(self._out):
            there += piece[len(piece.rstrip(" \n")) :].count("\n")
            if piece.strip():
                break
        else:
            return
        if there < ends:
            self._out.append("\n" * (ends - there))
