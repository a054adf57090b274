"""From a draft to something that renders fast: templates compiled, text part made, static parts encoded. Done once.

What must not live here: one recipient's message (writer.py).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, NamedTuple

from jinja2 import Template, TemplateError, meta, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from batch_pipelines.campaigns.messages.draft import Draft
from batch_pipelines.campaigns.messages.headers import UnsafeHeader, address_header, check_safe, text_header
from batch_pipelines.campaigns.messages.markup import Hidden, Inliner, hidden, html_of_mjml, needs_inlining
from batch_pipelines.campaigns.messages.markup import with_short_lines as short
from batch_pipelines.campaigns.messages.mime import Part, attachment_part
from batch_pipelines.campaigns.messages.pictures import Pictures
from batch_pipelines.campaigns.messages.plain import text_template, tidied
from batch_pipelines.core.errors import ConfigError
from batch_pipelines.presentation.formats import Formats
from batch_pipelines.presentation.templating import Filler, compile_template, environment
from batch_pipelines.presentation.theme import Theme

OURS = frozenset({"email", "unsubscribe_url", "charts", "subject", "preheader"})
"""Variables that every template has, whatever the audience."""
KINDS = (".mjml", ".html", ".txt")
SEAMS = (TemplateError, TypeError, ValueError, ArithmeticError, AttributeError, LookupError, RecursionError)
"""What filling a template in may raise, for values it was not made for."""

_HEADER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,60}")
_SET_HERE = frozenset(
    {"from", "to", "cc", "bcc", "subject", "date", "message-id", "mime-version", "reply-to", "sender", "return-path"}
    | {"list-unsubscribe", "list-unsubscribe-post", "x-bp-delivery", "dkim-signature", "received"}
)


class Filled(NamedTuple):
    """What a recipient reads.

    Attributes:
        subject: One line.
        text: The text part.
        html: The HTML part, CSS inlined; None for a message of text alone.
    """

    subject: str
    text: str
    html: str | None


@dataclass(frozen=True, slots=True)
class Compiled:
    """A draft, ready to be rendered for anybody.

    Attributes:
        draft: What it was made from.
        variables: What its templates need from the audience and its data, by name, sorted.
        uses_unsubscribe: Whether the message itself shows the way out, besides its header.
        head: Static headers.
        attachments: Static parts.
        pictures: Draws its charts.
        text_source: The text template, to be looked at.
    """

    draft: Draft
    variables: tuple[str, ...]
    uses_unsubscribe: bool
    head: bytes
    attachments: tuple[Part, ...]
    pictures: Pictures
    text_source: str
    attach: tuple[Template, ...]
    _subject: Template
    _preheader: Template | None
    _text: Template
    _html: Template | None
    _inliner: Inliner | None
    _text_is_made: bool

    def fill(self, variables: Mapping[str, Any]) -> Filled:
        """Fill the templates in.

        Args:
            variables: All of `self.variables` and of `OURS`, but `subject` and `preheader`, which are made here.

        Raises:
            SEAMS: A variable is missing, or is not what the template takes it for.
            ConfigError: A filter was given what it cannot show.
        """
        filler = Filler(self._subject.environment, variables)
        subject = filler.fill(self._subject).strip()
        preheader = filler.fill(self._preheader).strip() if self._preheader else ""
        filler.add(subject=subject, preheader=preheader)
        text = filler.fill(self._text)
        if self._text_is_made:
            text = tidied(text)
        if self._html is None:
            return Filled(subject, text, None)
        html = filler.fill(self._html)
        return Filled(subject, text, short(self._inliner.inlined(html) if self._inliner else html))


def compile_message(draft: Draft, formats: Formats, theme: Theme) -> Compiled:
    """Compile a draft.

    Raises:
        ConfigError: A template is wrong, or a header, name or attachment is not fit for mail; one line says which.
    """
    plain, rich = environment(formats), environment(formats, html=True)
    kind = PurePath(draft.template_name).suffix.lower()
    if kind not in KINDS:
        raise ConfigError(f"template {draft.template_name!r}: its name ends in {', '.join(KINDS[:-1])} or {KINDS[-1]}")
    html, text = _sources(draft, kind)
    page = _compiled(rich, html, draft.template_name) if html is not None else None
    sources = {"subject": draft.subject, "preheader": draft.preheader, "text": text}
    sources |= {f"attach[{number}]": path for number, path in enumerate(draft.attach)}
    templates = {name: _compiled(plain, source, name) for name, source in sources.items()}
    trees = [plain.parse(source) for source in (*sources.values(), html or "")]
    used = {name for tree in trees for name in meta.find_undeclared_variables(tree)} - set(plain.globals)
    _check_charts(draft, trees)
    needs_rows = {chart.data for chart in draft.charts.values()}
    return Compiled(
        draft=draft,
        variables=tuple(sorted((used - OURS) | needs_rows)),
        uses_unsubscribe="unsubscribe_url" in used,
        head=_head(draft),
        attachments=_attachments(draft),
        pictures=Pictures(draft.charts, formats, theme),
        text_source=text,
        attach=tuple(template for name, template in templates.items() if name.startswith("attach[")),
        _subject=templates["subject"],
        _preheader=templates["preheader"] if draft.preheader else None,
        _text=templates["text"],
        _html=page,
        _inliner=Inliner() if html is not None and needs_inlining(html) else None,
        _text_is_made=html is not None and draft.text is None,
    )


def _sources(draft: Draft, kind: str) -> tuple[str | None, str]:
    """The HTML template, if there is one, and the text template."""
    if kind == ".txt":
        return None, draft.text if draft.text is not None else draft.template
    page = hidden(draft.template)
    if kind == ".mjml":
        try:
            page = html_of_mjml(page)
        except ConfigError as error:
            raise ConfigError(f"template {draft.template_name!r}: {error.message}") from error
    page = Hidden(short(page.text), page.pieces)
    text = draft.text if draft.text is not None else page.restored(text_template(page))
    return page.restored(page.text), text


def _compiled(made: ImmutableSandboxedEnvironment, source: str, name: str) -> Template:
    try:
        return compile_template(made, source)
    except ConfigError as error:
        raise ConfigError(f"{name}: {error.message}") from error


def _check_charts(draft: Draft, trees: list[nodes.Template]) -> None:
    for tree in trees:
        for node in tree.find_all((nodes.Getattr, nodes.Getitem)):
            if isinstance(node, nodes.Getattr | nodes.Getitem) and isinstance(node.node, nodes.Name):
                name = node.attr if isinstance(node, nodes.Getattr) else getattr(node.arg, "value", None)
                if node.node.name == "charts" and isinstance(name, str) and name not in draft.charts:
                    there = ", ".join(draft.charts) or "none"
                    raise ConfigError(f"{draft.template_name}: there is no chart {name!r}. Charts: {there}")


def _head(draft: Draft) -> bytes:
    try:
        head = address_header("From", draft.sender)
        if draft.reply_to:
            head += address_header("Reply-To", draft.reply_to)
        for name, value in draft.headers.items():
            if not _HEADER_NAME.fullmatch(name) or name.lower() in _SET_HERE or name.lower().startswith("content-"):
                raise ConfigError(f"headers: {name!r} is no header that can be added")
            head += text_header(name, check_safe(name, value))
        if draft.unsubscribe:
            head += text_header("List-ID", f"<{draft.campaign}.{draft.sender.domain}>")
    except UnsafeHeader as error:
        raise ConfigError(str(error)) from error
    return head + b"MIME-Version: 1.0\r\n"


def _attachments(draft: Draft) -> tuple[Part, ...]:
    try:
        return tuple(attachment_part(file.name, file.media_type, file.data) for file in draft.attachments)
    except ValueError as error:
        raise ConfigError(f"attachments: {error}") from error
