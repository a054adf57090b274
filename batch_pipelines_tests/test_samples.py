"""The committed sample data: complete, small, as documented."""

import csv
import gzip
from pathlib import Path

import pytest

SAMPLES = Path(__file__).parents[1] / "data" / "samples"
MONTHS = [f"2013-{month:02}" for month in range(1, 13)]


def rows(name: str) -> list[dict[str, str]]:
    path = SAMPLES / name
    text = gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text()
    return list(csv.DictReader(text.splitlines()))


@pytest.fixture(scope="module")
def flights() -> dict[str, list[dict[str, str]]]:
    return {month: rows(f"flights-{month}.csv.gz") for month in MONTHS}


def test_the_year_has_all_its_flights_each_in_the_file_of_its_month(
    flights: dict[str, list[dict[str, str]]],
) -> None:
    strays = [row for month in MONTHS for row in flights[month] if f"2013-{int(row['month']):02}" != month]

    assert sum(map(len, flights.values())) == 336_776
    assert strays == []


def test_airports_lacks_four_destinations_and_airports_extra_has_just_them(
    flights: dict[str, list[dict[str, str]]],
) -> None:
    known = {row["faa"] for row in rows("airports.csv")}
    unknown = [row["dest"] for month in MONTHS for row in flights[month] if row["dest"] not in known]

    extra = rows("airports-extra.csv")

    assert len(unknown) == 7_602
    assert {row["faa"] for row in extra} == set(unknown)
    assert list(extra[0]) == list(rows("airports.csv")[0])


@pytest.mark.parametrize(
    ("name", "count"),
    [("airlines.csv", 16), ("airports.csv", 1_458), ("planes.csv", 3_322), ("weather.csv.gz", 26_115)],
)
def test_a_lookup_table_is_whole(name: str, count: int) -> None:
    assert len(rows(name)) == count


def test_the_compressed_files_carry_no_time_of_their_making() -> None:
    assert {path.read_bytes()[4:8] for path in SAMPLES.glob("*.gz")} == {b"\0\0\0\0"}


def test_all_samples_together_stay_under_10_mb() -> None:
    assert sum(path.stat().st_size for path in SAMPLES.iterdir() if path.is_file()) < 10_000_000
