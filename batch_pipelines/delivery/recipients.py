"""Whom mail may go to: an allow-list of domains and addresses, from the environment.

BP_ALLOWED_RECIPIENTS=example.com, chief@example.org     unset or empty: anybody
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

VARIABLE = "BP_ALLOWED_RECIPIENTS"


@dataclass(frozen=True, slots=True)
class AllowedRecipients:
    """Domains (with their subdomains not) and addresses that may get mail; None: all.

    Attributes:
        names: Lower-case domains and addresses.
    """

    names: frozenset[str] | None

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Self:
        """Read the list."""
        names = environ.get(VARIABLE, "").replace(",", " ").lower().split()
        return cls(frozenset(name.removeprefix("@") for name in names) or None)

    def problem(self, address: str) -> str | None:
        """Say why an address gets no mail; None if it may."""
        if self.names is None or {address.lower(), address.lower().rpartition("@")[2]} & self.names:
            return None
        return f"{address} is not among the recipients that {VARIABLE} allows: {', '.join(sorted(self.names))}"
