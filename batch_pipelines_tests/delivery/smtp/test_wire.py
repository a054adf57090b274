"""Replies as bytes, and what was handed over when a write breaks."""

import socket
from collections.abc import Iterator

import pytest

from batch_pipelines.core.clock import FakeClock
from batch_pipelines.delivery.smtp.replies import Reply
from batch_pipelines.delivery.smtp.wire import LONGEST_LINE, MOST_LINES, Break, Wire


class TickingClock(FakeClock):
    """Six seconds pass whenever somebody looks."""

    def monotonic(self) -> float:
        """See `Clock`."""
        self.advance(6)
        return super().monotonic()


@pytest.fixture
def pair() -> Iterator[tuple[Wire, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Wire(ours, FakeClock()), theirs


def test_a_reply_of_several_lines_is_one_reply(pair: tuple[Wire, socket.socket]) -> None:
    wire, relay = pair
    relay.sendall(b"250-mx.example.com\r\n250-SIZE 100\r\n250 HELP\r\n354 go\n220\r\n")
    reply = wire.read(1)
    assert isinstance(reply, Reply)
    assert reply.code == 250
    assert reply.text == "mx.example.com SIZE 100 HELP"
    following = [wire.read(1), wire.read(1)]
    assert [reply.code for reply in following if isinstance(reply, Reply)] == [354, 220]
    assert not wire.has_unread


def test_a_reply_in_pieces_is_put_together(pair: tuple[Wire, socket.socket]) -> None:
    wire, relay = pair
    relay.sendall(b"250 2.0.")
    assert wire.read(0.01) == Break("no reply within 0.01 s")
    relay.sendall(b"0 kept\r\n")
    reply = wire.read(1)
    assert isinstance(reply, Reply)
    assert (reply.code, reply.enhanced, reply.text) == (250, "2.0.0", "kept")


@pytest.mark.parametrize(
    "line", [b"hello\r\n", b"25\r\n", b"2500 ok\r\n", b"\r\n", b"\xff\xfe\r\n", "٢٥٠ ok\r\n".encode()]
)
def test_what_is_no_reply_is_a_break_that_quotes_it(line: bytes, pair: tuple[Wire, socket.socket]) -> None:
    wire, relay = pair
    relay.sendall(line)
    broken = wire.read(1)
    assert isinstance(broken, Break)
    assert "which is no reply" in broken.what
    assert broken.what.isprintable()


def test_replies_without_end_are_given_up(pair: tuple[Wire, socket.socket]) -> None:
    wire, relay = pair
    relay.sendall(b"250-on and on\r\n" * (MOST_LINES + 5))
    assert wire.read(1) == Break(f"its reply has more than {MOST_LINES} lines")


def test_lines_without_end_are_given_up(pair: tuple[Wire, socket.socket]) -> None:
    wire, relay = pair
    relay.sendall(b"250 " + b"x" * LONGEST_LINE)
    assert wire.read(1) == Break(f"its reply has a line of more than {LONGEST_LINE} bytes")


def test_a_reply_that_drips_in_has_one_deadline_as_a_whole() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"250-one\r\n250-two\r\n25")
        assert Wire(ours, TickingClock()).read(10) == Break("no reply within 10 s")


def test_a_dot_that_cannot_be_handed_over_is_a_break() -> None:
    ours, theirs = socket.socketpair()
    with ours:
        theirs.close()
        broken = Wire(ours, FakeClock()).write_dot(b"MAIL FROM:<>\r\n", 1)
    assert broken
    assert broken.writing


def test_a_dot_that_was_handed_over_is_none_even_if_what_is_behind_it_was_not() -> None:
    ours, theirs = socket.socketpair()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    with ours, theirs:
        wire = Wire(ours, FakeClock())
        assert wire.write_dot(b"x" * 10_000_000, 0.05) is None
        assert wire.torn == Break("it took nothing for 0.05 s", writing=True)
        assert theirs.recv(3) == b".\r\n"
