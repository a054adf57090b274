"""Our way: templates compiled once, MIME by hand, pipelined SMTP. Without the ledger."""

from collections.abc import Iterator
from pathlib import Path

from batch_pipelines.campaigns.messages.compile import compile_message
from batch_pipelines.campaigns.messages.draft import Draft, Unsubscribe
from batch_pipelines.campaigns.messages.marks import Marks
from batch_pipelines.campaigns.messages.tokens import Secret
from batch_pipelines.campaigns.messages.writer import Rendered, Writer
from batch_pipelines.core.clock import SystemClock
from batch_pipelines.delivery.addresses import Address, read_address
from batch_pipelines.delivery.smtp.connection import SmtpServer, SmtpTransport
from batch_pipelines.delivery.smtp.dkim import read_signer
from batch_pipelines.delivery.transport import Kind, Outcome, Outgoing
from batch_pipelines.presentation.formats import Formats
from batch_pipelines.presentation.theme import Theme
from benchmarks.campaigns import letters
from benchmarks.campaigns.keys import new_key
from benchmarks.campaigns.sinks import running_sink
from benchmarks.campaigns.stopwatch import measured, now
from benchmarks.measure import Json


def write(job: Json) -> Json:
    """Write letters."""
    written = _written(job["count"], ascii_only=job["ascii"], eight_bit=job.get("eight_bit", False))
    return measured(job["count"], lambda: sum(len(message.data) for message in written))


def send_prebuilt(job: Json) -> Json:
    """Send letters that are written already, on one connection."""
    data = next(_written(1, ascii_only=True)).data
    messages = (Outgoing(number, letters.ENVELOPE, letters.address(number), data) for number in range(job["count"]))
    return _sent(job, messages)


def write_and_send(job: Json) -> Json:
    """Write and send, on one connection."""
    return _sent(job, _written(job["count"], ascii_only=job["ascii"]))


def sign(job: Json) -> Json:
    """Sign letters."""
    file = Path(job["folder"]) / "key.pem"
    file.write_bytes(new_key())
    signer, data = (
        read_signer("example.com", "s", str(file), place="benchmark"),
        next(_written(1, ascii_only=True)).data,
    )
    return measured(job["count"], lambda: sum(len(signer.sign(data)) > 0 for _ in range(job["count"])))


def _sent(job: Json, messages: Iterator[Outgoing]) -> Json:
    with running_sink(job) as (host, port):
        server = SmtpServer(host, port, messages_per_connection=job["count"] + 1)
        connection = SmtpTransport("benchmark", server, SystemClock()).connect()

        def send() -> int:
            outcomes = connection.send(messages, _Unheard())
            return sum(outcome.kind is Kind.SENT for outcome in outcomes)

        result = measured(job["count"], send)
        connection.close()
        return result


class _Unheard:
    """A journal that nobody keeps."""

    def intent(self, seq: int) -> None:
        """See `Journal`."""

    def result(self, outcome: Outcome) -> None:
        """See `Journal`."""


def _written(count: int, *, ascii_only: bool, eight_bit: bool = False) -> Iterator[Outgoing]:
    draft = Draft(
        "news", read_address(letters.SENDER), letters.SUBJECT, letters.HTML, "letter.html", text=letters.TEXT,
        unsubscribe=Unsubscribe("https://news.example.com/u", "news"),
    )  # fmt: skip
    compiled = compile_message(draft, Formats(), Theme())
    writer = Writer(compiled, Marks(Secret(b"benchmark"), "news", 1), "news/2026-01-05")
    date = now()
    for number, context in enumerate(letters.contexts(count, ascii_only=ascii_only)):
        local, _, domain = letters.address(number).partition("@")
        made = writer.render(number, Address(local, domain), context, date, eight_bit=eight_bit)
        if not isinstance(made, Rendered):
            raise TypeError(made.reason)
        yield made.outgoing
