"""Header lines, judged by Python's parser."""

import email
import email.policy
from email.header import decode_header, make_header

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from batch_pipelines.campaigns.messages.headers import (
    UnsafeHeader,
    address_header,
    encoded_words,
    parameter,
    raw_header,
    text_header,
)
from batch_pipelines.delivery.addresses import UNSAFE, Address

SAFE = st.text(max_size=200).filter(lambda text: not UNSAFE.search(text))
UNSAFE_LETTERS = st.sampled_from(
    ["\r", "\n", "\r\n", "\0", "\x0b", "\x1b", "\x7f", "\x85", "\u2028", "\u2029", "\ud800"]
)


def read(header: bytes, name: str) -> str:
    """What Python's parser makes of a header; folding and lengths are looked at, too."""
    lines = header.split(b"\r\n")
    assert lines[-1] == b""
    assert all(line.startswith(b" ") and line.strip() for line in lines[1:-1])
    assert max(map(len, lines)) <= 998
    message = email.message_from_bytes(header + b"\r\n", policy=email.policy.default)
    assert list(message.keys()) == [name]
    assert not message.defects
    assert not message[name].defects
    return str(message[name])


@given(SAFE)
@example("=?utf-8?q?hello?=")
@example("a" * 200)
@example("ü" * 100)
@example("🛬 " * 40)
@example("word " * 60 + "end")
@example("two  blanks " * 20)
@example("👩‍👩‍👧‍👦" * 20)
def test_a_subject_is_read_as_it_was_written(text: str) -> None:
    header = text_header("Subject", text)
    assert read(header, "Subject").strip() == text.strip()
    assert header.isascii()
    if "=?" in header.decode():
        assert max(map(len, header.split(b"\r\n"))) <= 78


@given(SAFE, UNSAFE_LETTERS, SAFE)
def test_no_header_holds_a_line_break_or_control_character(before: str, bad: str, after: str) -> None:
    text = before + bad + after
    for make in (
        text_header,
        raw_header,
        parameter,
        lambda name, value: address_header(name, Address("a", "b.c", value)),
    ):
        with pytest.raises(UnsafeHeader):
            make("X", text)


@given(SAFE)
@example('Lee, "Ann" \\ (x) <y@z>')
@example("Ann. Lee")
@example("=?utf-8?q?x?=")
@example("ä" * 80)
@example("a" * 80)
def test_a_name_beside_an_address_is_read_as_it_was_written(name: str) -> None:
    header = address_header("To", Address("ann", "example.org", name.strip()))
    message = email.message_from_bytes(header + b"\r\n", policy=email.policy.default)
    read(header, "To")
    (address,) = message["To"].addresses
    assert address.addr_spec == "ann@example.org"
    # Python 3.11 keeps a blank between two encoded words of a name (RFC 2047 §6.2: it is none).
    said = str(make_header(decode_header(header.decode().partition(":")[2]))) if header.count(b"=?utf-8") > 1 else None
    assert _same(said.rpartition("<")[0] if said else address.display_name, name)


@given(SAFE.filter(lambda text: text.strip()))
@example("Bericht für März.pdf")
@example("a b.pdf")
@example('we"ird\\.pdf')
@example("🛬" * 200)
def test_the_name_of_a_file_is_read_as_it_was_written(name: str) -> None:
    header = f"Content-Disposition: attachment;\r\n {parameter('filename', name)}\r\n".encode("ascii")
    message = email.message_from_bytes(header + b"\r\nx\r\n", policy=email.policy.default)
    found = message.get_filename()
    assert found is not None
    assert name.encode().startswith(found.encode()) or _same(found, name)
    assert max(map(len, header.split(b"\r\n"))) <= 998


@given(SAFE, st.integers(0, 30))
def test_encoded_words_are_short_and_whole(text: str, offset: int) -> None:
    for number, word in enumerate(encoded_words(text, offset).split("\r\n ")):
        assert len(word) + (offset if number == 0 else 1) <= 78
        assert word.startswith("=?utf-8?")
        assert word.endswith("?=")


def test_a_raw_header_is_never_folded_nor_encoded() -> None:
    url = "https://news.example.com/u/" + "x" * 200
    assert raw_header("List-Unsubscribe", f"<{url}>") == f"List-Unsubscribe: <{url}>\r\n".encode()


@pytest.mark.parametrize("text", ["ü", "x" * 1000])
def test_what_does_not_fit_a_raw_header_is_refused(text: str) -> None:
    with pytest.raises(UnsafeHeader, match="not one line of at most 998 printable ASCII"):
        raw_header("List-Unsubscribe", text)


def _same(one: str, other: str) -> bool:
    return " ".join(one.split()) == " ".join(other.split())
