"""Campaigns behind one name: prepare an occurrence, send it, recover, review, pause.

All that Dagster's ops, `bp` and tests need of campaigns. Nothing here decides anything.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

import pyarrow as pa

from batch_pipelines.campaigns.audience.freeze import Contents, Frozen, discard, freeze
from batch_pipelines.campaigns.audience.gather import Gathered, Window, enrol, gather, window_of
from batch_pipelines.campaigns.checking.check import Checked, Checking
from batch_pipelines.campaigns.checking.sender_domain import DnsRecords, Records
from batch_pipelines.campaigns.declaration.catalog import Catalog, Entry, load_catalog
from batch_pipelines.campaigns.declaration.model import CampaignDeclaration
from batch_pipelines.campaigns.messages.tokens import Secret, load_secret
from batch_pipelines.campaigns.messages.writer import Writer
from batch_pipelines.campaigns.orders import limits_of, orders_of, policy_of
from batch_pipelines.campaigns.reviewing import Review
from batch_pipelines.campaigns.sending.composing import CampaignComposer, compiled, lacking, marks_of, reader_of
from batch_pipelines.campaigns.sending.progress import SendingProgress
from batch_pipelines.campaigns.sending.recovery import Recovered, sweep_journals
from batch_pipelines.campaigns.sending.sender import Sender
from batch_pipelines.campaigns.sending.verdicts import Policy
from batch_pipelines.core.clock import Clock, SystemClock
from batch_pipelines.core.errors import ConfigError
from batch_pipelines.core.faults import fault
from batch_pipelines.core.ledger.ledger import Ledger, open_ledger
from batch_pipelines.core.mailings import Occurrence, OccurrenceState, RecipientState
from batch_pipelines.core.model import Json
from batch_pipelines.core.settings import Settings
from batch_pipelines.delivery.relays import Relay, relay_named

DIRECT = "direct-"
MOST_DIRECT = 10_000
OLD_JOURNAL_S = 3600.0
_UNWELL = (RecipientState.FAILED, RecipientState.DEFERRED, RecipientState.AMBIGUOUS)


class Campaigns:
    """Campaigns of one deployment.

    Args:
        settings: Where everything is.
        environ: Where relays and the secret are named; read once, at the edge.
        clock: Time.
        records: The domain name system.
    """

    def __init__(
        self,
        settings: Settings,
        environ: Mapping[str, str],
        *,
        clock: Clock | None = None,
        records: Records | None = None,
    ) -> None:
        self.settings, self._records = settings, records or DnsRecords()
        self.environ, self.clock = environ, clock or SystemClock()

    @cached_property
    def catalog(self) -> Catalog:
        """All declared campaigns."""
        return load_catalog(self.settings.defs)

    @cached_property
    def ledger(self) -> Ledger:
        """The ledger."""
        return open_ledger(self.settings.ledger_url, self.clock)

    @cached_property
    def secret(self) -> Secret:
        """What seals marks and tokens."""
        return load_secret(self.environ, self.settings.data)

    def close(self) -> None:
        """Close the ledger."""
        if "ledger" in self.__dict__:
            self.ledger.close()

    def relay(self, declaration: CampaignDeclaration) -> Relay:
        """Return the relay of a campaign."""
        return relay_named(declaration.relay, self.environ, self.settings.data, clock=self.clock)

    def prepare(self, name: str, partition: str | None, *, expires_at: float | None = None) -> Occurrence:
        """Return an occurrence whose audience is frozen: now, if it was not before.

        Args:
            name: The campaign.
            partition: Its partition; None for a campaign without.
            expires_at: Seconds since 1970 after which nothing more is sent; of an occurrence that is new.

        Raises:
            ConfigError: Something is not as it has to be; nothing is recorded but the attempt.
        """
        entry = self.catalog.entry(name)
        if partition is not None and partition.startswith(DIRECT):
            return self._begun(name, partition)
        about = window_of(entry.declaration, partition)
        occurrence = self.ledger.occurrences.open(name, about.key, expires_at=expires_at)
        if occurrence.state is not OccurrenceState.PREPARING:
            return occurrence
        declaration = entry.declaration
        return self._prepared(
            occurrence, entry, lambda: gather(declaration, about, self.settings.home, self.settings.data)
        )

    def prepare_direct(
        self, name: str, recipients: Sequence[str | Json], data: Mapping[str, object], *, key: str
    ) -> Occurrence:
        """Return an occurrence of a transactional campaign to given recipients.

        Args:
            name: The campaign.
            recipients: Addresses, or mappings with `email` and variables of their own.
            data: Variables for all of them.
            key: The same key is the same occurrence: nothing is sent twice.

        Raises:
            ConfigError: There are none, or too many; the campaign is a marketing one; a variable is missing.
        """
        entry = self.catalog.entry(name)
        if entry.declaration.kind != "transactional":
            raise ConfigError(f"campaign {name!r} is a marketing one: it goes to its audience, not to given recipients")
        occurrence = self.ledger.occurrences.open(name, f"{DIRECT}{key}")
        if occurrence.state is not OccurrenceState.PREPARING:
            return occurrence
        return self._prepared(occurrence, entry, lambda: enrol(entry.declaration, _people(recipients, data), {}))

    def _begun(self, name: str, partition: str) -> Occurrence:
        """An occurrence of given recipients, to go on with; only a run that is given them can begin one."""
        occurrence = self.occurrence(name, partition)
        if occurrence.audience is None:
            raise ConfigError(f"{occurrence.name} was never frozen: give its recipients again, with the same key")
        return occurrence

    def _prepared(self, occurrence: Occurrence, entry: Entry, gathering: Callable[[], Gathered]) -> Occurrence:
        if occurrence.audience is None:
            gathered = gathering()
            message = compiled(entry.declaration, reader_of(entry.folder))
            if missing := lacking(message, gathered.rows.column_names, entry.declaration):
                raise ConfigError(_unknown(occurrence.campaign, missing))
            frozen = freeze(gathered, entry.declaration, entry.folder, self.settings.data, occurrence.partition)
            plan = _plan(entry.declaration, frozen, gathered)
            total = len(gathered.recipients)
            occurrence = self.ledger.occurrences.record(occurrence.id, audience=frozen.sha256, total=total, plan=plan)
            fault("mail.recorded")
            if occurrence.audience != frozen.sha256 or occurrence.plan["frozen"]["folder"] != frozen.folder:
                discard(frozen, self.settings.data)
        for some in self.contents(occurrence).recipients():
            self.ledger.occurrences.fill(occurrence.id, some)
        self.ledger.occurrences.begin(occurrence.id)
        fault("mail.prepared")
        return self.ledger.occurrences.get(occurrence.id)

    def check(self, name: str, partition: str | None) -> Checked:
        """Write everybody's message once and say what should not be; nothing is sent or recorded.

        Raises:
            ConfigError: It cannot work at all.
        """
        entry = self.catalog.entry(name)
        declaration, about = entry.declaration, window_of(entry.declaration, partition)
        gathered = gather(declaration, about, self.settings.home, self.settings.data)
        message = compiled(declaration, reader_of(entry.folder))
        if missing := lacking(message, gathered.rows.column_names, declaration):
            raise ConfigError(_unknown(name, missing))
        writer = Writer(message, marks_of(self.secret, declaration, 0), f"{name}/{about.key}")
        relay = self.relay(declaration)
        checking = Checking(entry, about, gathered, message, writer, relay, self.clock, self._records)
        return checking.run(self.ledger, limits_of(declaration, relay) if relay.is_real else [])

    def contents(self, occurrence: Occurrence) -> Contents:
        """Open what was frozen of an occurrence.

        Raises:
            IntegrityError: It is not what it was.
        """
        frozen = occurrence.plan["frozen"]
        return Contents(Frozen(frozen["folder"], frozen["files"]), self.settings.data, frozen_declaration(occurrence))

    def composer(self, occurrence: Occurrence) -> CampaignComposer:
        """Return what writes the messages of an occurrence, as they were frozen."""
        declaration, contents = frozen_declaration(occurrence), self.contents(occurrence)
        return CampaignComposer(
            compiled(declaration, contents.bytes),
            contents,
            self._about(declaration, occurrence),
            marks_of(self.secret, declaration, occurrence.id),
            self.clock,
            bounces=declaration.bounces,
        )

    def send(
        self,
        occurrence_id: int,
        *,
        report: Callable[[SendingProgress], None] | None = None,
        wait_for_others: bool = False,
    ) -> Review:
        """Send to everybody who waits and is due; see sending/sender.py.

        Raises:
            LeaseLost: This process was still for too long; run it again.
            ConfigError: Its relay is not there.
        """
        occurrence = self.ledger.occurrences.get(occurrence_id)
        if occurrence.state is OccurrenceState.SENDING and occurrence.audience is not None:
            declaration = self._current(occurrence)
            relay = self.relay(declaration)
            sender = Sender(self.ledger, self.settings.data, self.clock, self.policy, report)
            sender.send(
                occurrence,
                orders_of(declaration, relay),
                self.composer(occurrence),
                relay.transport(occurrence.name),
                wait_for_others=wait_for_others,
            )
        return self.review(occurrence_id)

    def recover(self, occurrence_id: int | None = None) -> Recovered:
        """Settle what senders that are gone have left, of one occurrence or of all; sweep journals of nobody."""
        sender = Sender(self.ledger, self.settings.data, self.clock, self.policy)
        recovered = sender.recover(occurrence_id)
        now = self.clock.now().timestamp()
        sweep_journals(self.ledger, self.settings.data, older_than_s=OLD_JOURNAL_S, now=now)
        return recovered

    def review(self, occurrence_id: int) -> Review:
        """What became of an occurrence so far."""
        recipients = self.ledger.recipients
        replies = recipients.replies(occurrence_id, _UNWELL)
        return Review(self.ledger.occurrences.get(occurrence_id), recipients.counts(occurrence_id), replies)

    def occurrence(self, name: str, partition: str | None) -> Occurrence:
        """Return an occurrence that was begun.

        Raises:
            ConfigError: There is none.
        """
        key = partition or "all"
        found = self.ledger.occurrences.find(name, key)
        if found is None:
            begun = [each.partition for each in self.ledger.occurrences.of_campaign(name)]
            raise ConfigError(f"{name}/{key} was never begun; begun: {', '.join(begun[-5:]) or 'none'}")
        return found

    def cancel(self, occurrence: Occurrence, why: str = "cancelled") -> bool:
        """End an occurrence: whoever waits is skipped. What is being sent just now comes to its end."""
        ended = self.ledger.occurrences.end(occurrence.id, OccurrenceState.CANCELLED, why)
        self.ledger.occurrences.skip_waiting(occurrence.id, why)
        return ended

    def policy(self, occurrence_id: int) -> Policy:
        """What becomes of what does not succeed in an occurrence."""
        return policy_of(self._current(self.ledger.occurrences.get(occurrence_id)))

    def _current(self, occurrence: Occurrence) -> CampaignDeclaration:
        """The declaration as it is now, for how to send: an operator may change relay, limits and policy on the way."""
        known = self.catalog.entries.get(occurrence.campaign)
        return known.declaration if known else frozen_declaration(occurrence)

    def _about(self, declaration: CampaignDeclaration, occurrence: Occurrence) -> Window:
        if occurrence.partition.startswith(DIRECT):
            return Window(occurrence.partition)
        return window_of(declaration, occurrence.partition if declaration.partitions else None)


def frozen_declaration(occurrence: Occurrence) -> CampaignDeclaration:
    """Return the declaration with which an occurrence was prepared."""
    return CampaignDeclaration.model_validate_json(occurrence.plan["declaration"])


def _unknown(name: str, missing: Sequence[str]) -> str:
    return f"campaign {name!r}: templates use {', '.join(missing)}, which neither audience nor data has"


def _plan(declaration: CampaignDeclaration, frozen: Frozen, gathered: Gathered) -> Json:
    return {
        "declaration": declaration.model_dump_json(),
        "frozen": {"folder": frozen.folder, "files": frozen.files},
        "left_out": {
            "duplicates": gathered.duplicates,
            "invalid": gathered.invalid,
            "missing_data": gathered.missing,
            "examples": gathered.examples,
        },
    }


def _people(recipients: Sequence[str | Json], data: Mapping[str, object]) -> pa.Table:
    if not 0 < len(recipients) <= MOST_DIRECT:
        raise ConfigError(f"{len(recipients):,} recipients; give 1 to {MOST_DIRECT:,}, or declare an audience")
    rows = [{**data, **({"email": each} if isinstance(each, str) else each)} for each in recipients]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    try:
        return pa.table({name: pa.array([row.get(name) for row in rows]) for name in columns})
    except (pa.ArrowException, TypeError) as error:
        raise ConfigError(f"recipients and data do not fit into columns: {error}") from error
