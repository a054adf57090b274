"""Line ends and dots."""

import re

from hypothesis import given
from hypothesis import strategies as st

from batch_pipelines.delivery.smtp.lines import crlf, stuffed

PIECES = st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b".", b"a", b"", b"..", b"\n.\n", "ö".encode()]), max_size=30)


@given(PIECES.map(b"".join))
def test_lines_end_with_crlf_and_nothing_else_is_changed(data: bytes) -> None:
    made = crlf(data)
    assert re.fullmatch(rb"(?:[^\r\n]|\r\n)*", made)
    assert re.split(rb"\r\n|\r|\n", data) == made.split(b"\r\n")


@given(PIECES.map(b"".join))
def test_a_server_that_unstuffs_has_what_was_written(data: bytes) -> None:
    unstuffed = re.sub(rb"(?m)^\.", b"", stuffed(data))
    written = crlf(data)
    assert unstuffed == (written if not written or written.endswith(b"\r\n") else written + b"\r\n")


@given(PIECES.map(b"".join))
def test_no_line_of_a_stuffed_message_is_a_lone_dot(data: bytes) -> None:
    assert b"." not in stuffed(data).split(b"\r\n")
    assert b"\r\n.\r\n" not in b"\r\n" + stuffed(data)
