"""All datasets together."""

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from batch_pipelines.core.errors import ConfigError
from batch_pipelines.processing.declaration.catalog import load_catalog
from batch_pipelines_tests.processing.declaration.declarations import write_dataset


@pytest.fixture
def defs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "defs"


def refused(defs: Path) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load_catalog(defs)
    return caught.value


def test_a_dataset_is_named_after_its_folder_unless_it_says_so(defs: Path) -> None:
    write_dataset(defs, "shop", "source: data/shop.csv")
    write_dataset(defs, "deep/other", "name: till\nsource: data/till.csv")
    datasets = load_catalog(defs).entries
    assert list(datasets) == ["shop", "till"]
    assert (datasets["till"].folder, datasets["till"].file, datasets["till"].line) == (
        defs / "deep/other",
        "defs/deep/other/defs.yaml",
        1,
    )


def test_other_types_are_passed_over(defs: Path) -> None:
    file = write_dataset(defs, "shop", "source: data/shop.csv")
    report = "type: batch_pipelines.components.Report\nattributes: {nonsense: 1}\n"
    file.write_text(f"{report}---\n{file.read_text()}---\n- a list\n")
    shop = load_catalog(defs).entries["shop"]
    assert shop.line == 4


def test_no_defs_are_no_datasets(defs: Path) -> None:
    assert dict(load_catalog(defs).entries) == {}


def test_problems_of_all_files_are_listed(defs: Path) -> None:
    write_dataset(defs, "a", "sauce: x")
    write_dataset(defs, "b", "source: b.csv\nlanes: 0")
    (defs / "c").mkdir()
    (defs / "c" / "defs.yaml").write_text("a: [\n")
    error = refused(defs)
    assert [line.partition(": ")[0] for line in str(error).splitlines()] == [
        "defs/a/defs.yaml:2",
        "defs/a/defs.yaml:3",
        "defs/b/defs.yaml:4",
        "defs/c/defs.yaml:2",
    ]
    assert (error.file, error.line) == ("defs/a/defs.yaml", 2)


def test_a_folder_that_is_no_name_asks_for_one(defs: Path) -> None:
    write_dataset(defs, "My-Shop", "source: a.csv")
    assert "defs/My-Shop/defs.yaml:2: name: 'My-Shop' is not a name" in str(refused(defs))


def test_a_document_without_attributes_is_refused(defs: Path) -> None:
    write_dataset(defs, "shop", "").write_text("type: batch_pipelines.components.Dataset\n")
    assert str(refused(defs)) == "defs/shop/defs.yaml:1: key 'attributes' is missing"


def test_two_datasets_of_one_name_are_refused_naming_both_files(defs: Path) -> None:
    write_dataset(defs, "a", "name: shop\nsource: a.csv")
    write_dataset(defs, "b", "source: b.csv\nname: shop")
    assert str(refused(defs)) == (
        "defs/b/defs.yaml:4: dataset 'shop' is declared already in defs/a/defs.yaml:1; give one of them another name"
    )


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (
            "{type: string, in: airport.faa}",
            "columns.a.in: there is no dataset 'airport'; did you mean 'airports'?",
        ),
        ("{type: string, in: zzz.faa}", "columns.a.in: there is no dataset 'zzz'; declared: airports, shop"),
        (
            "{type: string, in: airports.code}",
            "columns.a.in: dataset 'airports' has no column 'code'; declared: faa, alt, short",
        ),
        (
            "{type: string, in: airports.alt}",
            "columns.a.in: airports.alt is int, this column is string; both have to be of one type",
        ),
    ],
)
def test_a_reference_to_nothing_is_refused_with_what_there_is(defs: Path, column: str, message: str) -> None:
    write_dataset(defs, "airports", "source: a.csv\ncolumns: {faa: string, alt: int}\nderive: {short: lower(faa)}")
    write_dataset(defs, "shop", f"source: s.csv\ncolumns:\n  a: {column}")
    assert str(refused(defs)) == f"defs/shop/defs.yaml:5: {message}"


def test_references_to_derived_and_to_inferred_columns_are_taken(defs: Path) -> None:
    write_dataset(defs, "airports", "source: a.csv\ncolumns: {faa: string}\nderive: {short: lower(faa)}")
    write_dataset(defs, "planes", "source: p.csv")
    columns = "{a: {type: string, in: airports.short}, b: {type: int, in: planes.anything}}"
    write_dataset(defs, "shop", f"source: s.csv\ncolumns: {columns}")
    assert load_catalog(defs).order() == ["airports", "planes", "shop"]


def test_references_in_a_circle_are_refused(defs: Path) -> None:
    for name, target in (("a", "b"), ("b", "c"), ("c", "a")):
        write_dataset(defs, name, f"source: s.csv\ncolumns: {{x: {{type: int, in: {target}.x}}}}")
    message = str(refused(defs))
    assert "references go in a circle: " in message
    assert message.endswith("; one of them has to go")
    circle = message.split("circle: ", 1)[1].split(";", 1)[0].split(" → ")
    assert (len(circle), circle[0], set(circle)) == (4, circle[-1], {"a", "b", "c"})
    assert all({"a": "b", "b": "c", "c": "a"}[one] == other for one, other in pairwise(circle))


def test_a_dataset_that_refers_to_itself_is_refused(defs: Path) -> None:
    write_dataset(defs, "a", "source: s.csv\ncolumns: {x: {type: int, in: a.x}}")
    assert "references go in a circle: a → a" in str(refused(defs))


def test_a_transform_without_its_file_is_refused(defs: Path) -> None:
    write_dataset(defs, "a", "source: s.csv\ntransform: tidy:up")
    assert str(refused(defs)) == (
        "defs/a/defs.yaml:4: transform: there is no tidy.py beside the YAML; put the function in there"
    )


def test_an_order_of_some_puts_references_first_and_names_unknown_ones(defs: Path) -> None:
    write_dataset(defs, "z", "source: z.csv\ncolumns: {x: int}")
    write_dataset(defs, "a", "source: a.csv\ncolumns: {x: {type: int, in: z.x}}")
    write_dataset(defs, "m", "source: m.csv")
    catalog = load_catalog(defs)
    assert catalog.order(["a", "z"]) == ["z", "a"]
    with pytest.raises(ConfigError, match=r"^there is no dataset 'zz'; did you mean 'z'\?$"):
        catalog.order(["zz"])


def test_loading_the_shipped_datasets_imports_no_data_library() -> None:
    heavy = "pandas", "duckdb", "deltalake", "dagster"
    code = (
        "import sys; from pathlib import Path; import batch_pipelines\n"
        "from batch_pipelines.processing.declaration.catalog import load_catalog\n"
        "load_catalog(Path(batch_pipelines.__file__).parent / 'defs')\n"
        f"sys.exit(', '.join(sorted(set({heavy}) & set(sys.modules))) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
