"""What the domain name system says of the domain that mail comes from: warnings of a check, never more.

Who cannot be asked (no network, no answer in time) stops nothing. What must not live here: what is signed (delivery/).
"""

from collections.abc import Iterator
from typing import Any, Protocol

WITHIN_S = 2.0


class Records(Protocol):
    """Asks the domain name system."""

    def texts(self, name: str) -> list[str]:
        """Return the TXT records of a name, [] if there are none.

        Raises:
            OSError: Nobody answers.
        """
        ...

    def takes_mail(self, domain: str) -> bool:
        """Return whether mail to a domain can go anywhere: it has an MX record, or an address.

        Raises:
            OSError: Nobody answers.
        """
        ...


class DnsRecords:
    """The real ones."""

    def texts(self, name: str) -> list[str]:
        """See `Records`."""
        return [b"".join(each.strings).decode("utf-8", "replace") for each in _asked(name, "TXT")]

    def takes_mail(self, domain: str) -> bool:
        """See `Records`."""
        return any(_asked(domain, kind) for kind in ("MX", "A", "AAAA"))


def warnings_of(domain: str, records: Records) -> Iterator[str]:
    """Yield what receivers will miss at the domain of From."""
    try:
        if not records.takes_mail(domain):
            yield f"{domain} has no MX and no address in DNS: answers and bounces go nowhere, many receivers refuse it"
        if not any(text.lower().startswith("v=spf1") for text in records.texts(domain)):
            yield f"{domain} has no SPF record (TXT, v=spf1 …): say there which relays send for it"
        if not any(text.upper().startswith("V=DMARC1") for name in _policies(domain) for text in records.texts(name)):
            yield f"{domain} has no DMARC record (TXT at _dmarc.{domain}, at least v=DMARC1; p=none)"
    except OSError as error:
        yield f"DNS cannot be asked about {domain} here ({error}): its SPF and DMARC records were not looked at"


def _policies(domain: str) -> Iterator[str]:
    """Where a policy may stand: at the domain, or at one above it."""
    labels = domain.split(".")
    yield from (f"_dmarc.{'.'.join(labels[first:])}" for first in range(max(1, len(labels) - 1)))


def _asked(name: str, kind: str) -> list[Any]:
    from dns.exception import DNSException  # noqa: PLC0415  only where mail goes to people
    from dns.resolver import NXDOMAIN, NoAnswer, Resolver  # noqa: PLC0415

    try:
        resolver = Resolver()
        resolver.lifetime = WITHIN_S
        return list(resolver.resolve(name, kind))
    except (NXDOMAIN, NoAnswer):
        return []
    except DNSException as error:
        raise OSError(" ".join(str(error).split())[:200] or type(error).__name__) from error
