"""From what was frozen to messages: the one place where declaration, files and messages/ meet."""

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from batch_pipelines.campaigns.audience.freeze import Contents
from batch_pipelines.campaigns.audience.gather import Window
from batch_pipelines.campaigns.declaration.model import CampaignDeclaration
from batch_pipelines.campaigns.messages.compile import OURS, Compiled, compile_message
from batch_pipelines.campaigns.messages.draft import AttachedFile, Draft, Unsubscribe, media_type_of
from batch_pipelines.campaigns.messages.marks import Marks
from batch_pipelines.campaigns.messages.tokens import Secret
from batch_pipelines.campaigns.messages.writer import Rendered, Writer
from batch_pipelines.campaigns.messages.writer import Unwritable as NotWritten
from batch_pipelines.campaigns.sending.connection import Unwritable
from batch_pipelines.core.clock import Clock
from batch_pipelines.core.mailings import Claimed
from batch_pipelines.delivery.addresses import Address, read_address
from batch_pipelines.delivery.transport import Outgoing
from batch_pipelines.presentation.formats import Formats
from batch_pipelines.presentation.theme import Theme

GIVEN = ("start", "end", "partition")
Read = Callable[[str], bytes]


def reader_of(folder: Path) -> Read:
    """Return what reads the files beside a campaign's YAML."""
    return lambda name: (folder / name).read_bytes()


def compiled(declaration: CampaignDeclaration, read: Read) -> Compiled:
    """Compile a campaign's message.

    Args:
        declaration: The campaign.
        read: Reads a file that the declaration names: of the YAML's folder, or of what was frozen.

    Raises:
        ConfigError: A template is wrong.
    """
    draft = Draft(
        campaign=declaration.name,
        sender=read_address(declaration.sender),
        subject=declaration.subject,
        template=read(declaration.template).decode(),
        template_name=declaration.template,
        preheader=declaration.preheader,
        text=read(declaration.text).decode() if declaration.text else None,
        reply_to=read_address(declaration.reply_to) if declaration.reply_to else None,
        charts=declaration.charts,
        attachments=tuple(AttachedFile(name, media_type_of(name), read(name)) for name in declaration.attachments),
        unsubscribe=_unsubscribe(declaration),
    )
    return compile_message(draft, Formats(declaration.locale, declaration.zone), Theme())


def lacking(message: Compiled, columns: Sequence[str], declaration: CampaignDeclaration) -> list[str]:
    """Return the variables that templates need and neither audience nor data has."""
    known = {*columns, *declaration.data, *GIVEN, *OURS}
    return [name for name in message.variables if name not in known]


class CampaignComposer:
    """Writes the messages of one occurrence; see `Composer`.

    Args:
        message: Compiled.
        contents: Addresses and variables.
        about: The occurrence's window.
        marks: Marks the messages.
        bounces: Address that takes bounces.
        clock: Time.
    """

    def __init__(
        self,
        message: Compiled,
        contents: Contents,
        about: Window,
        marks: Marks,
        clock: Clock,
        *,
        bounces: str | None = None,
    ) -> None:
        batch = f"{message.draft.campaign}/{about.key}"
        address = read_address(bounces).spec if bounces else None
        self._writer = Writer(message, marks, batch, bounces=address)
        self._contents = contents
        self._given = dict(zip(GIVEN, (about.start, about.end, about.key), strict=True))
        self._clock = clock
        self._lock = threading.Lock()  # what is drawn is drawn once

    def drafts(self, recipients: Sequence[Claimed]) -> Callable[[Claimed, frozenset[str]], Outgoing]:
        """See `Composer`."""
        known = self._contents.of([each.seq for each in recipients])

        def write(recipient: Claimed, offers: frozenset[str]) -> Outgoing:
            address, variables = known[recipient.seq]
            rendered = self._rendered(recipient.seq, address, variables, eight_bit="8bitmime" in offers)
            if isinstance(rendered, NotWritten):
                raise Unwritable(rendered.reason)
            return rendered.outgoing

        return write

    def preview(self, seq: int) -> Rendered | NotWritten:
        """Write the message of one recipient, to be looked at."""
        address, variables = self._contents.of([seq])[seq]
        return self._rendered(seq, address, variables)

    def _rendered(
        self, seq: int, address: Address, variables: Mapping[str, Any], *, eight_bit: bool = False
    ) -> Rendered | NotWritten:
        with self._lock:
            given = {**self._given, **variables}
            return self._writer.render(seq, address, given, self._clock.now(), eight_bit=eight_bit)


def marks_of(secret: Secret, declaration: CampaignDeclaration, occurrence_id: int) -> Marks:
    """Return what marks the messages of an occurrence."""
    return Marks(secret, declaration.name, occurrence_id)


def _unsubscribe(declaration: CampaignDeclaration) -> Unsubscribe | None:
    if declaration.unsubscribe is None:
        return None
    return Unsubscribe(declaration.unsubscribe.url, declaration.scope, declaration.unsubscribe.mailto)
