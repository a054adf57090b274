"""Parts and their encodings, judged by Python's parser."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from batch_pipelines.campaigns.messages.mime import Part, attachment_part, picture_part, put_together, text_part
from batch_pipelines_tests.campaigns.messages.letters import parsed, text_of

HEAD = b"From: news@example.com\r\nSubject: x\r\nMIME-Version: 1.0\r\n"
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)


def alone(part: Part) -> bytes:
    """A message of one part."""
    return put_together(HEAD, b"=_b", part, None)


@given(TEXT)
@example("x" * 2000)
@example("ü" * 2000)
@example("trailing blanks  \n\t\nFrom here\n.\n..\n=3D\n")
@example("日本語の長い文章です。" * 50)
@example("\0\x01\x0b\x0c")
@example("")
@example("a\rb\nc\r\nd\u2028e\x85f")
def test_a_text_is_read_as_it_was_written(text: str) -> None:
    written = re.sub(r"\r\n|\r", "\n", text)
    for eight_bit in (False, True):
        part = text_part("plain", text, eight_bit=eight_bit)
        message = parsed(alone(part))
        assert text_of(message, "plain") == (written if written.endswith("\n") else written + "\n")
        assert eight_bit or part.body.isascii()


@pytest.mark.parametrize(
    ("text", "encoding", "where_eight_bits_go"),
    [
        ("plain\n", "7bit", "7bit"),
        ("Grüße\n", "quoted-printable", "8bit"),
        ("x" * 999 + "\n", "quoted-printable", "quoted-printable"),
        ("日本語\n", "base64", "8bit"),
        ("a\0b", "quoted-printable", "quoted-printable"),
    ],
)
def test_the_plainest_encoding_is_taken_that_carries_a_text(text: str, encoding: str, where_eight_bits_go: str) -> None:
    assert f"Encoding: {encoding}\r\n".encode() in text_part("plain", text).headers
    assert f"Encoding: {where_eight_bits_go}\r\n".encode() in text_part("plain", text, eight_bit=True).headers


@given(st.binary(max_size=500))
@example(b"\r\n--=_bm--\r\n")
def test_a_file_is_read_as_it_was_attached(data: bytes) -> None:
    whole = put_together(
        HEAD, b"=_b", text_part("plain", "see file\n"), None, (), [attachment_part("a.bin", "application/x-any", data)]
    )
    (attached,) = parsed(whole).iter_attachments()
    assert attached.get_content() == data
    assert attached.get_filename() == "a.bin"


def test_all_levels_are_there_and_in_order() -> None:
    whole = put_together(
        HEAD,
        b"=_b",
        text_part("plain", "t\n"),
        text_part("html", '<img src="cid:c@x">\n'),
        [picture_part("c@x", "c.png", "image/png", b"png")],
        [attachment_part("ü.pdf", "application/pdf", b"pdf")],
    )
    message = parsed(whole)
    assert [part.get_content_type() for part in message.walk()] == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/png",
        "application/pdf",
    ]
    picture = next(part for part in message.walk() if part.get_content_type() == "image/png")
    assert picture["Content-ID"] == "<c@x>"
    assert picture.get_content_disposition() == "inline"
    assert text_of(message, "html") == '<img src="cid:c@x">\n'


def test_a_message_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a text or HTML part"):
        put_together(HEAD, b"=_b", None, None)


@pytest.mark.parametrize("media_type", ["pdf", "a/b\r\nBcc: x", "a/b; x=y", "", "ü/x"])
def test_a_media_type_that_is_none_is_refused(media_type: str) -> None:
    with pytest.raises(ValueError, match="is no media type"):
        attachment_part("a", media_type, b"")
