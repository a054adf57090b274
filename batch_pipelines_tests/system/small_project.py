"""A project's home with little input: the shipped datasets on the first rows of every month's flights.

What must not live here: processes (dagster_dev.py).
"""

import csv
import gzip
import io
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from batch_pipelines.lake.query import count_rows, open_tables, run_query, table_names

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "data" / "samples"
PROGRAMS = Path(sys.executable).parent
MONTHS = [f"2013-{month:02d}" for month in range(1, 13)]
ROWS = 300
FOREIGN = ("BP_", "DAGSTER_", "PYTEST_", "VIRTUAL_ENV", "PYTHONPATH", "PYTHONWARNINGS")

Row = tuple[str, str, int, str]


@dataclass(frozen=True, slots=True)
class SmallProject:
    """A home as a user has it, and what its tables must come to.

    Attributes:
        home: The folder with workspace.yaml, dagster.yaml and data/.
    """

    home: Path

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def inbox(self) -> Path:
        return self.data / "inbox" / "flights"

    def source(self, month: str) -> Path:
        """The source file of a month."""
        return self.data / "samples" / f"flights-{month}.csv.gz"

    def good_rows(self, *months: str) -> list[Row]:
        """The rows that the table must have of these months, worked out without us."""
        return sorted(row for month in months for row in good_rows(gzip.decompress(self.source(month).read_bytes())))

    def rows(self, *months: str) -> list[Row]:
        """The rows that the table has of these months."""
        if "flights" not in table_names(self.data):
            return []
        with open_tables(self.data, ["flights"], system_columns=True) as connection:
            wanted = ", ".join(f"'{month}'" for month in months)
            found = run_query(
                connection,
                "select strftime(time_hour, '%Y-%m-%dT%H:%M:%SZ') as hour, carrier, flight, dest "
                f"from flights where _partition in ({wanted})",
            )
        return sorted((row["hour"], row["carrier"], row["flight"], row["dest"]) for row in found.to_pylist())

    def count(self) -> int:
        """Rows of the whole table."""
        return count_rows(self.data, "flights")


def make_project(home: Path, rows: int = ROWS) -> SmallProject:
    """Make a home from the files that are tracked, with `rows` flights a month."""
    samples = home / "data" / "samples"
    samples.mkdir(parents=True)
    for name in ("dagster.yaml", "workspace.yaml", "dg.toml"):
        shutil.copy(ROOT / name, home)
    for name in ("airlines.csv", "airports.csv", "planes.csv"):
        shutil.copy(SAMPLES / name, samples)
    for month in MONTHS:
        packed = gzip.compress(flights(month, 0, rows), mtime=0)
        (samples / f"flights-{month}.csv.gz").write_bytes(packed)
    project = SmallProject(home)
    project.inbox.mkdir(parents=True)
    return project


def flights(month: str, start: int, rows: int) -> bytes:
    """Some of a month's flights as CSV, header included."""
    with gzip.open(SAMPLES / f"flights-{month}.csv.gz") as stream:
        lines = [stream.readline(), *stream.readlines()[start : start + rows]]
    return b"".join(lines)


def good_rows(source: bytes) -> list[Row]:
    """The flights of a CSV file whose destination is known: of the samples, no other rule is broken."""
    with (SAMPLES / "airports.csv").open(newline="") as stream:
        known = {airport["faa"] for airport in csv.DictReader(stream)}
    records = csv.DictReader(io.StringIO(source.decode()))
    return sorted(
        (row["time_hour"], row["carrier"], int(row["flight"]), row["dest"]) for row in records if row["dest"] in known
    )


def environment(**more: str) -> dict[str, str]:
    """The environment of someone who has opened a new shell: nothing of ours in it but `more`."""
    return {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)} | more
