"""`bp sink` and `bp web`, as processes."""

import http.client
import signal
import smtplib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from batch_pipelines.campaigns.messages.tokens import Subscription, load_secret, make_token
from batch_pipelines.core.clock import SystemClock
from batch_pipelines.core.ledger.ledger import open_ledger
from batch_pipelines_tests.servers import free_port

pytestmark = pytest.mark.system


@contextmanager
def running(*arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """A command that goes on until it is told to end."""
    program = "from batch_pipelines.cli.main import app; app()"
    process = subprocess.Popen([sys.executable, "-c", program, *arguments], stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def first_line(process: "subprocess.Popen[str]") -> str:
    """What it says when it is ready."""
    assert process.stderr is not None
    return process.stderr.readline()


def test_the_sink_keeps_mail_until_it_is_told_to_end(home: Path) -> None:
    with running("sink", "--port", "0", "--fault", "refuse@rcpt~bob=550 5.1.1 gone") as process:
        said = first_line(process)
        port = int(said.partition("127.0.0.1:")[2].split()[0])
        with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
            refused = client.sendmail("a@example.com", ["ann@example.org", "bob@example.org"], "Subject: x\n\nhello\n")
        assert list(refused) == ["bob@example.org"]
        process.send_signal(signal.SIGINT)
        _, rest = process.communicate(timeout=20)
        assert "1 mail kept, 1 connection" in rest
        assert process.returncode == 0
    (file,) = (home / "data" / "mail" / "sink").glob("*.eml")
    assert file.read_text().startswith("Return-Path: <a@example.com>\nDelivered-To: ann@example.org\n")


def test_a_sink_that_cannot_be_says_why(home: Path) -> None:
    for arguments, said in (
        (["--fault", "drop@nowhere"], "cannot read the fault 'drop@nowhere'"),
        (["--host", "192.0.2.1"], "cannot listen on 192.0.2.1:2525"),
    ):
        with running("sink", *arguments) as process:
            _, errors = process.communicate(timeout=20)
        assert said in errors
        assert process.returncode in (1, 2)


def test_the_page_lets_people_leave(home: Path) -> None:
    data = home / "data"
    token = make_token(load_secret({}, data), Subscription("ann@example.org", "news", "news/1"))
    port = free_port()
    with running("web", "--port", str(port)) as process:
        assert f":{port}/u/<token>" in first_line(process)
        connection = _asked(port, f"/u/{token}")
        answer = connection.getresponse()
        assert answer.status == 200
        assert "You are unsubscribed" in answer.read().decode()
        connection.close()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
    ledger = open_ledger(f"sqlite:///{data / 'ledger.db'}")
    try:
        assert [each.scope for each in ledger.suppressions.of("ann@example.org")] == ["news"]
    finally:
        ledger.close()


def _asked(port: int, path: str) -> http.client.HTTPConnection:
    """A one-click request, as soon as somebody listens."""
    clock = SystemClock()
    deadline = clock.monotonic() + 20
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("POST", path, b"List-Unsubscribe=One-Click")
        except ConnectionRefusedError:
            assert clock.monotonic() < deadline
            clock.sleep(0.05)
        else:
            return connection
