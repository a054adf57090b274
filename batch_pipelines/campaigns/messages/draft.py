"""What a campaign says of its message, before it is compiled. Plain data.

What must not live here: how YAML spells it (declaration/).
"""

import mimetypes
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from batch_pipelines.delivery.addresses import Address
from batch_pipelines.presentation.chart_keys import Chart

MOST_ATTACHED_BYTES = 10_000_000
OCTETS = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class AttachedFile:
    """A file that goes along.

    Attributes:
        name: As people save it.
        media_type: e.g. `application/pdf`.
        data: Its bytes.
    """

    name: str
    media_type: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """How people leave.

    Attributes:
        base_url: The token is put behind it and a slash; one-click (RFC 8058) where it is https.
        scope: What they leave: a list's name, or `*` for all mail.
        mailto: Address that takes "unsubscribe" mails; None for none.
    """

    base_url: str
    scope: str
    mailto: str | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A message as declared.

    Attributes:
        campaign: Name of the campaign.
        sender: From.
        subject: Jinja.
        template: Text of the template: Jinja in MJML, HTML or plain text.
        template_name: Its file's name; the ending says which of these it is: .mjml, .html or .txt.
        preheader: Jinja: what inboxes show behind the subject.
        text: Jinja: the text part; None has it made from the template.
        reply_to: Where answers go, if not to the sender.
        charts: By name.
        attachments: Files that everybody gets.
        attach: Jinja: path of a file that only this recipient gets, each; an empty one adds none.
        unsubscribe: How people leave; None for mail that cannot be left.
        headers: Further headers, static.
    """

    campaign: str
    sender: Address
    subject: str
    template: str
    template_name: str
    preheader: str = ""
    text: str | None = None
    reply_to: Address | None = None
    charts: Mapping[str, Chart] = field(default_factory=dict)
    attachments: tuple[AttachedFile, ...] = ()
    attach: tuple[str, ...] = ()
    unsubscribe: Unsubscribe | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


ReadFile = Callable[[str], AttachedFile]


def file_reader(folder: Path, most_bytes: int = MOST_ATTACHED_BYTES) -> ReadFile:
    """Return what reads a recipient's own file: below `folder`, by no way out of it, not larger than `most_bytes`.

    The reader raises ValueError, which names the path, for a file that it does not give.
    """
    root = folder.resolve()

    def read(path: str) -> AttachedFile:
        try:
            file = (root / path).resolve()
            if not file.is_relative_to(root) or not file.is_file():
                raise ValueError(f"{path!r} is no file below {folder.name}/")
            if (size := file.stat().st_size) > most_bytes:
                raise ValueError(f"{path!r} has {size:,} bytes; at most {most_bytes:,} are attached")
            return AttachedFile(file.name, media_type_of(file.name), file.read_bytes())
        except OSError as error:
            raise ValueError(f"{path!r} cannot be read: {error.strerror or error}") from error

    return read


def media_type_of(name: str) -> str:
    """Return the media type that a file's name speaks of."""
    return mimetypes.guess_type(name)[0] or OCTETS
