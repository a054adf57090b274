"""A local SMTP server that keeps mail instead of delivering it, and misbehaves on request.

For trying things out (`bp sink`), tests and benchmarks. It is strict about the order of commands, so that a client that
is not shows itself. What must not live here: the words of one dialogue (session.py), faults (faults.py).
"""

import asyncio
import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from batch_pipelines.delivery.sink.faults import FaultPlan, SinkFault
from batch_pipelines.delivery.sink.session import Received, Rules, Session

STARTS_WITHIN_S = 10.0
Keep = Callable[[Received], None]


@dataclass(slots=True)
class Counts:
    """What a sink has seen so far."""

    connections: int = 0
    messages: int = 0


class Sink:
    """One SMTP server on this machine.

    Args:
        keep: Called with every mail, before its reply; in the server's thread.
        rules: What it offers and demands.
        faults: What goes wrong.
    """

    def __init__(self, keep: Keep, rules: Rules | None = None, faults: Iterable[SinkFault] = ()) -> None:
        self.counts = Counts()
        self.port = 0
        self._keep = keep
        self._rules = rules or Rules()
        self._plan = FaultPlan(faults)
        self._sessions: set[Session] = set()

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> asyncio.Server:
        """Listen; port 0 takes any that is free, and `port` tells which.

        Raises:
            OSError: The port is taken.
        """
        context = self._rules.tls if self._rules.tls_at_once else None
        server = await asyncio.get_running_loop().create_server(self._session, host, port, ssl=context)
        self.port = server.sockets[0].getsockname()[1]
        return server

    def hang_up(self) -> None:
        """Close all connections, without a word."""
        for session in list(self._sessions):
            session.hang_up()

    def _session(self) -> Session:
        self.counts.connections += 1
        session = Session(self._rules, self._plan, self._kept, self._sessions.discard)
        self._sessions.add(session)
        return session

    def _kept(self, mail: Received) -> None:
        self._keep(mail)
        self.counts.messages += 1


@contextmanager
def running(keep: Keep, rules: Rules | None = None, faults: Iterable[SinkFault] = ()) -> Iterator[Sink]:
    """Run a sink in a thread of this process while the block runs."""
    sink, up = Sink(keep, rules, faults), threading.Event()
    failures: list[BaseException] = []
    loop = asyncio.new_event_loop()
    over = asyncio.Event()

    async def serve() -> None:
        server = await sink.start()
        up.set()
        await over.wait()
        server.close()
        sink.hang_up()
        await asyncio.sleep(0)

    def run() -> None:
        try:
            loop.run_until_complete(serve())
        except BaseException as error:  # noqa: BLE001  told to the one who waits
            failures.append(error)
        finally:
            loop.close()
            up.set()

    thread = threading.Thread(target=run, name="sink", daemon=True)
    thread.start()
    up.wait(STARTS_WITHIN_S)
    if failures:
        raise failures[0]
    try:
        yield sink
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(STARTS_WITHIN_S)


def kept_in(folder: Path) -> Keep:
    """Return what writes each mail to a folder as `000001-<hash>.eml`, with its envelope on top."""
    folder.mkdir(parents=True, exist_ok=True)
    taken = [int(name) for file in folder.glob("*.eml") if (name := file.name.partition("-")[0]).isdigit()]
    numbers = iter(range(max(taken, default=0) + 1, 10**9))

    def keep(mail: Received) -> None:
        digest = hashlib.blake2b(mail.data, digest_size=4).hexdigest()
        file = folder / f"{next(numbers):06d}-{digest}.eml"
        envelope = f"Return-Path: <{mail.sender}>\r\n" + "".join(f"Delivered-To: {to}\r\n" for to in mail.recipients)
        temporary = file.with_name(f".{file.name}.tmp")
        temporary.write_bytes(envelope.encode() + mail.data)
        temporary.rename(file)

    return keep
