"""From nothing to a connection: greeting, TLS, login."""

import socket
import ssl
import threading
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from batch_pipelines.core.clock import SystemClock
from batch_pipelines.core.errors import RelayRefused, RelayUnavailable
from batch_pipelines.delivery.sink.session import Rules
from batch_pipelines.delivery.smtp.connection import SmtpServer, SmtpTransport
from batch_pipelines.delivery.transport import Outgoing
from batch_pipelines_tests.delivery.certificates import certificate, tls_context
from batch_pipelines_tests.delivery.post_office import HASTY, PATIENT, Notes, Office, kinds, mails, office, send_all

LOGIN = ("ann", "s3cret!")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def trusting(files: tuple[Path, Path]) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(files[0]))


def sent(there: Office, **server: Any) -> list[str]:
    """What becomes of three mails."""
    connection = there.transport(**server).connect()
    outcomes = list(connection.send(mails(3), Notes()))
    connection.close()
    return kinds(outcomes)


def test_starttls_and_a_login_come_before_the_first_mail(files: tuple[Path, Path], trusting: ssl.SSLContext) -> None:
    with office(rules=Rules(tls=tls_context(*files), login=LOGIN)) as there:
        assert sent(there, tls="starttls", context=trusting, user="ann", password="s3cret!") == ["sent"] * 3
        assert there.kept_numbers == [0, 1, 2]


def test_tls_from_the_first_byte_works_as_well(files: tuple[Path, Path], trusting: ssl.SSLContext) -> None:
    with office(rules=Rules(tls=tls_context(*files), tls_at_once=True, login=LOGIN)) as there:
        assert sent(there, tls="tls", context=trusting, user="ann", password="s3cret!") == ["sent"] * 3


@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_a_certificate_that_is_not_trusted_is_refused(tls: str, files: tuple[Path, Path]) -> None:
    rules = Rules(tls=tls_context(*files), tls_at_once=tls == "tls")
    with office(rules=rules) as there:
        server: dict[str, Any] = {"tls": tls, "context": ssl.create_default_context()}
        with pytest.raises(RelayRefused, match=r"STARTTLS: its certificate is not trusted: .*tls_ca=FILE"):
            there.transport(**server).connect()


def test_there_is_no_way_around_tls(trusting: ssl.SSLContext) -> None:
    with office() as there, pytest.raises(RelayRefused, match="it does not offer STARTTLS"):
        there.transport(tls="starttls", context=trusting).connect()


def test_a_port_that_speaks_no_tls_is_told_apart(trusting: ssl.SSLContext) -> None:
    with office() as there, pytest.raises(RelayRefused, match="TLS does not come about"):
        there.transport(tls="tls", context=trusting).connect()


def test_what_comes_in_the_clear_behind_starttls_ends_the_connection(trusting: ssl.SSLContext) -> None:
    listening = socket.create_server(("127.0.0.1", 0))

    def injector() -> None:
        client, _ = listening.accept()
        with client:
            client.sendall(b"220 here\r\n")
            client.recv(1000)
            client.sendall(b"250-here\r\n250 STARTTLS\r\n")
            client.recv(1000)
            client.sendall(b"220 go ahead\r\n250 AUTH PLAIN\r\n")
            client.recv(1000)

    thread = threading.Thread(target=injector, daemon=True)
    thread.start()
    server = SmtpServer("127.0.0.1", listening.getsockname()[1], "starttls", trusting)
    with listening, pytest.raises(RelayRefused, match="somebody may be in between"):
        SmtpTransport("injected", server, SystemClock(), PATIENT).connect()
    thread.join(5)


def test_a_wrong_password_is_refused_and_not_shown(files: tuple[Path, Path], trusting: ssl.SSLContext) -> None:
    with office(rules=Rules(tls=tls_context(*files), login=LOGIN)) as there:
        server: dict[str, Any] = {"tls": "starttls", "context": trusting, "user": "ann", "password": "wr0ng!"}
        with pytest.raises(RelayRefused, match=r"AUTH: it said 535 5\.7\.8 wrong user or password") as raised:
            there.transport(**server).connect()
        assert raised.value.code == 535
        assert "wr0ng!" not in repr(raised.value) + repr(there.transport(**server).__dict__)


def test_a_relay_that_takes_no_login_is_refused(files: tuple[Path, Path], trusting: ssl.SSLContext) -> None:
    with (
        office(rules=Rules(tls=tls_context(*files))) as there,
        pytest.raises(RelayRefused, match="AUTH is not offered"),
    ):
        there.transport(tls="starttls", context=trusting, user="ann", password="x").connect()


def test_a_relay_that_wants_a_login_says_so_at_mail() -> None:
    with office(rules=Rules(login=LOGIN)) as there:
        outcomes, _ = send_all(there, mails(1))
        assert (outcomes[0].kind, outcomes[0].code, outcomes[0].blame) == ("unsent", 530, "policy")


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("drop@starttls", RelayUnavailable),
        ("silence@starttls", RelayUnavailable),
        ("refuse@starttls=454 4.7.0 not now", RelayUnavailable),
        ("refuse@starttls=501 5.5.4 no", RelayRefused),
    ],
)
def test_a_relay_that_fails_at_starttls_is_named(
    fault: str, error: type[Exception], files: tuple[Path, Path], trusting: ssl.SSLContext
) -> None:
    with office(fault, rules=Rules(tls=tls_context(*files))) as there, pytest.raises(error, match="STARTTLS: "):
        there.transport(HASTY, tls="starttls", context=trusting).connect()


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("drop@auth", RelayUnavailable),
        ("silence@auth", RelayUnavailable),
        ("refuse@auth=454 4.7.0 not now", RelayUnavailable),
        ("refuse@auth=535 5.7.8 no", RelayRefused),
    ],
)
def test_a_relay_that_fails_at_login_is_named(fault: str, error: type[Exception]) -> None:
    with office(fault, rules=Rules(login=LOGIN)) as there, pytest.raises(error, match="AUTH: "):
        there.transport(HASTY, user="ann", password="s3cret!").connect()


def test_a_server_of_1982_is_greeted_with_helo() -> None:
    with office(rules=Rules(ehlo=False)) as there:
        connection = there.transport().connect()
        assert connection.offers == frozenset()
        assert kinds(list(connection.send(mails(3), Notes()))) == ["sent"] * 3
        connection.close()


def test_a_server_without_pipelining_of_another_make_gets_every_mail() -> None:
    handler = _Inbox()
    controller = Controller(
        handler, hostname="127.0.0.1", port=0, ready_timeout=10, server_hostname="other.example.com"
    )
    controller.port = _free_port()
    controller.start()
    try:
        transport = SmtpTransport("other", SmtpServer("127.0.0.1", controller.port), SystemClock(), PATIENT)
        connection = transport.connect()
        assert "pipelining" not in connection.offers
        bodies = [b"Subject: x\r\n\r\n.\r\n..a\r\n" + b"." * count + b"\r\n" for count in range(20)]
        messages = [Outgoing(seq, "", f"r{seq}@example.org", body) for seq, body in enumerate(bodies)]
        assert kinds(list(connection.send(messages, Notes()))) == ["sent"] * 20
        connection.close()
    finally:
        controller.stop()
    assert handler.bodies == bodies


class _Inbox:
    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802  aiosmtpd's name
        self.bodies.append(envelope.content)
        return "250 OK"


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port
