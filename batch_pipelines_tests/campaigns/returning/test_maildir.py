"""A maildir is emptied; nothing is put aside before it was recorded."""

from pathlib import Path

import pytest

from batch_pipelines.campaigns.returning.bounces import Returned
from batch_pipelines.campaigns.returning.maildir import Emptied, empty_maildir
from batch_pipelines.core.errors import InputError
from batch_pipelines_tests.campaigns.messages.letters import SECRET
from batch_pipelines_tests.campaigns.returning.returns import notification


def put(folder: Path, name: str, data: bytes) -> None:
    """A message comes in."""
    (folder / "new").mkdir(parents=True, exist_ok=True)
    (folder / "new" / name).write_bytes(data)


def test_messages_are_recorded_in_order_and_put_aside(tmp_path: Path) -> None:
    put(tmp_path, "2.host", b"Subject: hello\n\nspam\n")
    put(tmp_path, "1.host", notification())
    put(tmp_path, "3.host", notification(status="4.2.2"))
    recorded: list[tuple[str, str | None]] = []
    emptied = empty_maildir(tmp_path, SECRET, lambda key, returned: recorded.append((key, returned.status)))
    assert emptied == Emptied(recorded=2, unknown=1)
    assert recorded == [("1.host", "5.1.1"), ("3.host", "4.2.2")]
    assert sorted(file.name for file in (tmp_path / "cur").iterdir()) == ["1.host:2,S", "2.host:2,", "3.host:2,S"]
    assert list((tmp_path / "new").iterdir()) == []
    assert empty_maildir(tmp_path, SECRET, lambda _key, _returned: None) == Emptied()


def test_a_message_that_could_not_be_recorded_is_read_again_under_the_same_key(tmp_path: Path) -> None:
    put(tmp_path, "1.host", notification())
    keys: list[str] = []

    def failing(key: str, _returned: Returned) -> None:
        keys.append(key)
        if len(keys) == 1:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        empty_maildir(tmp_path, SECRET, failing)
    assert (tmp_path / "new" / "1.host").exists()
    empty_maildir(tmp_path, SECRET, failing)
    assert keys == ["1.host", "1.host"]


def test_links_and_folders_are_left_alone(tmp_path: Path) -> None:
    put(tmp_path / "box", "1.host", notification())
    (tmp_path / "box" / "new" / "2.host").symlink_to("/etc/passwd")
    (tmp_path / "box" / "new" / "sub").mkdir()
    assert empty_maildir(tmp_path / "box", SECRET, lambda _key, _returned: None) == Emptied(recorded=1)
    assert sorted(file.name for file in (tmp_path / "box" / "new").iterdir()) == ["2.host", "sub"]


def test_what_is_no_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="the maildir cannot be emptied"):
        empty_maildir(tmp_path / "file", SECRET, lambda _key, _returned: None)
