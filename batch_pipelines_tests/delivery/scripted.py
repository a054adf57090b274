"""A relay that a test speaks for, line by line."""

import select
import socket
import threading
from typing import Self

from batch_pipelines.core.clock import SystemClock
from batch_pipelines.delivery.smtp.connection import SmtpServer, SmtpTransport
from batch_pipelines.delivery.transport import Outcome, Outgoing
from batch_pipelines_tests.delivery.post_office import PATIENT, Notes


class Scripted:
    """A relay that says what it is told to, and tells what it was told; the client works in a thread."""

    def __init__(self, *offers: str) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._offers = offers
        self._messages: list[Outgoing] = []
        self._outcomes: list[Outcome] = []
        self._done = threading.Event()
        self._client = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.hang_up()
        self._client.join(5)
        self._listening.close()

    def send(self, messages: list[Outgoing]) -> None:
        """Have the client send, and greet it."""
        self._messages = messages
        self._client.start()
        self._socket, _ = self._listening.accept()
        self._socket.settimeout(5)
        self._lines = self._socket.makefile("rb")
        self.say("220 here")
        self.expect(b"ehlo")
        self.say("250-here", *(f"250-{offer}" for offer in self._offers), "250 HELP")

    def _run(self) -> None:
        server = SmtpServer("127.0.0.1", self._listening.getsockname()[1])
        connection = SmtpTransport("scripted", server, SystemClock(), PATIENT).connect()
        self._outcomes += connection.send(self._messages, Notes())
        self._done.set()
        connection.close()

    def say(self, *replies: str) -> None:
        """Reply."""
        self._socket.sendall("".join(f"{reply}\r\n" for reply in replies).encode())

    def expect(self, *beginnings: bytes) -> None:
        """Be told lines that begin so."""
        for beginning in beginnings:
            line = self._lines.readline()
            assert line.startswith(beginning), line

    def expect_silence(self) -> None:
        """Nothing more has come."""
        ready, _, _ = select.select([self._socket], [], [], 0.02)
        assert not ready

    def outcomes(self) -> list[Outcome]:
        """What the client says, when it is done."""
        assert self._done.wait(5)
        return self._outcomes

    def rest(self) -> bytes:
        """What else was said, until the client hung up."""
        return self._lines.read()

    def hang_up(self) -> None:
        """Close."""
        self._lines.close()
        self._socket.close()
