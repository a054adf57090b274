"""What lies in an inbox and is of no use, or not yet."""

import os
import sys
from pathlib import Path

import pytest

from batch_pipelines.processing.declaration.model import DatasetDeclaration
from batch_pipelines.processing.sources.inbox import is_open_for_writing, misfits

MONTHS = {"every": "month", "start": "2013-01", "end": "2013-03"}
linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux lists open files under /proc")


def reasons(home: Path, partitions: object, source: str) -> dict[str, str]:
    declaration = DatasetDeclaration.model_validate(
        {"name": "shop", "source": source, "partitions": partitions, "inbox": True}
    )
    return {misfit.name.rpartition("/")[2]: misfit.reason for misfit in misfits(declaration, home, home / "data")}


def inbox(home: Path, *names: str) -> Path:
    folder = home / "data" / "inbox" / "shop"
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).touch()
    return folder


def test_each_misfit_has_its_reason(tmp_path: Path) -> None:
    home = tmp_path / "home"
    folder = inbox(
        home, "shop-2013-01.csv", "shop-2013-02.csv", "shop-2013-02.csv.zst", "shop-2014-01.csv", "sales.csv"
    )
    inbox_noise = (".hidden", "shop-2013-03.csv.part")
    for name in inbox_noise:
        (folder / name).touch()
    (folder / "old").mkdir()
    (tmp_path / "secret").touch()
    (folder / "shop-2013-03.csv").symlink_to(tmp_path / "secret")
    assert reasons(home, MONTHS, "data/in/shop-{%Y-%m}.csv.gz") == {
        "old": "is not a file; put the files themselves here",
        "sales.csv": (
            "the name does not fit shop-{%Y-%m}.csv (plain, .gz or .zst); rename the file, "
            "for example to shop-2013-01.csv"
        ),
        "shop-2013-02.csv.zst": "is there twice, also as data/inbox/shop/shop-2013-02.csv; remove one of them",
        "shop-2013-03.csv": (
            "a link leads out of the project, which is not followed; copy the file to this place instead"
        ),
        "shop-2014-01.csv": (
            "2014-01 is outside the partitions, which are 2013-01 to 2013-03; rename the file, or extend `partitions`"
        ),
    }


def test_a_day_that_begins_no_week_says_so(tmp_path: Path) -> None:
    inbox(tmp_path, "w-2013-01-08.csv")
    assert reasons(tmp_path, {"every": "week", "start": "2013-01-07"}, "in/w-{%Y-%m-%d}.csv") == {
        "w-2013-01-08.csv": (
            "the name states '2013-01-08' is not the start of a week (weeks begin on Monday); "
            "did you mean 2013-01-07 or 2013-01-14?"
        )
    }


def test_names_that_make_one_key_are_misfits(tmp_path: Path) -> None:
    inbox(tmp_path, "a b.csv", "a-b.csv", "c.csv")
    assert reasons(tmp_path, "file", "in/*.csv") == {
        "a-b.csv": "makes the partition key 'a-b', as data/inbox/shop/a b.csv does; rename one of them"
    }


def test_an_inbox_that_is_not_declared_is_said_to_be_passed_over(tmp_path: Path) -> None:
    folder = inbox(tmp_path, ".hidden")
    declaration = DatasetDeclaration.model_validate({"name": "shop", "source": "in/shop.csv"})
    assert misfits(declaration, tmp_path, tmp_path / "data") == []
    (folder / "shop.csv").touch()
    [misfit] = misfits(declaration, tmp_path, tmp_path / "data")
    assert misfit.name == "data/inbox/shop"
    assert misfit.reason == (
        "is not looked into; declare `inbox: true` in the dataset's YAML, or move away what lies there"
    )


def test_an_inbox_that_is_not_there_has_no_misfits(tmp_path: Path) -> None:
    assert reasons(tmp_path, "file", "in/*.csv") == {}


@linux
def test_a_file_is_open_for_writing_until_its_writer_closes_it(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    with path.open("w"):
        assert is_open_for_writing(path)
    with path.open("rb"):
        assert not is_open_for_writing(path)
    with path.open("r+b"):
        assert is_open_for_writing(path)
    assert not is_open_for_writing(path)


@linux
def test_a_renamed_or_linked_file_is_still_seen_as_open(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    with path.open("w"):
        os.link(path, tmp_path / "b.csv")
        path.rename(tmp_path / "c.csv")
        assert is_open_for_writing(tmp_path / "b.csv")
        assert is_open_for_writing(tmp_path / "c.csv")


def test_where_the_system_does_not_say_a_file_counts_as_closed(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    with path.open("w"):
        assert not is_open_for_writing(path, proc=tmp_path / "none")
    assert not is_open_for_writing(tmp_path / "missing.csv")
