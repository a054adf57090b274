"""Names and addresses of relays."""

from pathlib import Path

import pytest

from batch_pipelines.core.errors import ConfigError
from batch_pipelines.delivery.eml_folder import file_name
from batch_pipelines.delivery.relays import folder_of, relay_named, relay_names, send_one
from batch_pipelines.delivery.transport import Kind
from batch_pipelines_tests.delivery.post_office import mails, office
from batch_pipelines_tests.delivery.smtp.dkim_judge import SELECTOR, key_in, verified

SECRET = "p@ss/w0rd"
WRITTEN = "p%40ss%2Fw0rd"


def test_the_default_relay_is_a_folder_of_eml_files(tmp_path: Path) -> None:
    relay = relay_named("default", {}, tmp_path / "data")
    assert not relay.is_real
    outcome = send_one(relay.transport("news/2026-01-05"), mails(1)[0])
    assert outcome.kind is Kind.SENT
    (file,) = (tmp_path / "data" / "mail" / "news" / "2026-01-05").iterdir()
    assert file.read_bytes() == mails(1)[0].data


def test_a_variable_names_a_relay_and_its_figures(tmp_path: Path) -> None:
    address = "smtp://mx.example.com?per_second=14&connections=2&messages_per_connection=50"
    relay = relay_named("my-news", {"BP_RELAY_MY_NEWS": address}, tmp_path)
    assert relay.is_real
    assert (relay.per_second, relay.connections, relay.messages_per_connection) == (14.0, 2, 50)
    assert relay.place == "mx.example.com:587, STARTTLS"


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("smtp://mx.example.com", "mx.example.com:587, STARTTLS"),
        ("smtps://mx.example.com", "mx.example.com:465, TLS"),
        ("smtp://mx.example.com?tls=none", "mx.example.com:25, no TLS"),
        ("smtp://localhost", "localhost:25, no TLS"),
        ("smtp://[::1]:2525", "::1:2525, no TLS"),
        (f"smtp://ann:{WRITTEN}@mx.example.com:2587", "mx.example.com:2587, STARTTLS, login"),
        ("console:", "console:"),
        ("folder:out", "folder:out"),
    ],
)
def test_an_address_says_where_to_and_how_safely(address: str, place: str, tmp_path: Path) -> None:
    assert relay_named("x", {"BP_RELAY_X": address}, tmp_path).place == place


BAD = [
    ("mx.example.com", "no kind of relay"),
    ("http://mx.example.com", "no kind of relay"),
    ("smtp://", "the host is missing"),
    ("smtp://mx.example.com/path", "nothing belongs behind the host"),
    ("smtp://mx.example.com:port", "not an address"),
    ("smtp://mx.example.com?tls=maybe", "tls is one of starttls, tls, none"),
    ("smtp://mx.example.com?tsl=tls", "unknown option 'tsl'"),
    ("smtp://mx.example.com?per_second=-1", "per_second is a number above 0"),
    ("smtp://mx.example.com?connections=1.5", "connections is a whole number"),
    ("smtp://mx.example.com?dkim_domain=example.com", "come together"),
    ("smtp://mx.example.com?tls_ca=nowhere.pem", "nowhere.pem: No such file"),
    ("smtp://mx.example.com?helo=a%0d%0aRSET", "helo"),
    (f"smtp://ann:{WRITTEN}@mx.example.com?tls=none", "not sent in the clear"),
    (f"smtp://ann:{SECRET}@mx.example.com", "not an address|no kind|host|behind"),
    ("smtp://ann@mx.example.com", "user and password come together"),
    ("folder://host/path", "folder:path"),
]


@pytest.mark.parametrize(("address", "said"), BAD)
def test_an_address_that_cannot_work_is_refused_without_being_shown(address: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"BP_RELAY_X: .*({said})") as raised:
        relay_named("x", {"BP_RELAY_X": address}, tmp_path)
    assert SECRET not in str(raised.value)
    assert WRITTEN not in str(raised.value)


def test_a_password_is_shown_nowhere(tmp_path: Path) -> None:
    relay = relay_named("x", {"BP_RELAY_X": f"smtp://ann:{WRITTEN}@mx.example.com"}, tmp_path)
    shown = repr(relay) + str(relay.transport().__dict__)
    assert SECRET not in shown
    assert WRITTEN not in shown


def test_an_unknown_relay_is_refused_with_those_there_are(tmp_path: Path) -> None:
    environ = {"BP_RELAY_NEWS": "console:", "BP_RELAY_EMPTY": ""}
    with pytest.raises(ConfigError, match=r"no relay 'new'.*BP_RELAY_NEW=smtp.*Relays: default, news"):
        relay_named("new", environ, tmp_path)
    assert relay_names(environ) == ["default", "news"]


@pytest.mark.parametrize("name", ["", "News", "a b", "../x", "ä"])
def test_a_name_that_no_variable_can_have_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no name for a relay"):
        relay_named(name, {}, tmp_path)


@pytest.mark.parametrize(
    ("subject", "folder"),
    [
        ("news/2026-01", "news/2026-01"),
        ("../../etc/passwd", "etc/passwd"),
        ("/root", "root"),
        ("..", "single"),
        ("", "single"),
        ("a b\0c/d:e", "a_b_c/d_e"),
        (".hidden/..x", "hidden/x"),
    ],
)
def test_a_folder_of_mails_stays_where_mails_belong(subject: str, folder: str) -> None:
    assert folder_of(subject).as_posix() == folder


def test_a_relay_with_a_key_signs_whatever_it_sends(tmp_path: Path) -> None:
    key, record = key_in(tmp_path, "rsa")
    with office() as there:
        options = f"dkim_domain=example.com&dkim_selector={SELECTOR}&dkim_key={key}"
        environ = {"BP_RELAY_NEWS": f"smtp://127.0.0.1:{there.sink.port}?{options}"}
        relay = relay_named("news", environ, tmp_path)
        mail = mails(1, b"From: news@example.com\nSubject: x\n\n.hello\n")[0]
        outcome = send_one(relay.transport("any"), mail)
    assert outcome.kind is Kind.SENT
    assert relay.dkim_domain == "example.com"
    assert there.kept[0].data.startswith(b"DKIM-Signature: ")
    assert verified(there.kept[0].data, record)


def test_a_message_too_late_for_its_file_is_the_one_that_is_there(tmp_path: Path) -> None:
    transport = relay_named("default", {}, tmp_path / "data").transport("x")
    first, second = mails(1, b"first\r\n")[0], mails(1, b"second\r\n")[0]
    assert send_one(transport, first).reply == f"written to {file_name(first)}"
    again = send_one(transport, second)
    assert again.kind is Kind.SENT
    assert "was there already" in again.reply
    (file,) = (tmp_path / "data" / "mail" / "x").iterdir()
    assert file.read_bytes() == b"first\r\n"
