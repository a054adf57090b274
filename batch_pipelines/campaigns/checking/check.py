"""Whether a campaign may go out: everybody's message is written once, nothing is sent.

An error stops a campaign that goes to people; where mail only becomes files, all are warnings. What must not live
here: what YAML must have (declaration/), which is refused before anything else.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from batch_pipelines.campaigns.audience.freeze import variables_of
from batch_pipelines.campaigns.audience.gather import ADDRESS, NAME, Gathered, Window
from batch_pipelines.campaigns.checking.sender_domain import Records, warnings_of
from batch_pipelines.campaigns.declaration.catalog import Entry
from batch_pipelines.campaigns.messages.compile import Compiled
from batch_pipelines.campaigns.messages.writer import Rendered, Unwritable, Writer
from batch_pipelines.campaigns.sending.limits import Limit
from batch_pipelines.core.clock import Clock
from batch_pipelines.core.ledger.ledger import Ledger
from batch_pipelines.core.mailings import Screen
from batch_pipelines.delivery.addresses import Address, read_address
from batch_pipelines.delivery.relays import Relay

CLIPPED_BYTES = 102_000  # beyond it, well-known mailboxes cut the message off


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that should not be. `serious` ones stop a campaign that goes to people."""

    message: str
    serious: bool = True


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check came to.

    Attributes:
        findings: What should not be.
        recipients: Who would get a mail.
        suppressed: Who is left out as suppressed, by reason.
        duplicates: Rows left out, as their address stands in another.
        invalid: Rows whose address is none.
        missing: Recipients without data.
        largest_bytes: Of the largest message.
        duration_s: How long sending takes at the limits; None without limits.
    """

    findings: list[Finding]
    recipients: int
    suppressed: dict[str, int]
    duplicates: int
    invalid: int
    missing: int
    largest_bytes: int
    duration_s: float | None

    @property
    def stops(self) -> bool:
        """Whether the campaign should not go out as it is."""
        return any(each.serious for each in self.findings)


@dataclass(frozen=True, slots=True)
class Checking:
    """What is checked, and with what."""

    entry: Entry
    about: Window
    gathered: Gathered
    message: Compiled
    writer: Writer
    relay: Relay
    clock: Clock
    records: Records

    def run(self, ledger: Ledger, limits: Sequence[Limit]) -> Checked:
        """Check everything."""
        declaration = self.entry.declaration
        screen = Screen(declaration.scope, declaration.exclude)
        out = ledger.suppressions.among([each.key for each in self.gathered.recipients], screen)
        going = [each for each in self.gathered.recipients if each.skipped is None and each.key not in out]
        findings = [*self._of_declaration(), *([] if going else [Finding("nobody would get a mail")])]
        largest, longest_page, unwritable = 0, 0, Counter[str]()
        for rendered in self._rendered({each.seq for each in going}):
            if isinstance(rendered, Unwritable):
                unwritable[rendered.reason] += 1
            else:
                largest = max(largest, len(rendered.data))
                longest_page = max(longest_page, len((rendered.filled.html or "").encode()))
        findings += [Finding(f"{count:,} recipients: {why}") for why, count in unwritable.most_common(5)]
        if longest_page > CLIPPED_BYTES:
            why = f"the longest HTML has {longest_page:,} bytes; mailboxes cut off what is over {CLIPPED_BYTES:,}"
            findings.append(Finding(why, serious=False))
        if not self.relay.is_real:
            findings = [Finding(each.message, serious=False) for each in findings]
        return Checked(
            findings,
            len(going),
            dict(Counter(reason.value for reason in out.values())),
            self.gathered.duplicates,
            self.gathered.invalid,
            self.gathered.missing,
            largest,
            duration_s([each.domain for each in going], limits),
        )

    def _of_declaration(self) -> Iterator[Finding]:
        declaration = self.entry.declaration
        sender = read_address(declaration.sender)
        domain = self.relay.dkim_domain
        if self.relay.is_real and domain is not None and not _aligned(sender.domain, domain):
            yield Finding(f"From is of {sender.domain}, but mail is signed for {domain}: receivers want them aligned")
        if self.relay.is_real and domain is None and declaration.kind == "marketing":
            yield Finding(
                "mail is not signed here (no dkim_domain at the relay): make sure that the relay signs", serious=False
            )
        if self.relay.is_real:
            yield from (Finding(each, serious=False) for each in warnings_of(sender.domain, self.records))
        if declaration.unsubscribe is not None and not self.message.uses_unsubscribe:
            yield Finding(
                "the template shows no way out: use {{ unsubscribe_url }} in it", declaration.kind == "marketing"
            )
        if len(self.message.text_source.split()) < 1:
            yield Finding("the text part is empty")
        if self.gathered.invalid:
            yield Finding(
                f"{self.gathered.invalid:,} addresses are none, for example {self.gathered.examples[0]}", serious=False
            )
        expires = declaration.schedule.expires if declaration.schedule else None
        end = self.about.end
        if expires is not None and end is not None and (self.clock.now() - end).total_seconds() > expires + 7 * 86_400:
            yield Finding(f"this window ended {end:%Y-%m-%d}: a scheduled occurrence would have expired", serious=False)

    def _rendered(self, going: set[int]) -> Iterator[Rendered | Unwritable]:
        declaration, now = self.entry.declaration, self.clock.now()
        given = {"start": self.about.start, "end": self.about.end, "partition": self.about.key}
        figures = variables_of(declaration, self.gathered.data)
        for batch in self.gathered.rows.to_batches(max_chunksize=1_000):
            for row in batch.to_pylist():
                if row["_seq"] in going:
                    local, _, domain = row[ADDRESS].rpartition("@")
                    address = Address(local, domain, row[NAME] or "")
                    yield self.writer.render(row["_seq"], address, {**given, **figures(row)}, now)


def duration_s(domains: Sequence[str], limits: Sequence[Limit]) -> float | None:
    """Return how long it takes to send to recipients of these domains, at the limits; None without limits."""
    if not limits:
        return None
    counts = Counter(domains)
    longest = 0.0
    for limit in limits:
        if limit.by_domain or limit.domain is not None:
            held = [count for domain, count in counts.items() if limit.holds_for(domain)]
            longest = max([longest, *(count / limit.rate.per_second for count in held)])
        else:
            longest = max(longest, len(domains) / limit.rate.per_second)
    return longest


def _aligned(sender: str, signed: str) -> bool:
    return sender == signed or sender.endswith(f".{signed}") or signed.endswith(f".{sender}")
