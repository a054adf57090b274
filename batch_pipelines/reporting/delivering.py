"""From a made report to its recipients: whether it goes out at all, to whom, and as what. Then `delivery/` does it.

What must not live here: SMTP, HTTP, copying (delivery/); when a report is made.
"""

import hmac
import mimetypes
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

from batch_pipelines.core.clock import Clock
from batch_pipelines.core.delivered import Delivery, DeliveryState
from batch_pipelines.core.errors import ConfigError
from batch_pipelines.core.ledger.ledger import Ledger
from batch_pipelines.core.settings import Settings
from batch_pipelines.delivery.channels import Channel, Parcel, ParcelFile
from batch_pipelines.delivery.deliverer import Deliverer
from batch_pipelines.delivery.folder import FolderChannel
from batch_pipelines.delivery.mail import EMAIL, MailChannel
from batch_pipelines.delivery.recipients import AllowedRecipients
from batch_pipelines.delivery.relays import relay_named
from batch_pipelines.delivery.webhook import WebhookChannel, posted
from batch_pipelines.presentation.formats import Formats
from batch_pipelines.presentation.templating import environment, render
from batch_pipelines.reporting.declaration.catalog import Entry
from batch_pipelines.reporting.declaration.delivery import Deliver, Email, Webhook
from batch_pipelines.reporting.model import FileEntry, Manifest

ALL = "all"
SENDER = "BP_MAIL_FROM"
USUAL_SENDER = "Reports <reports@example.com>"  # only where mail is a folder of files
BASE_URL = "BP_REPORTS_URL"
SIGNATURE = "X-BP-Signature"
_TYPES = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "parquet": "application/vnd.apache.parquet",
    "csv": "text/csv",
    "zst": "application/zstd",
}


