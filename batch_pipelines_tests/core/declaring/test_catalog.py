"""Pipelines of one kind in a folder of YAML, whatever the kind is."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from batch_pipelines.core.declaring.catalog import Catalog, Entry, read_entries
from batch_pipelines.core.declaring.declared import ATTRIBUTES, Declaration
from batch_pipelines.core.declaring.yaml_files import Document, refusal, validate
from batch_pipelines.core.errors import ConfigError


class Bicycle(Declaration):
    wheels: int = 2


def read(document: Document, folder: Path) -> Entry[Bicycle]:
    return Entry(validate(Bicycle, document, at=ATTRIBUTES, given={"name": folder.name}), folder, document)


def one_wheeled(entries: Mapping[str, Entry[Bicycle]]) -> Iterator[ConfigError]:
    for entry in entries.values():
        if entry.declaration.wheels == 1:
            yield refusal(entry.document, [((*ATTRIBUTES, "wheels"), "one wheel is not enough")])


@pytest.fixture
def defs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "defs"


def declare(defs: Path, folder: str, *keys: str, kind: str = "shop.Bicycle") -> None:
    (defs / folder).mkdir(parents=True)
    lines = [f"type: {kind}", "attributes:", *(f"  {key}" for key in keys or ("wheels: 2",))]
    (defs / folder / "defs.yaml").write_text("\n".join(lines))


def load(defs: Path) -> Catalog[Entry[Bicycle]]:
    return Catalog("bicycle", read_entries("bicycle", "shop.Bicycle", defs, read, one_wheeled))


def refused(defs: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(defs)
    return str(caught.value).splitlines()


def test_a_folder_gives_the_name_and_other_types_are_passed_over(defs: Path) -> None:
    declare(defs, "red")
    declare(defs, "blue", "name: sky")
    declare(defs, "boat", kind="shop.Boat")

    assert list(load(defs).entries) == ["red", "sky"]


def test_one_that_is_not_there_is_named_with_the_nearest(defs: Path) -> None:
    declare(defs, "red")

    with pytest.raises(ConfigError, match=r"^there is no bicycle 'rad'; did you mean 'red'\?$"):
        load(defs).entry("rad")


@pytest.mark.parametrize("name", ["2013_flights", "_red", "Red", "red-bike", "rød", "a" * 65])
def test_a_name_begins_with_a_lower_case_letter_in_every_kind(defs: Path, name: str) -> None:
    declare(defs, "red", "wheels: 2", f'name: "{name}"')

    allowed = "allowed: a-z, 0-9 and _, a letter first, at most 64 characters"
    assert refused(defs) == [f"defs/red/defs.yaml:4: name: '{name}' is not a name; {allowed}"]


def test_all_problems_of_all_files_are_listed(defs: Path) -> None:
    declare(defs, "blue", "name: red")
    declare(defs, "green", "wheels: two")
    declare(defs, "red")
    declare(defs, "white", "group: my group", "owners: me")

    cure = "give one of them another name"
    assert refused(defs) == [
        "defs/green/defs.yaml:3: wheels: 'two' is not a whole number",
        "defs/white/defs.yaml:3: group: 'my group' is not a group; allowed: letters, digits and _",
        "defs/white/defs.yaml:4: owners: 'me' is neither an e-mail address nor team:name",
        f"defs/red/defs.yaml:2: bicycle 'red' is declared already in defs/blue/defs.yaml:1; {cure}",
    ]


def test_what_is_wrong_between_them_is_said_where_each_is_right_alone(defs: Path) -> None:
    declare(defs, "monocycle", "wheels: 1")

    assert refused(defs) == ["defs/monocycle/defs.yaml:3: one wheel is not enough"]
