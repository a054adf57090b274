"""YAML files with positions, and a model's complaints in words."""

from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from batch_pipelines.core.declaring.yaml_files import MAX_BYTES, MAX_DEPTH, read_documents, validate
from batch_pipelines.core.errors import ConfigError


class Wheel(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    inches: int = Field(ge=1, le=40)
    kind: Literal["spoked", "solid"] = "spoked"


class Bicycle(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    name: str
    wheels: list[Wheel] = []
    spares: dict[str, Wheel] = {}
    owner: str | None = Field(default=None, validation_alias="of")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(folder: Path, text: str | bytes) -> ConfigError:
    file = folder / "bike.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError) as caught:
        read_all(file)
    return caught.value


def read_all(file: Path) -> list[Bicycle]:
    return [validate(Bicycle, document) for document in read_documents(file)]


def test_documents_know_the_line_of_every_key(folder: Path) -> None:
    file = folder / "bike.yaml"
    file.write_text("name: a\nwheels:\n  - inches: 28\n  - {inches: 26}\n---\n\nname: b\n---\n")
    first, second = read_documents(file)
    assert (first.data, second.data) == (
        {"name": "a", "wheels": [{"inches": 28}, {"inches": 26}]},
        {"name": "b"},
    )
    assert [first.line_of(path) for path in (("name",), ("wheels", 1), ("wheels", 1, "inches"))] == [1, 4, 4]
    assert first.line_of(("wheels", 0, "nowhere")) == 3
    assert second.line == 7
    assert first.file == "bike.yaml"


def test_a_valid_document_becomes_the_model(folder: Path) -> None:
    file = folder / "bike.yaml"
    file.write_text("type: x\nattributes: {wheels: [{inches: 28}]}\n")
    (document,) = read_documents(file)
    bicycle = validate(Bicycle, document, at=("attributes",), given={"name": "folder"})
    assert bicycle == Bicycle(name="folder", wheels=[Wheel(inches=28)])


def test_empty_attributes_take_what_is_given(folder: Path) -> None:
    (folder / "bike.yaml").write_text("attributes:\n")
    (document,) = read_documents(folder / "bike.yaml")
    assert validate(Bicycle, document, at=("attributes",), given={"name": "x"}).name == "x"


def test_an_unknown_key_names_the_nearest_allowed_one(folder: Path) -> None:
    error = refused(folder, "name: a\nwheel: []\n")
    assert str(error) == "bike.yaml:2: unknown key 'wheel'; did you mean 'wheels'?"
    assert (error.file, error.line) == ("bike.yaml", 2)


def test_an_unknown_key_that_is_near_none_gets_the_list(folder: Path) -> None:
    message = str(refused(folder, "name: a\nspares:\n  front: {inches: 3, zzz: 1}\n"))
    assert message == "bike.yaml:3: spares.front: unknown key 'zzz'; allowed: inches, kind"
    assert str(refused(folder, "name: a\nqqq: 1\n")).endswith("allowed: name, wheels, spares, of")


def test_all_problems_are_listed_by_line(folder: Path) -> None:
    error = refused(folder, "wheels:\n  - {inches: 99}\n  - {inches: big, kind: round}\nof: 3\n")
    assert str(error).splitlines() == [
        "bike.yaml:1: key 'name' is missing",
        "bike.yaml:2: wheels[0].inches: 99 is out of range; it has to be at most 40",
        "bike.yaml:3: wheels[1].inches: 'big' is not a whole number",
        "bike.yaml:3: wheels[1].kind: 'round' is not allowed; write 'spoked' or 'solid'",
        "bike.yaml:4: of: 3 is not text; put it in quotes, as YAML reads it otherwise",
    ]
    assert error.line == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: a\nname: b\n", "bike.yaml:2: key 'name' is given twice, on lines 1 and 2"),
        ("name: &x a\nof: *x\n", "bike.yaml:2: aliases (*x) are not supported; write the value out"),
        (
            "name: a\nno: 1\n",
            "bike.yaml:2: key 'no' is not text; put it in quotes, as YAML reads it otherwise",
        ),
        ("name: a\n? [1]\n: 2\n", "bike.yaml:2: 'tag:yaml.org,2002:seq' is not supported"),
        ("name: !!python/object:os.system x\n", "bike.yaml:1: 'x' is not a value YAML can hold"),
        ("name: !!binary aGk=\n", "bike.yaml:1: 'tag:yaml.org,2002:binary' is not supported"),
        ("name: 2013-13-45\n", "bike.yaml:1: '2013-13-45' is not a value YAML can hold; put it in quotes"),
        ("name: [1, 2\n", "bike.yaml:2: is not valid YAML: did not find expected ',' or ']'"),
        ("name: a\n\tof: b\n", "bike.yaml:2: is not valid YAML: found"),
        ("name: \x01\n", "bike.yaml:1: is not valid YAML: control characters are not allowed"),
        (b"name: a\nof: \xff\n", "bike.yaml:2: is not UTF-8 text; save the file as UTF-8"),
        ("[" * 40 + "]" * 40, f"bike.yaml:1: is nested more than {MAX_DEPTH} levels deep"),
        ("[" * 100_000, "bike.yaml:1: is not valid YAML: exceeded maximum nesting depth"),
        ("#" * (MAX_BYTES + 1), "bike.yaml: is larger than 1,048,576 bytes"),
        ("- 1\n", "bike.yaml:1: a list is not a mapping of keys to values"),
        ("name:\n", "bike.yaml:1: name: nothing is not text"),
        (f"name: {'1' * 5000}\n", "is not a value YAML can hold; put it in quotes if it is text"),
    ],
)
def test_what_no_configuration_needs_is_refused(folder: Path, text: str | bytes, message: str) -> None:
    assert message in str(refused(folder, text))


def test_a_long_value_is_shortened_in_its_message(folder: Path) -> None:
    assert len(str(refused(folder, f"name: a\nwheels: {'x' * 10_000}\n"))) < 200


def test_a_missing_file_is_named(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"^none\.yaml: cannot be read: No such file or directory$"):
        read_documents(folder / "none.yaml")


def test_a_missing_part_is_named(folder: Path) -> None:
    (folder / "bike.yaml").write_text("type: x\n")
    (document,) = read_documents(folder / "bike.yaml")
    with pytest.raises(ConfigError, match=r"^bike\.yaml:1: key 'attributes' is missing$"):
        validate(Bicycle, document, at=("attributes",))
