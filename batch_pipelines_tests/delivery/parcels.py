"""Parcels for tests, and a relay that does as told and keeps what it took."""

import hashlib
from collections.abc import Iterable, Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

from batch_pipelines.core.errors import RelayUnavailable
from batch_pipelines.delivery.channels import Parcel, ParcelFile
from batch_pipelines.delivery.transport import Journal, Kind, Outcome, Outgoing

SENDER = "Reports <reports@example.com>"


def parcel_file(folder: Path, name: str, content: bytes) -> ParcelFile:
    """A file below a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(content)
    kind = "application/pdf" if name.endswith(".pdf") else "text/csv"
    return ParcelFile(name, path, len(content), hashlib.sha256(content).hexdigest(), kind, f"data/reports/{name}")


def parcel(folder: Path, *, burst: str = "", partition: str = "2013-01-15", **contents: bytes) -> Parcel:
    """A parcel of the report `daily`; `pdf=b"…"` makes `daily.pdf`."""
    files = [parcel_file(folder, f"daily.{kind}", content) for kind, content in contents.items()]
    return Parcel("daily", partition, burst, "Daily operations · 15 January", "All is well.", tuple(files))


class ScriptedRelay:
    """A transport and its connection: each message ends as the script says; after that, all are sent."""

    name = "scripted"
    is_real = False
    is_open = True
    offers: frozenset[str] = frozenset()

    def __init__(self, *script: Kind | str) -> None:
        self.took: list[Outgoing] = []
        self._script = list(script)

    def opened(self, subject: str) -> "ScriptedRelay":
        """See `Relay.transport`."""
        assert subject == "daily/2013-01-15"
        return self

    def connect(self) -> "ScriptedRelay":
        """Open, unless the script says `away`."""
        if self._script and self._script[0] == "away":
            self._script.pop(0)
            raise RelayUnavailable(self.name, "connect", "nobody answers")
        return self

    def send(self, messages: Iterable[Outgoing | None], journal: Journal) -> Iterator[Outcome]:
        """See `Connection`."""
        for message in messages:
            if message is None:
                continue
            kind = Kind(self._script.pop(0)) if self._script else Kind.SENT
            if kind in (Kind.SENT, Kind.AMBIGUOUS):
                journal.intent(message.seq)
                self.took.append(message)
            code = {Kind.SENT: 250, Kind.DEFERRED: 450, Kind.FAILED: 550}.get(kind)
            outcome = Outcome(message.seq, kind, code, None, f"said {kind}")
            journal.result(outcome)
            yield outcome

    def close(self) -> None:
        """Nothing is open."""

    def mails(self) -> list[EmailMessage]:
        """What was taken, parsed."""
        parsed = [message_from_bytes(each.data, policy=default) for each in self.took]
        assert all(isinstance(each, EmailMessage) for each in parsed)
        return parsed
