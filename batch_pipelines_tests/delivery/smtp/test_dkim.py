"""Signatures, judged by dkimpy."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batch_pipelines.core.errors import ConfigError
from batch_pipelines.delivery.smtp.dkim import Signer, read_signer
from batch_pipelines_tests.delivery.smtp.dkim_judge import SELECTOR, key_in, pem, verified

MESSAGE = (
    b"From: News  <news@example.com>\r\nTo: ann@example.org\r\nSubject: =?utf-8?q?hell=C3=B6?=\r\n folded\r\n"
    b"Date: Thu, 01 Jan 2026 00:00:00 +0000\r\nList-Unsubscribe: <https://news.example.com/u/x>\r\n"
    b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nMessage-ID: <a@example.com>\r\n\r\n"
    b"hello  world \t \r\n\r\n.\r\n\r\n\r\n"
)


@pytest.fixture(scope="module", params=["rsa", "ed25519"])
def keys(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Signer, bytes]:
    file, record = key_in(tmp_path_factory.mktemp("dkim"), request.param)
    return read_signer("Example.com", SELECTOR, str(file), place="BP_RELAY_X"), record


def test_a_signed_message_verifies_and_is_otherwise_unchanged(keys: tuple[Signer, bytes]) -> None:
    signer, record = keys
    signed = signer.sign(MESSAGE)
    assert verified(signed, record)
    assert signed.endswith(MESSAGE)
    assert signer.sign(MESSAGE) == signed
    assert max(map(len, signed.split(b"\r\n"))) <= 100


def test_both_unsubscribe_headers_are_covered(keys: tuple[Signer, bytes]) -> None:
    signer, record = keys
    signed = signer.sign(MESSAGE)
    header = signed.partition(b"bh=")[0]
    assert b"list-unsubscribe:" in header
    assert b"list-unsubscribe-post" in header
    assert not verified(signed.replace(b"news.example.com/u/x", b"evil.example.net/u/x"), record)
    assert not verified(signed.replace(b"List-Unsubscribe=One-Click", b"List-Unsubscribe=Two-Click"), record)


def test_another_from_header_breaks_the_signature(keys: tuple[Signer, bytes]) -> None:
    signer, record = keys
    assert not verified(b"From: boss@example.com\r\n" + signer.sign(MESSAGE), record)


def test_a_changed_body_breaks_the_signature(keys: tuple[Signer, bytes]) -> None:
    signer, record = keys
    assert not verified(signer.sign(MESSAGE).replace(b"hello  world", b"hello, world"), record)


BODIES = st.lists(st.sampled_from([b"a", b" ", b"\t", b"\r\n", b"\r\n\r\n", b".", b"\n", "ö".encode()]), max_size=20)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(body=BODIES.map(b"".join))
def test_any_body_verifies(keys: tuple[Signer, bytes], body: bytes) -> None:
    signer, record = keys
    assert verified(signer.sign(b"From: news@example.com\r\nSubject: x\r\n\r\n" + body), record)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"domain": "example"}, "no domain"),
        ({"domain": "exämple.com"}, "xn--"),
        ({"selector": "a b"}, "no selector"),
        ({"key_file": "nowhere.pem"}, "No such file"),
        ({"key_file": "text.pem"}, "no unencrypted PEM private key"),
        ({"key_file": "curve.pem"}, "neither an RSA key"),
        ({"key_file": "locked.pem"}, "no unencrypted PEM private key"),
    ],
)
def test_what_cannot_sign_is_refused(change: dict[str, str], said: str, tmp_path: Path) -> None:
    (tmp_path / "text.pem").write_text("hello")
    (tmp_path / "curve.pem").write_bytes(pem(ec.generate_private_key(ec.SECP256R1())))
    (tmp_path / "locked.pem").write_bytes(pem(ed25519.Ed25519PrivateKey.generate(), b"locked"))
    given = {"domain": "example.com", "selector": "s", "key_file": "text.pem", **change}
    with pytest.raises(ConfigError, match=f"BP_RELAY_X.*{said}"):
        read_signer(given["domain"], given["selector"], str(tmp_path / given["key_file"]), place="BP_RELAY_X")