@dataclass(frozen=True, slots=True)
class Made:
    """A report that was made, and what was found out when its rows were gathered.

    Attributes:
        manifest: Its files.
        send: What `send_if` says.
        address: Of the burst's recipient, where it has one.
    """

    manifest: Manifest
    send: bool = True
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the deliveries of one report.

    Attributes:
        made: The report.
        deliveries: One a recipient; none where it was not to go out.
        held_back: Why it was not.
    """

    made: Made
    deliveries: list[Delivery]
    held_back: str | None

    @property
    def failures(self) -> list[str]:
        """A line for each recipient who has not got it, and may yet."""
        return [
            f"{row.key.report}/{row.key.partition}: {row.key.channel} to {row.key.recipient}: {row.detail}"
            for row in self.deliveries
            if row.state not in (DeliveryState.DELIVERED, DeliveryState.AMBIGUOUS)
        ]


class Delivering:
    """Deliveries of reports of one deployment.

    Args:
        settings: Where everything is.
        ledger: Where deliveries are recorded.
        environ: Relays, allowed recipients, addresses.
        clock: Time.
        dice: For delays between tries.
    """

    def __init__(
        self, settings: Settings, ledger: Ledger, environ: Mapping[str, str], clock: Clock, dice: random.Random
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._environ = environ
        self._clock = clock
        self._dice = dice
        self._allowed = AllowedRecipients.read(environ)

    def deliver(self, entry: Entry, reports: Sequence[Made], run: str | None = None) -> list[Outcome]:
        """Deliver reports of one declaration to the recipients that it names.

        Raises:
            ConfigError: A relay is not known, a recipient not allowed.
        """
        return [self._deliver_one(entry, made, entry.declaration.deliver, run) for made in reports]

    def deliver_to(self, entry: Entry, made: Made, addresses: Sequence[str], run: str | None = None) -> Outcome:
        """Mail a report to these addresses and nobody else, whatever its rules say.

        Raises:
            ConfigError: A recipient is not allowed.
        """
        usual = next((each.email for each in entry.declaration.deliver if each.email), Email())
        mail = usual.model_copy(update={"to": list(addresses), "cc": [], "bcc": []})
        asked = Made(made.manifest)
        return Outcome(asked, self._send(entry, asked, [Deliver(email=mail)], run), None)

    def link(self, manifest: Manifest) -> str:
        """Return where people find the first file of a report, as an address."""
        found = link_of(self._environ, self._settings, manifest, manifest.files[0].name)
        return found if "://" in found else Path(found).as_uri()

    def _deliver_one(self, entry: Entry, made: Made, targets: Sequence[Deliver], run: str | None) -> Outcome:
        if not targets:
            return Outcome(made, [], "its YAML names no recipient besides the folder of reports")
        if why := held_back(entry, made):
            return Outcome(made, [], why)
        rows = self._send(entry, made, targets, run)
        if not rows:
            return Outcome(made, [], "unchanged since it was delivered last")
        return Outcome(made, rows, None)

    def _send(self, entry: Entry, made: Made, targets: Sequence[Deliver], run: str | None) -> list[Delivery]:
        rows: list[Delivery] = []
        for target in targets:
            parcel = self._parcel(entry, made, target)
            recipients = [(target.channel, to) for to in self._recipients(made, target)]
            if entry.declaration.only_if_changed:
                recipients = [each for each in recipients if not self._has_it(parcel, *each)]
            deliverer = Deliverer(self._ledger, self._channels(target), self._clock, self._dice)
            rows += deliverer.deliver([(parcel, recipients)], run) if recipients else []
        return rows

    def _channels(self, target: Deliver) -> dict[str, Channel]:
        channels: dict[str, Channel] = {
            "folder": FolderChannel(self._settings.home),
            "webhook": WebhookChannel(),
        }
        if target.email is not None:
            relay = relay_named(target.email.relay, self._environ, self._settings.data, clock=self._clock)
            sender = target.email.sender or self._environ.get(SENDER)
            if sender is None and relay.is_real:
                raise ConfigError(f"relay {relay.name!r} sends to people: say who writes, by `from` or {SENDER}")
            channels[EMAIL] = MailChannel(relay.transport, sender or USUAL_SENDER, self._clock)
        return channels

    def _recipients(self, made: Made, target: Deliver) -> list[str]:
        if target.folder is not None:
            return [target.folder]
        if target.webhook is not None:
            return [target.webhook.url]
        if target.email is None:
            return []
        mail = target.email
        to = [*mail.to, *mail.cc, *mail.bcc, *([made.address] if made.address else [])]
        if problems := [why for address in to if (why := self._allowed.problem(address))]:
            raise ConfigError("; ".join(problems))
        return list(dict.fromkeys(to))

    def _has_it(self, parcel: Parcel, channel: str, recipient: str) -> bool:
        """Whether the last that this recipient got of this report, of whatever window, says the same."""
        got = [
            row.key
            for row in self._ledger.deliveries.of_report(parcel.report)
            if (row.key.burst, row.key.channel, row.key.recipient) == (parcel.burst, channel, recipient)
            and row.state in (DeliveryState.DELIVERED, DeliveryState.AMBIGUOUS)
        ]
        if not got:
            return False
        return got[-1].content == parcel.content and got[-1].partition != parcel.partition

    def _parcel(self, entry: Entry, made: Made, target: Deliver) -> Parcel:
        manifest = made.manifest
        common = (manifest.name, manifest.partition or ALL, manifest.key or "")
        files = tuple(self._file(manifest, file) for file in manifest.files)
        if manifest.state == "empty" and entry.declaration.on_empty == "notify":
            files = ()
        if target.folder is not None:
            return Parcel(*common, manifest.title, "", files)
        if target.webhook is not None:
            summary = "\n".join(_figures(manifest))
            parcel = Parcel(*common, manifest.title, summary, files, identity=manifest.content_sha256)
            return replace(parcel, headers={**target.webhook.headers, **self._signature(target.webhook, parcel)})
        mail = target.email or Email()
        attached = tuple(
            file for file, made_of in zip(files, manifest.files, strict=False) if made_of.format in mail.attach
        )
        linked = [file for file in files if file not in attached]
        title, body = _words(entry, manifest, mail)
        summary = "\n".join([body, *([""] if linked else []), *(f"{file.name}: {file.link}" for file in linked)])
        same = manifest.content_sha256
        return Parcel(*common, title, summary, attached, attach_bytes=mail.max_size, identity=same)

    def _signature(self, webhook: Webhook, parcel: Parcel) -> dict[str, str]:
        """Return the header by which the receiver knows that it was us: HMAC-SHA256 of the body."""
        if webhook.secret_env is None:
            return {}
        secret = self._environ.get(webhook.secret_env)
        if not secret:
            raise ConfigError(f"webhook {webhook.url}: the environment variable {webhook.secret_env} is not set")
        return {SIGNATURE: f"sha256={hmac.new(secret.encode(), posted(parcel), 'sha256').hexdigest()}"}

    def _file(self, manifest: Manifest, file: FileEntry) -> ParcelFile:
        path = self._settings.data / manifest.folder / file.name
        return ParcelFile(
            file.name,
            path,
            file.bytes,
            file.sha256,
            media_type(file.name),
            link_of(self._environ, self._settings, manifest, file.name),
        )


def held_back(entry: Entry, made: Made) -> str | None:
    """Say why a report is not to go out; None if it is."""
    if made.manifest.state == "empty" and entry.declaration.on_empty == "skip":
        return "empty, and on_empty is skip"
    return None if made.send else "send_if says no"


def link_of(environ: Mapping[str, str], settings: Settings, manifest: Manifest, name: str) -> str:
    """Return where people find a file: below BP_REPORTS_URL, else its path."""
    base = environ.get(BASE_URL)
    path = settings.data / manifest.folder / name
    if not base:
        return str(path)
    below = (
        path.relative_to(settings.data / "reports") if path.is_relative_to(settings.data / "reports") else Path(name)
    )
    return f"{base.rstrip('/')}/{quote(below.as_posix())}"


def media_type(name: str) -> str:
    """Return the media type of a file, by its name."""
    ending = name.rpartition(".")[2]
    return _TYPES.get(ending) or mimetypes.guess_type(name)[0] or "application/octet-stream"


def not_allowed(entry: Entry, environ: Mapping[str, str]) -> list[tuple[tuple[str | int, ...], str]]:
    """Return what the allow-list says against the recipients of a declaration, with the keys that name them."""
    allowed, found = AllowedRecipients.read(environ), list[tuple[tuple[str | int, ...], str]]()
    for at, target in enumerate(entry.declaration.deliver):
        for key in ("to", "cc", "bcc") if target.email else ():
            for index, address in enumerate(getattr(target.email, key)):
                if why := allowed.problem(address):
                    found.append((("deliver", at, "email", key, index), why))
    return found


def unknown_relays(entry: Entry, environ: Mapping[str, str], data: Path) -> list[tuple[tuple[str | int, ...], str]]:
    """Return which relays of a declaration are not there or cannot be used, with the keys that name them."""
    found: list[tuple[tuple[str | int, ...], str]] = []
    for at, target in enumerate(entry.declaration.deliver):
        if target.email is not None:
            try:
                relay_named(target.email.relay, environ, data)
            except ConfigError as error:
                found.append((("deliver", at, "email", "relay"), error.message))
    return found


def _words(entry: Entry, manifest: Manifest, mail: Email) -> tuple[str, str]:
    """Return subject and body of a mail."""
    made = environment(Formats(entry.declaration.locale, entry.declaration.zone))
    figures = {kpi.label: kpi.text for kpi in manifest.kpis}
    known = {"title": manifest.title, "name": manifest.name, "partition": manifest.partition, "key": manifest.key}
    variables = {**known, "figures": figures}
    subject = render(made, mail.subject, variables) if mail.subject else manifest.title
    body = render(made, mail.body, variables) if mail.body else "\n".join([manifest.title, "", *_figures(manifest)])
    return " ".join(subject.split()), body.strip()


def _figures(manifest: Manifest) -> list[str]:
    if manifest.state == "empty":
        return ["There was nothing to report."]
    lines = [f"{kpi.label}: {kpi.text}{f' ({kpi.change})' if kpi.change else ''}" for kpi in manifest.kpis]
    return [*lines, *manifest.truncated]
