"""The secret and its seals: tokens, marks."""

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_pipelines.campaigns.messages.marks import Marks, read_mark
from batch_pipelines.campaigns.messages.tokens import Secret, Subscription, load_secret, make_token, read_token
from batch_pipelines.core.errors import ConfigError
from batch_pipelines_tests.campaigns.messages.letters import SECRET

OTHER = Secret(b"somebody else's")
ANN = Subscription("zoë@xn--exmple-cua.org", "news", "news/2026-01-05")
TOKEN = make_token(SECRET, ANN)
NUMBERS = st.integers(0, 10**12)


def test_a_token_says_who_leaves_what() -> None:
    assert read_token(SECRET, TOKEN) == ANN
    assert make_token(SECRET, ANN) == TOKEN
    assert set(TOKEN) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")


@given(st.integers(0, len(TOKEN) - 1), st.characters(exclude_categories=["Cs"]))
def test_a_token_with_one_letter_changed_says_nothing(at: int, letter: str) -> None:
    changed = TOKEN[:at] + letter + TOKEN[at + 1 :]
    found = read_token(SECRET, changed)
    assert found is None or found == ANN  # the last letter of base64 has bits that say nothing


@given(st.text(max_size=100))
def test_whatever_is_no_token_says_nothing(text: str) -> None:
    assert read_token(SECRET, text) is None
    assert read_token(OTHER, TOKEN) is None


@given(NUMBERS, NUMBERS)
def test_a_mark_is_found_wherever_it_is_quoted(occurrence: int, seq: int) -> None:
    marks = Marks(SECRET, "2026.news", occurrence)
    for text in (
        marks.message_id(seq, "example.com"),
        f"X-BP-Delivery: {marks.delivery(seq)}",
        f"Final-Recipient: rfc822; {marks.verp(seq, 'b@example.com')}",
        f"1.2.{'0' * 16} then {marks.delivery(seq)}",
    ):
        assert read_mark(SECRET, text) == (occurrence, seq)
        assert read_mark(SECRET, text.upper().lower()) == (occurrence, seq)
        assert read_mark(OTHER, text) is None


def test_a_mark_of_another_message_cannot_be_made_from_this_one() -> None:
    made = Marks(SECRET, "news", 1).delivery(2)
    assert read_mark(SECRET, made.replace("1.2.", "1.3.")) is None
    assert read_mark(SECRET, made[:-1]) is None
    assert read_mark(SECRET, made + "0") is None


def test_a_secret_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    first = load_secret({}, tmp_path / "data")
    again = load_secret({}, tmp_path / "data")
    assert first.seal(b"x", b"y") == again.seal(b"x", b"y")
    file = tmp_path / "data" / "secret.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [each.name for each in (tmp_path / "data").iterdir()] == ["secret.key"]


def test_a_secret_of_the_environment_comes_first(tmp_path: Path) -> None:
    named = load_secret({"BP_SECRET": "x" * 32}, tmp_path)
    assert named.holds(b"a", b"b", Secret(b"x" * 32).seal(b"a", b"b"))
    assert not named.holds(b"other", b"b", Secret(b"x" * 32).seal(b"a", b"b"))
    assert list(tmp_path.iterdir()) == []


def test_a_secret_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="BP_SECRET has fewer than 32 letters"):
        load_secret({"BP_SECRET": "short"}, tmp_path)
    file = tmp_path / "secret.key"
    file.write_text("x" * 40)
    file.chmod(0o644)
    with pytest.raises(ConfigError, match="others may read it; run: chmod 600"):
        load_secret({}, tmp_path)
    file.write_text("short")
    file.chmod(0o600)
    with pytest.raises(ConfigError, match="fewer than 32"):
        load_secret({}, tmp_path)
