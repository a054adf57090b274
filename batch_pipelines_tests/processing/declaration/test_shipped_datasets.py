"""The datasets of batch_pipelines/defs, against the real samples they name."""

from pathlib import Path

import pandas as pd
import pytest

import batch_pipelines
from batch_pipelines.processing.declaration.catalog import Catalog, Entry, load_catalog
from batch_pipelines.processing.rows.transform import load_transform
from batch_pipelines.processing.sources.files import existing_partitions, files_of

DEFS = Path(batch_pipelines.__file__).parent / "defs"
HOME = DEFS.parent.parent
NAMES = ["airlines", "airports", "flights", "planes", "subscribers", "weather"]


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog(DEFS)


def first_file(entry: Entry) -> Path:
    partition = existing_partitions(entry.declaration, HOME, HOME / "data")[0]
    return files_of(entry.declaration, partition, HOME, HOME / "data")[0].path


def test_flights_come_after_all_that_they_refer_to(catalog: Catalog) -> None:
    order = catalog.order()
    assert sorted(order) == NAMES
    assert all(order.index(name) < order.index("flights") for name in ("airlines", "airports", "planes"))


@pytest.mark.parametrize("name", NAMES)
def test_each_is_described_and_owned(catalog: Catalog, name: str) -> None:
    declaration = catalog.entries[name].declaration
    assert declaration.description
    assert declaration.owners


@pytest.mark.parametrize("name", NAMES)
def test_each_declares_exactly_the_columns_of_its_file(catalog: Catalog, name: str) -> None:
    declaration = catalog.entries[name].declaration
    header = pd.read_csv(first_file(catalog.entries[name]), nrows=0)
    assert list(declaration.columns or {}) == list(header.columns)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "subscribers"])  # who may be there twice
def test_the_key_of_each_is_unique_in_its_file(catalog: Catalog, name: str) -> None:
    entry = catalog.entries[name]
    rows = pd.read_csv(first_file(entry), dtype=str, keep_default_na=False)
    assert not rows.duplicated(entry.declaration.key).any()


@pytest.mark.parametrize("name", [name for name in NAMES if name != "flights"])
def test_required_columns_of_the_lookups_are_never_missing(catalog: Catalog, name: str) -> None:
    entry = catalog.entries[name]
    rows = pd.read_csv(first_file(entry), dtype=str, keep_default_na=False)
    required = [name for name, column in (entry.declaration.columns or {}).items() if column.required]
    assert not rows[required].isin(["", "NA"]).any(axis=None)


def test_the_flights_are_partitioned_by_month(catalog: Catalog) -> None:
    partitions = existing_partitions(catalog.entries["flights"].declaration, HOME, HOME / "data")
    assert partitions == [f"2013-{month:02}" for month in range(1, 13)]


def test_delays_become_bands() -> None:
    delay_bands = load_transform("transform:delay_bands", DEFS / "flights")
    frame = pd.DataFrame(
        {
            "arr_delay": pd.array([-1, 0, 14, 15, 59, 60, None, None], dtype="Int64"),
            "cancelled": pd.array([False] * 6 + [True, False], dtype="boolean"),
        }
    )
    bands = delay_bands(frame)["delay_band"]
    expected = ["early", "on time", "on time", "late", "late", "very late", "cancelled"]
    assert list(bands)[:7] == expected
    assert pd.isna(bands.iloc[7])
    assert list(delay_bands(frame).columns) == ["arr_delay", "cancelled", "delay_band"]
