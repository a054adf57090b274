"""A report as mail: one message a recipient, files attached, or linked where they are too large; at most once.

The row in the ledger turns to `sending` right before the final dot: what is lost earlier was certainly not sent. Few
mails, so the standard library writes them; campaigns have a faster way. What must not live here: SMTP (smtp/).
"""

from collections.abc import Callable
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr

from batch_pipelines.core.clock import Clock
from batch_pipelines.core.delivered import DeliveryKey
from batch_pipelines.core.errors import RelayRefused, RelayUnavailable
from batch_pipelines.delivery.channels import Delivered, Ending, Go, Parcel, ParcelFile, Refused, Uncertain
from batch_pipelines.delivery.relays import send_one
from batch_pipelines.delivery.transport import Kind, Outcome, Outgoing, Transport

EMAIL = "email"


class MailChannel:
    """Mails parcels through a relay.

    Args:
        open_relay: Returns the transport for mails of one subject, `report/partition` (`Relay.transport`).
        sender: Address of the From header, also the envelope's, e.g. `Reports <reports@example.com>`.
        clock: Time.
    """

    name = EMAIL
    repeatable = False

    def __init__(self, open_relay: Callable[[str], Transport], sender: str, clock: Clock) -> None:
        self._open_relay = open_relay
        self._sender = sender
        self._clock = clock

    def send(self, parcel: Parcel, key: DeliveryKey, go: Go) -> Ending:
        """See `Channel`."""
        try:
            data = self.message(parcel, key).as_bytes(policy=SMTP)
        except (OSError, ValueError) as error:  # a file is gone; a line break in an address
            return Refused(f"no mail could be made: {error}", again=False)
        number = int(key.idempotency_key[:8], 16)  # its file's name, where the relay is a folder
        outgoing = Outgoing(number, parseaddr(self._sender)[1], key.recipient, data)
        try:
            outcome = send_one(self._open_relay(f"{parcel.report}/{parcel.partition}"), outgoing, _Journal(go))
        except (RelayUnavailable, RelayRefused) as error:
            return Refused(str(error), again=isinstance(error, RelayUnavailable))
        return _ending(outcome)

    def message(self, parcel: Parcel, key: DeliveryKey) -> EmailMessage:
        """Return the mail: the same delivery always has the same Message-ID.

        Raises:
            OSError: A file cannot be read.
            ValueError: A subject or an address that no header can hold.
        """
        name, address = parseaddr(self._sender)
        message = EmailMessage(policy=SMTP)
        message["Subject"] = parcel.title
        message["From"] = Address(name, addr_spec=address)
        message["To"] = Address(addr_spec=key.recipient)
        message["Date"] = format_datetime(self._clock.now())
        message["Message-ID"] = f"<{key.idempotency_key}@{address.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        message["X-BP-Delivery"] = key.idempotency_key
        attached, linked = divided(parcel)
        message.set_content("\n".join([parcel.summary, *_links(linked)]) + "\n")
        for file in attached:
            kind, _, subtype = file.media_type.partition("/")
            message.add_attachment(file.path.read_bytes(), maintype=kind, subtype=subtype, filename=file.name)
        return message


def divided(parcel: Parcel) -> tuple[list[ParcelFile], list[ParcelFile]]:
    """Return what a mail carries, the smallest first as long as there is room, and what it only links to."""
    attached: list[ParcelFile] = []
    room = parcel.attach_bytes
    for file in sorted(parcel.files, key=lambda file: file.size):
        if file.size > room:
            break
        attached.append(file)
        room -= file.size
    return [file for file in parcel.files if file in attached], [file for file in parcel.files if file not in attached]


class _Journal:
    """Begins the delivery in the ledger before the final dot."""

    def __init__(self, go: Go) -> None:
        self._go = go

    def intent(self, seq: int) -> None:  # noqa: ARG002  there is one message
        self._go()

    def result(self, outcome: Outcome) -> None:
        """Whoever called `send` records it."""


def _links(files: list[ParcelFile]) -> list[str]:
    if not files:
        return []
    return ["", "Too large for a mail:", *(f"  {file.name} ({file.size / 1e6:.1f} MB): {file.link}" for file in files)]


def _ending(outcome: Outcome) -> Ending:
    said = f"{outcome.code} {outcome.reply}" if outcome.code else outcome.reply
    if outcome.kind is Kind.SENT:
        return Delivered(said)
    if outcome.kind is Kind.AMBIGUOUS:
        return Uncertain(said)
    return Refused(said, again=outcome.kind is not Kind.FAILED)
