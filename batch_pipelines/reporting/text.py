"""Text blocks: the small part of Markdown that reports know, as plain data. Whatever else stands there is text.

a blank line between paragraphs · `- ` before list items · **bold** · *italic* · [a link](https://example.com)
"""

import re
from collections.abc import Iterator

from batch_pipelines.reporting.document import Paragraph, Run

_INLINE = re.compile(
    r"\\(?P<escaped>[*\[\]\\-])"
    r"|\*\*(?P<bold>[^*\n]+)\*\*"
    r"|\*(?P<italic>[^*\s][^*\n]*)\*"
    r"|\[(?P<label>[^\]\n]+)\]\((?P<href>(?:https?://|mailto:)[^\s()<>\"']+)\)"
)


def paragraphs(text: str) -> list[Paragraph]:
    """Read text."""
    found: list[Paragraph] = []
    for block in re.split(r"\n[ \t]*\n", text.strip()):
        lines: list[str] = []
        for line in block.splitlines():
            stripped = line.strip()
            if stripped.startswith(("- ", "* ")):
                found += _paragraph(lines)
                lines = []
                found.append(Paragraph(list(runs(stripped[2:].strip())), bullet=True))
            elif stripped:
                lines.append(stripped)
        found += _paragraph(lines)
    return found


def runs(text: str) -> Iterator[Run]:
    """Letters of one kind, in order."""
    plain, at = "", 0
    for match in _INLINE.finditer(text):
        plain += text[at : match.start()]
        at = match.end()
        if match["escaped"] is not None:
            plain += match["escaped"]
            continue
        if plain:
            yield Run(plain)
            plain = ""
        if match["bold"] is not None:
            yield Run(match["bold"], bold=True)
        elif match["italic"] is not None:
            yield Run(match["italic"], italic=True)
        else:
            yield Run(match["label"], href=match["href"])
    if plain + text[at:]:
        yield Run(plain + text[at:])


def _paragraph(lines: list[str]) -> list[Paragraph]:
    return [Paragraph(list(runs(" ".join(lines))))] if lines else []
