"""From a partition to its files."""

import hashlib
import os
from pathlib import Path

import pytest

from batch_pipelines.core.errors import ConfigError, InputError
from batch_pipelines.processing.declaration.model import DatasetDeclaration
from batch_pipelines.processing.sources.files import (
    combined,
    existing_partitions,
    file_key,
    files_of,
    fingerprint,
    partition_of,
    sha256_of,
    source_file,
)


def dataset(source: str, partitions: object = None, *, inbox: bool = True) -> DatasetDeclaration:
    return DatasetDeclaration.model_validate(
        {"name": "shop", "source": source, "partitions": partitions, "inbox": inbox}
    )


MONTHS = dataset("data/in/shop-{%Y-%m}.csv.gz", {"every": "month", "start": "2013-01", "end": "2013-03"})
BY_FILE = dataset("data/in/*.csv", "file")


class Places:
    """A project's home with files in it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.data = home / "data"
        self.data.mkdir()

    def put(self, *names: str) -> None:
        for name in names:
            path = self.home / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)

    def names(self, declaration: DatasetDeclaration, partition: str) -> list[str]:
        return [file.name for file in files_of(declaration, partition, self.home, self.data)]

    def partitions(self, declaration: DatasetDeclaration) -> list[str]:
        return existing_partitions(declaration, self.home, self.data)

    def refused(self, declaration: DatasetDeclaration, partition: str) -> str:
        with pytest.raises(InputError) as caught:
            files_of(declaration, partition, self.home, self.data)
        return str(caught.value)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    home = tmp_path / "home"
    home.mkdir()
    return Places(home)


def test_a_template_names_the_file_of_a_window(places: Places) -> None:
    places.put(
        "data/in/shop-2013-01.csv.gz",
        "data/in/shop-2013-02.csv.gz",
        "data/in/shop-2012-12.csv.gz",
        "data/in/x",
    )
    (file,) = files_of(MONTHS, "2013-02", places.home, places.data)
    assert (file.name, file.path) == (
        "data/in/shop-2013-02.csv.gz",
        places.home / "data/in/shop-2013-02.csv.gz",
    )
    assert places.partitions(MONTHS) == ["2013-01", "2013-02"]


def test_a_template_may_name_times_more_than_once_and_in_folders(places: Places) -> None:
    daily = dataset("in/{%Y}/{%m}/s-{%Y%m%d}-*.csv", {"every": "day", "start": "2013-01-01"}, inbox=False)
    places.put("in/2013/01/s-20130131-b.csv", "in/2013/01/s-20130131-a.csv", "in/2013/02/s-20130131-c.csv")
    places.put("in/2013/02/s-20130230-a.csv", "in/2013/02/s-20130228-a.csv")
    assert places.partitions(daily) == ["2013-01-31", "2013-02-28"]
    assert places.names(daily, "2013-01-31") == ["in/2013/01/s-20130131-a.csv", "in/2013/01/s-20130131-b.csv"]


@pytest.mark.parametrize(
    ("every", "template", "name", "key"),
    [
        ("hour", "h-{%Y-%m-%dT%H}.csv", "h-2013-01-02T05.csv", "2013-01-02-05:00"),
        ("day", "d-{%Y%j}.csv", "d-2013032.csv", "2013-02-01"),
        ("day", "d-{%y%m%d}.csv", "d-130201.csv", "2013-02-01"),
        ("week", "w-{%G-W%V}.csv", "w-2013-W02.csv", "2013-01-07"),
        ("week", "w-{%Y-%m-%d}.csv", "w-2013-01-07.csv", "2013-01-07"),
        ("month", "m-{%m.%Y}.csv", "m-02.2013.csv.zst", "2013-02"),
    ],
)
def test_a_name_states_its_window(every: str, template: str, name: str, key: str) -> None:
    assert (
        partition_of(
            dataset(f"in/{template}", {"every": every, "start": "2012-12-03" if every == "week" else "2012-12-01"}),
            name,
        )
        == key
    )


@pytest.mark.parametrize(
    "name",
    [
        "shop-2013-04.csv",
        "shop-2013-13.csv",
        "shop-2013-1.csv",
        "shop-2013-01.csv.bz2",
        "shop-2013-01.csv.gz.part",
        ".shop-2013-01.csv.gz",
        "shop-2013-01.csv~",
        "shop-2013-01.csv.tmp",
        "xshop-2013-01.csv",
        "shop-2013-01.csv\n",
        "shop-\uff12\uff10\uff11\uff13-01.csv",
    ],
)
def test_a_name_that_fits_no_window_has_no_partition(name: str) -> None:
    assert partition_of(MONTHS, name) is None


def test_a_dataset_without_partitions_takes_all_its_files(places: Places) -> None:
    places.put(
        "data/in/b.csv",
        "data/in/a.csv",
        "data/in/c.txt",
        "data/in/.d.csv",
        "data/in/e.csv.tmp",
        "data/in/f.csv/x",
    )
    everything = dataset("data/in/*.csv")
    assert places.names(everything, "all") == ["data/in/a.csv", "data/in/b.csv"]
    assert places.partitions(everything) == ["all"]
    assert places.partitions(dataset("data/none/?.csv")) == []


@pytest.mark.parametrize("ending", ["", ".gz", ".zst"])
def test_an_inbox_file_wins_whatever_its_compression(places: Places, ending: str) -> None:
    places.put("data/in/shop-2013-01.csv.gz", f"data/inbox/shop/shop-2013-01.csv{ending}")
    assert places.names(MONTHS, "2013-01") == [f"data/inbox/shop/shop-2013-01.csv{ending}"]


def test_an_inbox_file_alone_makes_its_partition(places: Places) -> None:
    places.put(
        "data/inbox/shop/shop-2013-03.csv",
        "data/inbox/other/shop-2013-02.csv",
        "data/inbox/shop/.shop-2013-01.csv",
    )
    assert places.partitions(MONTHS) == ["2013-03"]
    assert places.names(MONTHS, "2013-03") == ["data/inbox/shop/shop-2013-03.csv"]


def test_an_inbox_file_replaces_its_namesake_and_leaves_the_others(places: Places) -> None:
    places.put("data/in/a.csv", "data/in/b.csv", "data/inbox/shop/b.csv.gz", "data/inbox/shop/c.csv")
    assert places.names(dataset("data/in/*.csv"), "all") == [
        "data/in/a.csv",
        "data/inbox/shop/b.csv.gz",
        "data/inbox/shop/c.csv",
    ]


def test_without_an_inbox_nothing_in_it_counts(places: Places) -> None:
    places.put("data/inbox/shop/a.csv")
    assert places.partitions(dataset("data/in/*.csv", inbox=False)) == []


def test_data_outside_the_home_has_an_inbox_too(places: Places, tmp_path: Path) -> None:
    inbox = tmp_path / "elsewhere" / "inbox" / "shop"
    inbox.mkdir(parents=True)
    (inbox / "shop-2013-01.csv").touch()
    (file,) = files_of(MONTHS, "2013-01", places.home, tmp_path / "elsewhere")
    assert (file.name, file.path) == ("data/inbox/shop/shop-2013-01.csv", inbox / "shop-2013-01.csv")


def test_one_partition_per_file(places: Places) -> None:
    places.put("data/in/A b.csv", "data/in/c.csv", "data/inbox/shop/c.csv.gz", "data/inbox/shop/d.csv")
    assert places.partitions(BY_FILE) == ["a-b", "c", "d"]
    assert places.names(BY_FILE, "a-b") == ["data/in/A b.csv"]
    assert places.names(BY_FILE, "c") == ["data/inbox/shop/c.csv.gz"]


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("sales_2013-01.csv.gz", "sales_2013-01"),
        ("Sales Q1.CSV", "sales-q1"),
        ("a.b.csv", "a.b"),
        ("noending", "noending"),
        ("a...b.csv", "a.b"),
    ],
)
def test_a_plain_name_is_its_own_key(name: str, key: str) -> None:
    assert file_key(name) == key


@pytest.mark.parametrize(
    "name",
    [
        "über.csv",
        "日本.csv",
        "中国.csv",
        "a\nb.csv",
        "a\tb.csv",
        "x'; drop.csv",
        "a/../b.csv",
        "x" * 250 + ".csv",
        "\udcff.csv",
        "\uff0e\uff0e.csv",
    ],
)
def test_any_other_name_gets_a_safe_key_of_its_own(name: str) -> None:
    key = file_key(name)
    assert set(key) <= set("abcdefghijklmnopqrstuvwxyz0123456789._-")
    assert 0 < len(key) <= 100
    assert ".." not in key
    assert key[-9] == "-"
    assert key != file_key("y" + name)
    assert not key.startswith((".", "-"))


def test_names_that_make_one_key_are_refused(places: Places) -> None:
    places.put("data/in/a b.csv", "data/in/a-b.csv")
    assert places.refused(BY_FILE, "a-b") == (
        "data/in/a-b.csv: makes the partition key 'a-b', as data/in/a b.csv does; rename one of them"
    )


def test_a_file_that_is_there_twice_is_refused(places: Places) -> None:
    places.put("data/inbox/shop/shop-2013-01.csv", "data/inbox/shop/shop-2013-01.csv.gz")
    assert places.refused(MONTHS, "2013-01") == (
        "data/inbox/shop/shop-2013-01.csv.gz: is there twice, "
        "also as data/inbox/shop/shop-2013-01.csv; remove one of them"
    )


def test_a_missing_file_is_named_with_the_places_and_the_cure(places: Places) -> None:
    assert places.refused(MONTHS, "2013-02") == (
        "data/in/shop-2013-02.csv.gz: partition '2013-02' of dataset 'shop' has no file; "
        "looked for data/in/shop-2013-02.csv.gz and data/inbox/shop/shop-2013-02.csv (plain, .gz or .zst). "
        "Put the file there, or correct `source` in the dataset's YAML"
    )
    assert "looked for data/a.csv. Put" in places.refused(dataset("data/a.csv", inbox=False), "all")
    assert "partition 'x' of dataset 'shop' has no file; looked for data/in/*.csv" in places.refused(BY_FILE, "x")


def test_a_partition_that_is_none_is_refused(places: Places) -> None:
    with pytest.raises(
        ConfigError, match="partition '2014-01' is outside the partitions, which are 2013-01 to 2013-03"
    ):
        files_of(MONTHS, "2014-01", places.home, places.data)


@pytest.mark.parametrize("where", ["data/in", "data/inbox/shop"])
def test_a_link_out_of_the_project_is_refused(places: Places, tmp_path: Path, where: str) -> None:
    (tmp_path / "secret.csv").write_text("secret")
    (places.home / where).mkdir(parents=True)
    (places.home / where / "a.csv").symlink_to(tmp_path / "secret.csv")
    assert places.refused(BY_FILE, "a") == (
        f"{where}/a.csv: a link leads out of the project, which is not followed; copy the file to this place instead"
    )


def test_a_linked_folder_out_of_the_project_is_refused(places: Places, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "a.csv").touch()
    (places.data / "in").symlink_to(tmp_path / "outside")
    assert "a link leads out of the project" in places.refused(BY_FILE, "a")


def test_a_link_within_the_project_is_followed(places: Places) -> None:
    places.put("data/real/a.csv")
    (places.data / "in").mkdir()
    (places.data / "in" / "a.csv").symlink_to(places.data / "real" / "a.csv")
    assert places.names(BY_FILE, "a") == ["data/in/a.csv"]


def test_control_characters_are_escaped_in_names_that_people_see(places: Places) -> None:
    places.put("data/in/a\n\x1b[31m.csv")
    (partition,) = places.partitions(BY_FILE)
    assert places.names(BY_FILE, partition) == ["data/in/a\\n\\x1b[31m.csv"]


def test_a_name_that_is_no_text_is_refused(places: Places) -> None:
    with pytest.raises(InputError, match=r"^a\\udcff\.csv: the name is not valid UTF-8; rename the file$"):
        source_file(places.home / os.fsdecode(b"a\xff.csv"), places.home, places.data)


def test_content_alone_makes_the_fingerprint(places: Places) -> None:
    for name, text in {"a": "1", "b": "2", "c": "1", "d": "2"}.items():
        (places.home / name).write_text(text)
    a, b, c, d = (source_file(places.home / name, places.home, places.data) for name in "abcd")
    assert sha256_of(a) == hashlib.sha256(b"1").hexdigest()
    assert fingerprint([a, b]) == fingerprint([c, d]) == combined([sha256_of(a), sha256_of(b)])
    assert len({fingerprint([a, b]), fingerprint([b, a]), fingerprint([a]), fingerprint([])}) == 4


def test_a_file_that_vanished_has_no_fingerprint(places: Places) -> None:
    places.put("a.csv")
    file = source_file(places.home / "a.csv", places.home, places.data)
    file.path.unlink()
    with pytest.raises(InputError, match=r"^a\.csv: cannot be read: No such file or directory$"):
        fingerprint([file])
