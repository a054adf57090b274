"""One message of a campaign, to be looked at or sent to oneself: nothing of it is recorded."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from batch_pipelines.campaigns.audience.freeze import variables_of
from batch_pipelines.campaigns.audience.gather import ADDRESS, NAME, SEQ, gather, window_of
from batch_pipelines.campaigns.messages.writer import Rendered, Unwritable, Writer
from batch_pipelines.campaigns.sending.composing import compiled, marks_of, reader_of
from batch_pipelines.core.errors import ConfigError
from batch_pipelines.delivery.addresses import Address, read_address
from batch_pipelines.delivery.relays import send_one
from batch_pipelines.delivery.transport import Outcome

if TYPE_CHECKING:
    from batch_pipelines.campaigns.pipeline import Campaigns


def preview_of(
    campaigns: "Campaigns", name: str, partition: str | None, like: str | None, to: Address | None = None
) -> Rendered:
    """Write the message of one recipient.

    Args:
        campaigns: Open.
        name: The campaign.
        partition: Its partition.
        like: Whose data; None for the first who would get a mail.
        to: Who it is addressed to, if not that recipient.

    Raises:
        ConfigError: Nobody is of this address, or the message cannot be written.
    """
    entry = campaigns.catalog.entry(name)
    declaration, about = entry.declaration, window_of(entry.declaration, partition)
    gathered = gather(declaration, about, campaigns.settings.home, campaigns.settings.data)
    wanted = like.casefold() if like else None
    found = [each for each in gathered.recipients if (each.key == wanted if wanted else each.skipped is None)]
    if not found:
        raise ConfigError(f"{like or 'nobody'} is not of the audience of {name}/{about.key}")
    row = gathered.rows.slice(found[0].seq, 1).to_pylist()[0]
    local, _, domain = row[ADDRESS].rpartition("@")
    message = compiled(declaration, reader_of(entry.folder))
    writer = Writer(message, marks_of(campaigns.secret, declaration, 0), f"{name}/{about.key}")
    given = {"start": about.start, "end": about.end, "partition": about.key}
    variables = {**given, **variables_of(declaration, gathered.data)(row)}
    written = writer.render(row[SEQ], to or Address(local, domain, row[NAME] or ""), variables, campaigns.clock.now())
    if isinstance(written, Unwritable):
        raise ConfigError(f"the message to {found[0].address} cannot be written: {written.reason}")
    return written


def send_test(
    campaigns: "Campaigns", name: str, partition: str | None, addresses: Sequence[str], like: str | None
) -> dict[str, Outcome]:
    """Send one recipient's message to given addresses; return what became of each.

    Raises:
        ConfigError: An address is none, or the message cannot be written.
        RelayUnavailable: The relay is away.
        RelayRefused: It does not want us.
    """
    outcomes: dict[str, Outcome] = {}
    transport = campaigns.relay(campaigns.catalog.entry(name).declaration).transport(f"{name}/test")
    for text in addresses:
        try:
            address = read_address(text)
        except ValueError as error:
            raise ConfigError(str(error)) from error
        rendered = preview_of(campaigns, name, partition, like, address)
        outcomes[address.spec] = send_one(transport, rendered.outgoing)
    return outcomes
